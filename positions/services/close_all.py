"""Close every position that the caller may close, or a part of each.

Each is closed by an order of its own once its resting closes have ended: the exchange says so, and
then, in the same transaction, the close is placed. What is still to be done stands in the command's
row, so a restart loses nothing.
"""

from contextlib import suppress
from decimal import Decimal

from django.db.models import QuerySet

from accounts.models import Account
from accounts.rights.acts import Act
from accounts.rights.permissions import (
    AccountRights,
    Caller,
    require,
    tradable_strategies,
)
from accounts.words import Right, Role
from oms_project.errors import Conflict, EngineUnavailable, OmsError
from positions.commands import CLOSE_ALL, CloseAllPositions, ClosePosition, Envelope
from positions.engine.closing import Remainder, remainder_of_close
from positions.engine.errors import EngineError, NotEnoughHeld
from positions.engine.money import exact, floor_to_step
from positions.engine.types import CommandStatus, MarketKind, OrderType
from positions.models import Command, Order, Position
from positions.outbox import HeldLane
from positions.ports import MarketRules, exchange
from positions.projector.booking.closable import flag_unclosable, is_unclosable
from positions.projector.booking.dust import steps_of, write_off
from positions.projector.orders.cancelling import request_cancel
from positions.projector.orders.placing import Decided, place
from positions.projector.orders.progress import settle_command
from positions.querysets import LIVE_POSITION_STATES
from positions.services.checks import BelowMinimumValue
from positions.services.close_position import Rest, decide, request_close
from positions.services.context import Acceptance
from positions.services.pricing import Found
from positions.services.targets import check_comment, check_narrowing, narrowed
from positions.volumes import free_of

_WHOLE = Decimal(100)


def look_up(command: CloseAllPositions, caller: Caller, account: Account) -> None:
    """The rules of every market that is concerned; one that cannot be had refuses its own closes.

    Raises:
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not close here.
        Invalid, InvalidStrategyId: it names what the account does not have.
    """
    require(caller, Act.CLOSE_ALL_POSITIONS, account.pk)
    for strategy_id in command.strategy_ids or ():
        require(caller, Act.CLOSE_ALL_POSITIONS, account.pk, strategy_id)
    check_narrowing(command, account)
    wanted = _wanted(command, caller, account)
    for symbol in wanted.order_by().values_list("symbol", flat=True).distinct():
        with suppress(OmsError):
            exchange().market(account.pk, symbol)


def book(acceptance: Acceptance, command: CloseAllPositions, _: None) -> Command:
    """Have resting closes cancelled, and close what none holds.

    Raises:
        Invalid: the risk desk gave no comment.
    """
    check_comment(acceptance.caller, command.comment)
    lane = acceptance.lane
    wanted = _wanted(command, acceptance.caller, acceptance.account)
    positions = [each for each in wanted.order_by("id") if each.qty]
    row = acceptance.store()
    row.position_ids = [each.pk for each in positions]
    row.plan = {"waiting": row.position_ids, "left": []}
    row.save(update_fields=["position_ids", "plan"])
    for position in positions:
        for order in _resting(position.pk).filter(cancel_requested_at=None):
            request_cancel(lane, order, row, why="Cancelled for a close of all positions.")
    _carry_on(lane, row)
    return row


def go_on(lane: HeldLane, ended: Order) -> None:
    """A resting close ended: close what waited for that."""
    if not ended.closes_position or ended.order_type == OrderType.MARKET:
        return
    waiting = Command.objects.filter(
        account_id=lane.account_id,
        kind=CLOSE_ALL,
        status__in=(CommandStatus.ACCEPTED, CommandStatus.UNKNOWN),
    )
    for command in waiting.order_by("id"):
        if command.plan and ended.position_id in command.plan["waiting"]:
            _carry_on(lane, command)


def _wanted(
    command: CloseAllPositions, caller: Caller, account: Account
) -> "QuerySet[Position, Position]":
    positions = Position.objects.open().filter(narrowed(command, account))
    if command.side is not None:
        positions = positions.filter(side=command.side)
    own = tradable_strategies(caller, account.pk)
    return positions if own is None else positions.filter(strategy_id__in=own)


def _resting(position_id: int) -> "QuerySet[Order, Order]":
    """Live closes that wait at their price, or whose cancel is not proven yet."""
    closes = (
        Order.objects.open().without_legs().filter(position_id=position_id, closes_position=True)
    )
    return closes.exclude(order_type=OrderType.MARKET).select_related("account").order_by("id")


def _carry_on(lane: HeldLane, command: Command) -> None:
    """Close every position that waits for nothing any more."""
    # A cancel that needed no exchange may have led here already, with a row of its own.
    command.refresh_from_db(fields=["plan", "order_ids", "status"])
    waiting, left = [], list(command.plan["left"])
    for position_id in command.plan["waiting"]:
        if _resting(position_id).exists():
            waiting.append(position_id)
            continue
        position = Position.objects.select_related("account").get(pk=position_id)
        if code := _close(lane, command, position):
            left.append({"position_id": position_id, "code": code})
    command.plan = {"waiting": waiting, "left": left}
    command.save(update_fields=["plan", "order_ids"])
    settle_command(lane, command)


def _close(lane: HeldLane, command: Command, position: Position) -> str | None:
    """Close one position; the code of the reason where it cannot be closed."""
    if position.state not in LIVE_POSITION_STATES or not position.qty:
        return None  # Its resting close was filled, or its stop.
    try:
        return _place(lane, command, position)
    except BelowMinimumValue as refusal:
        _flag(lane, position)
        return refusal.code
    except (OmsError, EngineError) as refusal:
        return refusal.code


def _place(lane: HeldLane, command: Command, position: Position) -> str | None:
    """Place the close; the code of the reason where it leaves something that could be traded."""
    rules = exchange().known_market(lane.account_id, position.symbol)
    if rules is None:
        raise EngineUnavailable("The market's rules are not known.", symbol=position.symbol)
    exchange().check_tradable(lane.account_id, position.symbol)
    asked = ClosePosition(
        position_id=position.pk,
        qty=_part(command, position, rules),
        comment=command.payload.get("comment") or "",
    )
    found = Found(rules, exchange().last_price(lane.account_id, position.symbol))
    decided = decide(_acting(lane, command, position), asked, position, found)
    if isinstance(decided, Rest):
        write_off(lane, position, decided.qty, rules.engine_market)
        return None
    short = _shortfall(decided, position, rules)
    request_close(lane, position)
    order = place(lane, decided, command=command)
    command.order_ids = [*command.order_ids, order.pk]
    return short


def _shortfall(decided: Decided, position: Position, rules: MarketRules) -> str | None:
    """Why it is less than is free: plain sells hold the coins, or external positions the net."""
    steps = steps_of(rules, decided.order_type)
    rest = free_of(position) - decided.qty
    kept = remainder_of_close(rest, worth_too_little=False, steps=steps) is Remainder.KEPT
    if not decided.asks_for_all or not kept:
        return None
    return NotEnoughHeld.code if rules.kind is MarketKind.SPOT else Conflict.code


@exact
def _part(command: Command, position: Position, rules: MarketRules) -> Decimal | None:
    """The quantity to close, rounded down to the step; ``None``: all that is free."""
    percent = Decimal(command.payload.get("percent") or _WHOLE)
    if percent == _WHOLE:
        return None
    return floor_to_step(position.qty * percent / _WHOLE, rules.amount_step)


def _flag(lane: HeldLane, position: Position) -> None:
    rules = exchange().known_market(lane.account_id, position.symbol)
    price = exchange().last_price(lane.account_id, position.symbol)
    if rules is not None and is_unclosable(position, rules, price):
        flag_unclosable(lane, position, rules, price)


def _acting(lane: HeldLane, command: Command, position: Position) -> Acceptance:
    """Who gave the command, with what it takes to close what was found then to be theirs."""
    rights = AccountRights(frozenset({Right.READ, Right.CLOSE_POSITION}))
    caller = Caller(
        user_id=command.user_id,
        user_name=command.user.username,
        role=Role(command.user.role),
        api_key_id=command.api_key_id,
        rights={lane.account_id: rights},
    )
    envelope = Envelope(lane.account_id, command.kind, None, "", command.payload)
    return Acceptance(lane, caller, envelope, position.account)
