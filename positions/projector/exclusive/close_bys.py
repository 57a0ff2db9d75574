"""What becomes of a close-by whose positions have stops at the exchange?

A close-by ends exposure as a close does, and a stop that fills after it would close somebody else's
volume. It waits as an accepted command until the stops are proven gone; what they left it closes.
Between strategies it also waits for a young price, which the feed asks for while they are open.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import Account
from oms_project.errors import ExchangeTimeout, OmsError, error_class
from positions.engine.close_by import close_by
from positions.engine.errors import EngineError, ValidationError
from positions.engine.types import CommandStatus
from positions.models import Command, Position
from positions.outbox import HeldLane
from positions.ports import MarketRules, exchange
from positions.projector.booking.transfers import book_close_by
from positions.projector.orders.caps import live_leg
from positions.querysets import LIVE_POSITION_STATES
from positions.volumes import facts_of

KIND = "close_by"


def has_to_wait(a: Position, b: Position) -> bool:
    """Whether a stop of one of them may be alive at the exchange."""
    return live_leg(a) is not None or live_leg(b) is not None


def waiting_positions(account_id: int) -> set[int]:
    """The positions whose stops have to end because a close-by waits for them."""
    return {number for command in _waiting([account_id]) for number in _pair(command)}


def places_ready() -> set[tuple[int, str]]:
    """Account and symbol of every close-by that waits and whose stops have ended."""
    places = set()
    for command in _waiting(Account.objects.values_list("pk", flat=True)):
        both = Position.objects.in_bulk(_pair(command))
        a, b = (both[number] for number in _pair(command))
        if not has_to_wait(a, b):
            places.add((a.account_id, a.symbol))
    return places


def carry_out_waiting(lane: HeldLane, rules: MarketRules) -> None:
    """Book the close-bys of the symbol for which nothing stands in the way any more."""
    for command in _waiting([lane.account_id]):
        both = Position.objects.select_related("account").in_bulk(_pair(command))
        a, b = (both[number] for number in _pair(command))
        if a.symbol == rules.symbol and not has_to_wait(a, b):
            _carry_out(lane, command, a, b, rules)


def _carry_out(
    lane: HeldLane, command: Command, a: Position, b: Position, rules: MarketRules
) -> None:
    between_strategies = a.strategy_id != b.strategy_id
    mark = exchange().last_price(lane.account_id, rules.symbol) if between_strategies else None
    if between_strategies and mark is None:
        _wait_for_price(lane, command, rules.symbol)
        return
    market, asked = rules.engine_market, command.payload.get("qty")
    try:
        _check_live(a, b)
        qty = None if asked is None else Decimal(str(asked))
        result = close_by(facts_of(a), facts_of(b), market, qty=qty, mark=mark)
    except EngineError as refusal:
        error = error_class(refusal.code)(refusal.message, **refusal.facts)
        lane.settle(command, CommandStatus.FAILED, _body(error))
        return
    comment = command.payload.get("comment") or ""
    book_close_by(lane, command, a, b, result=result, mark=mark, market=market, comment=comment)
    command.position_ids = [a.pk, b.pk]
    lane.settle(command, CommandStatus.COMPLETED)


def _wait_for_price(lane: HeldLane, command: Command, symbol: str) -> None:
    """The sweeper looks again; who waited as long as an order may is told that none came."""
    if lane.now - command.created_at > timedelta(seconds=settings.OMS_SEND_WITHIN_S):
        error = ExchangeTimeout(
            f"No price of {symbol} could be had, and this needs one.", symbol=symbol
        )
        lane.settle(command, CommandStatus.FAILED, _body(error))


def _check_live(a: Position, b: Position) -> None:
    for position in (a, b):
        if position.state not in LIVE_POSITION_STATES:
            raise ValidationError(
                "The position's stop was faster: nothing is left to close.",
                field="position_id",
                limit=[str(state) for state in LIVE_POSITION_STATES],
                value=position.pk,
            )


def _waiting(account_ids: Iterable[int]) -> QuerySet[Command]:
    """By the accounts' ids, since the index of commands begins with them."""
    return Command.objects.filter(
        account_id__in=list(account_ids), status=CommandStatus.ACCEPTED, kind=KIND
    ).order_by("id")


def _pair(command: Command) -> tuple[int, int]:
    return int(command.payload["position_id_a"]), int(command.payload["position_id_b"])


def _body(error: OmsError) -> dict[str, Any]:
    body = error.body("")
    return {key: body[key] for key in ("code", "message", "details")}
