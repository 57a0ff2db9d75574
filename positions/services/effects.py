"""What would come of a command, if all that it asks for were executed?

Read in the transaction that books it for a check, and by nothing but what is known there: ``None``
where that does not tell.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from accounts.models import Account
from accounts.rights.permissions import Caller, readable_strategies
from positions import commands
from positions.engine.arithmetic import value_of
from positions.engine.closing import Remainder, remainder_of_close
from positions.engine.money import ZERO, exact
from positions.engine.routing import current_position
from positions.engine.types import (
    CommandStatus,
    MarketKind,
    OrderType,
    PositionMode,
    Reversal,
    Side,
    TimeInForce,
)
from positions.models import Command, Order, Position
from positions.ports import MarketRules, exchange
from positions.projector.booking.dust import steps_of
from positions.projector.booking.fills import candidate_of
from positions.services.pricing import Found


class Standing(NamedTuple):
    """A position as it stands: without a side it is flat, without an id it does not exist yet."""

    position_id: int | None = None
    side: Side | None = None
    qty: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Effect:
    """``notional`` in the quote currency; ``fee`` in the currency profit is paid in, by the rate
    that the exchange lists for everybody. ``margin`` is not known: leverage is the exchange's.
    """

    notional: Decimal | None = None
    fee: Decimal | None = None
    before: Standing | None = None
    after: Standing | None = None
    margin: Decimal | None = None


def standing_before(command: commands.Command, caller: Caller, account: Account) -> Standing | None:
    """The position that the command is about, ``None`` where there is no single one to see."""
    match command:
        case commands.SendOrder():
            return _met_by(
                account, caller, command.symbol, command.strategy_id, command.position_id
            )
        case commands.ChangeOrder(order_id=order_id):
            order = Order.objects.get(pk=order_id)
            return _met_by(account, caller, order.symbol, order.strategy_id, order.position_id or 0)
        case (
            commands.ClosePosition(position_id=position_id)
            | commands.PositionChange(position_id=position_id)
            | commands.CloseBy(position_id_a=position_id)
            | commands.MergePositions(target_position_id=position_id)
        ):
            return _standing(Position.objects.get(pk=position_id))
        case _:
            return None


def effect_of(
    row: Command, command: commands.Command, *, before: Standing | None, found: Found | None
) -> Effect:
    """What the booked command would come to."""
    match command:
        case commands.CancelOrder() | commands.CancelAllOrders() | commands.CloseAllPositions():
            return Effect()
        case commands.ChangeOrder(new_qty=new_qty, new_price=price, new_trigger_price=trigger):
            order = Order.objects.get(pk=command.order_id)
            order.price, order.trigger_price = price or order.price, trigger or order.trigger_price
            left = (new_qty or order.qty) - order.filled_qty
        case _ if row.order_ids:
            order = Order.objects.get(pk=row.order_ids[0])
            left = order.qty
        case _:
            after = None
            if before is not None and row.status == CommandStatus.COMPLETED:
                after = _standing(Position.objects.get(pk=before.position_id))
            return Effect(before=before, after=after)
    after = None if before is None else _moved(before, Side(order.side), left, order.account)
    if after is not None and found is not None and order.asks_for_all:
        after = _without_dust(after, order, found.rules)
    return Effect(**_worth(order, left, found), before=before, after=after)


def _met_by(
    account: Account, caller: Caller, symbol: str, strategy_id: int, position_id: int
) -> Standing | None:
    """What fills of such an order would meet."""
    if account.position_mode == PositionMode.HEDGE:
        if not position_id:
            return Standing()
        found = Position.objects.filter(pk=position_id, account=account).first()
    else:
        live = Position.objects.open().filter(account=account, symbol=symbol)
        by_id = {row.pk: row for row in live}
        current = current_position(
            [candidate_of(row) for row in by_id.values()],
            mode=PositionMode(account.position_mode),
            strategy_id=strategy_id,
        )
        found = by_id[current.position_id] if current else None
    if found is None:
        return Standing()
    seen = readable_strategies(caller, account.pk)
    return _standing(found) if seen is None or found.strategy_id in seen else None


def _standing(position: Position) -> Standing:
    side = Side(position.side) if position.qty else None
    return Standing(position.pk, side, position.qty)


@exact
def _moved(before: Standing, side: Side, qty: Decimal, account: Account) -> Standing:
    """The position after a fill of ``qty``; one that turns round is another (MT5: the same)."""
    signed = side.sign * qty + (before.side.sign * before.qty if before.side else ZERO)
    if not signed:
        return Standing(before.position_id)
    after = Side.BUY if signed > ZERO else Side.SELL
    stays = before.side in (None, after) or account.reversal == Reversal.MT5
    return Standing(before.position_id if stays else None, after, abs(signed))


def _without_dust(after: Standing, order: Order, rules: MarketRules) -> Standing:
    """The position once a close of everything has written off what is too small to trade."""
    steps = steps_of(rules, OrderType(order.order_type))
    rest = remainder_of_close(after.qty, worth_too_little=False, steps=steps)
    return Standing(after.position_id) if rest is Remainder.DUST else after


@exact
def _worth(order: Order, qty: Decimal, found: Found | None) -> dict[str, Any]:
    """Notional and fee at the order's own price, or at the newest that is known."""
    if found is None:
        return {}
    price = order.price or order.trigger_price or found.last_price
    if price is None and (seen := exchange().seen_price(order.account_id, order.symbol)):
        price = seen.price
    rules = found.rules
    if price is None:
        known = rules.kind is MarketKind.INVERSE
        return {"notional": qty * rules.contract_size if known else None}
    value = value_of(qty, price, rules.engine_market)
    rate = _rate(order, rules)
    is_inverse = rules.kind is MarketKind.INVERSE
    return {
        "notional": qty * rules.contract_size if is_inverse else value,
        "fee": None if rate is None else value * rate,
    }


def _rate(order: Order, rules: MarketRules) -> Decimal | None:
    """The maker's where the order cannot take, else the taker's: the most that it may cost."""
    makes = order.order_type == OrderType.LIMIT and order.time_in_force == TimeInForce.PO
    return rules.maker_rate if makes else rules.taker_rate
