"""Would the exchange take a close of the whole position?

Where it would not, for its value, the position is ``unclosable``: shown, and a case with a
proposal. Prices and the exchange's net move, so the flag is looked at again whenever the symbol is
touched, and at every sweep; it goes once a close would pass.
"""

import logging
from collections.abc import Collection
from decimal import Decimal

from positions.engine.arithmetic import value_of
from positions.engine.closing import exchange_may_reduce_only
from positions.engine.money import floor_to_step
from positions.engine.types import CaseAction, CaseKind, PositionState, Side
from positions.models import Position
from positions.outbox import HeldLane, holding
from positions.ports import MarketRules, exchange, is_worth_too_little
from positions.projector.booking.holdings import tell_position
from positions.projector.cases import open_case, resolve_case, subject_of
from positions.projector.hindrances.elsewhere import must_reduce_only
from positions.volumes import reducible_net

log = logging.getLogger(__name__)


def told_reduce_only(position: Position, rules: MarketRules, qty: Decimal) -> bool:
    """Whether the exchange is told ``reduce only`` of a close of ``qty``."""
    side = Side(position.side).opposite
    return must_reduce_only(position, rules) or exchange_may_reduce_only(
        side,
        qty,
        exchange_net=reducible_net(position.account_id, position.symbol, side, position),
        market=rules.engine_market,
    )


def is_unclosable(position: Position, rules: MarketRules, price: Decimal | None) -> bool:
    """Whether all of the position is worth too little at ``price`` to be closed."""
    qty = floor_to_step(position.qty, rules.amount_step)
    told = told_reduce_only(position, rules, qty)
    return is_worth_too_little(rules, qty, price=price, told_reduce_only=told)


def flag_unclosable(
    lane: HeldLane, position: Position, rules: MarketRules, price: Decimal | None
) -> None:
    """The exchange takes no order this small: the position stays open and somebody is told."""
    if position.unclosable:
        return
    position.unclosable = True
    position.state = PositionState.OPEN
    position.updated_at = lane.now
    position.save(update_fields=["unclosable", "state", "updated_at"])
    tell_position(lane, "position_updated", position)
    notional = None if price is None else value_of(position.qty, price, rules.engine_market)
    open_case(
        lane,
        CaseKind.UNCLOSABLE,
        subject_of(position),
        symbol=position.symbol,
        strategy_id=position.strategy_id,
        position=position,
        facts={"qty": position.qty, "notional": notional, "min_notional": rules.min_cost},
        action=CaseAction.WRITE_OFF,
        proposal="Worth less than the market's minimum: add to it and close all, merge it, or "
        "write it off.",
    )


def tell_unclosable(account_id: int, position_id: int) -> None:
    """A close was refused for its value before it was sent: flag the position if all of it is."""
    with holding(account_id) as lane:
        position = Position.objects.get(pk=position_id)
        rules = exchange().known_market(account_id, position.symbol)
        price = exchange().last_price(account_id, position.symbol)
        if rules is not None and position.qty and is_unclosable(position, rules, price):
            flag_unclosable(lane, position, rules, price)


def look_again(lane: HeldLane, symbol: str, fully: bool) -> None:
    """Take the flag off where a close would pass now."""
    flagged = Position.objects.open().filter(
        account_id=lane.account_id, symbol=symbol, unclosable=True
    )
    for position in flagged.order_by("id"):
        if _would_pass(position):
            position.unclosable = False
            position.updated_at = lane.now
            position.save(update_fields=["unclosable", "updated_at"])
            tell_position(lane, "position_updated", position)
            resolve_case(lane, CaseKind.UNCLOSABLE, subject_of(position))


def sweep(account_ids: Collection[int]) -> None:
    """Touch the symbols of these accounts' flagged positions whose close would pass now.

    Each by itself: one that cannot be looked at keeps no other waiting.
    """
    # By account, with which the index of what is open begins: else all that ever was is read.
    flagged = Position.objects.open().filter(account_id__in=account_ids, unclosable=True)
    for position in flagged.found_then_sorted():
        try:
            if _would_pass(position):
                with holding(position.account_id) as lane:
                    lane.touch(position.symbol)
        except Exception:
            log.exception("closable.one_failed", extra={"position_id": position.pk})


def _would_pass(position: Position) -> bool:
    """Whether a close would pass for certain: without a price only where none is needed."""
    rules = exchange().known_market(position.account_id, position.symbol)
    if rules is None or not rules.active:
        return False
    price = exchange().last_price(position.account_id, position.symbol)
    qty = floor_to_step(position.qty, rules.amount_step)
    needs_price = rules.min_cost is not None and not told_reduce_only(position, rules, qty)
    return not is_unclosable(position, rules, price) and (price is not None or not needs_price)
