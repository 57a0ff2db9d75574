"""Take the desk's side: cancel what could open, and close what is open.

Everything is a command like a client's, given in the name of the person who acts, so it is stored,
shown and audited like any other. Each act may be repeated: it does what is still to be done.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.audit import Actor
from accounts.rights.permissions import AccountRights, Caller
from accounts.words import Right, Role
from oms_project.errors import OmsError, PositionCloseInProgress
from positions import commands, services
from positions.engine.orders import FINAL
from positions.engine.types import OrderStatus, OrderType, Side
from positions.models import Order, Position
from positions.projector.exclusive.close_bys import waiting_positions
from positions.projector.orders.stopping import can_open

log = logging.getLogger(__name__)

_DESK_RIGHTS = frozenset({Right.READ, Right.CLOSE_POSITION, Right.RISK_MANAGE})


_LONGEST_PAUSE_S = 60
_DOUBLINGS = 6


@dataclass(frozen=True, slots=True)
class Flattened:
    """What became of open positions: netted against each other, being closed, or why not."""

    netted: tuple[int, ...] = ()
    closing: tuple[int, ...] = ()
    failed: tuple[tuple[int, str], ...] = ()


def openings(account_id: int, given_by: int | None) -> list[Order]:
    """The live orders that could still open something; ``given_by``: only one user's."""
    live = Order.objects.open().without_legs().filter(account_id=account_id)
    if given_by is not None:
        live = live.filter(command__user_id=given_by)
    return [order for order in live.select_related("account") if can_open(order)]


def cancel_openings(account_id: int, *, given_by: int | None, by: Actor) -> tuple[int, ...]:
    """Cancel every order that could still open something; returns the orders.

    ``given_by``: only those of one user. Closes and protection stay.

    Raises:
        OmsError: they cannot be cancelled now.
    """
    if all(order.cancel_requested_at is not None for order in openings(account_id, given_by)):
        return ()
    command = commands.CancelAllOrders(openings_only=True, given_by=given_by)
    return tuple(_give(account_id, "cancel_all_orders", command, {}, by=by).order_ids)


def flatten_positions(
    account_id: int,
    *,
    opened_by: int | None,
    comment: str,
    by: Actor,
    now: datetime,
    is_late: Callable[[], bool] = lambda: False,
) -> Flattened:
    """Make what is open flat, as far as it goes now.

    Resting closes are cancelled first. Opposite positions of a symbol that no close holds are
    netted against each other, and what is free of each is closed at market; stops end with that.
    ``opened_by``: only positions that this user's orders opened. A position that cannot be closed
    is named with the code of the reason and holds up no other. What is not reached until it
    ``is_late`` is left to the next pass.
    """
    _cancel_resting_closes(account_id, opened_by, by=by)
    netted: list[int] = []
    for positions in _by_symbol(account_id, opened_by):
        netted += _net(account_id, positions, comment=comment, by=by)
    closing, failed = [], []
    waiting = waiting_positions(account_id)
    for position in open_positions(account_id, opened_by):
        if is_late():
            break
        code = None
        if position.pk not in waiting:
            code = _close(account_id, position, comment=comment, by=by, now=now)
        if code is None:
            closing.append(position.pk)
        else:
            failed.append((position.pk, code))
    return Flattened(tuple(netted), tuple(closing), tuple(failed))


def open_positions(account_id: int, opened_by: int | None) -> list[Position]:
    """What there is to flatten, oldest first; ``opened_by``: of this user's orders only."""
    rows = Position.objects.open().filter(account_id=account_id).order_by("id")
    if opened_by is not None:
        own = Order.objects.filter(account_id=account_id, command__user_id=opened_by)
        rows = rows.filter(opening_order_id__in=own.values("pk"))
    return [row for row in rows if row.qty]


def _closes(position: Position) -> Any:
    return Order.objects.without_legs().filter(position=position, closes_position=True)


def _cancel_resting_closes(account_id: int, opened_by: int | None, *, by: Actor) -> None:
    """What rests holds the volume that is to be closed at market."""
    for position in open_positions(account_id, opened_by):
        resting = _closes(position).open().filter(cancel_requested_at=None)
        for order in resting.exclude(order_type=OrderType.MARKET).order_by("id"):
            command = commands.CancelOrder(order_ids=(order.pk,))
            try:
                _give(account_id, "cancel_order", command, {"order_id": order.pk}, by=by)
            except OmsError as refusal:  # It ended meanwhile, mostly.
                log.info("flatten.not_cancelled", extra={"order_id": order.pk} | _why(refusal))


def _close(
    account_id: int, position: Position, *, comment: str, by: Actor, now: datetime
) -> str | None:
    """Close what is free of the position; the code of the reason where nothing closes it now.

    After a close that the exchange refused comes a growing pause.
    """
    sent = _closes(position).open().filter(order_type=OrderType.MARKET)
    if sent.exclude(status=OrderStatus.UNKNOWN).exists():
        return None
    if (refused := _refused_until(position)) is not None and refused > now:
        return "order_rejected"
    command = commands.ClosePosition(position_id=position.pk, comment=comment)
    try:
        _give(account_id, "close_position", command, {"position_id": position.pk}, by=by)
    except PositionCloseInProgress:
        return None
    except OmsError as refusal:
        return refusal.code
    return None


def _refused_until(position: Position) -> datetime | None:
    """Until when to wait after the closes that ended last without any fill; None: not at all."""
    ended = _closes(position).filter(status__in=FINAL, order_type=OrderType.MARKET)
    refused = 0
    for order in ended.order_by("-id")[: _DOUBLINGS + 1]:
        if order.status != OrderStatus.REJECTED:
            break
        refused += 1
    if not refused:
        return None
    pause_s = min(2 ** (refused - 1), _LONGEST_PAUSE_S)
    last = ended.order_by("-id").values_list("closed_at", flat=True).first()
    return last + timedelta(seconds=pause_s)


def _why(refusal: OmsError) -> dict[str, str]:
    return {"code": refusal.code}


def _by_symbol(account_id: int, opened_by: int | None) -> Iterable[list[Position]]:
    """Positions that nothing closes yet, those of a symbol together."""
    symbols: dict[str, list[Position]] = defaultdict(list)
    waiting = waiting_positions(account_id)
    for position in open_positions(account_id, opened_by):
        if position.pk not in waiting and not _closes(position).open().exists():
            symbols[position.symbol].append(position)
    return symbols.values()


def _net(account_id: int, positions: list[Position], *, comment: str, by: Actor) -> list[int]:
    """Close opposite ones against each other; returns those touched.

    Within each strategy first: between two of them it takes a known price. What a close holds
    cannot be netted.
    """

    def give(a: Position, b: Position) -> bool:
        ids = {"position_id_a": a.pk, "position_id_b": b.pk}
        try:
            _give(account_id, "close_by", commands.CloseBy(**ids, comment=comment), ids, by=by)
        except OmsError as refusal:
            log.info("flatten.not_netted", extra=ids | {"code": refusal.code})
            return False
        return True

    left: list[Position] = []
    netted: list[int] = []
    strategies: dict[int, list[Position]] = defaultdict(list)
    for position in positions:
        strategies[position.strategy_id].append(position)
    for own in strategies.values():
        netted += _pair_off(own, left, give)
    netted += _pair_off(left, [], give)
    return sorted(set(netted))


def _pair_off(
    positions: list[Position], left: list[Position], give: Callable[[Position, Position], bool]
) -> list[int]:
    """Net longs against shorts until one side is used up; what was not refused goes to ``left``."""
    longs = [each for each in positions if each.side == Side.BUY]
    shorts = [each for each in positions if each.side == Side.SELL]
    netted: list[int] = []
    while longs and shorts:
        a, b = longs[-1], shorts[-1]
        if not give(a, b):
            longs.pop(), shorts.pop()
            continue
        netted += [a.pk, b.pk]
        qty = min(a.qty, b.qty)
        for each, side in ((a, longs), (b, shorts)):
            each.qty -= qty
            if not each.qty:
                side.pop()
    left += longs + shorts
    return netted


def _give(
    account_id: int, name: str, command: commands.Command, payload: dict[str, Any], *, by: Actor
) -> Any:
    envelope = commands.Envelope(
        account_id=account_id, command=name, request_id=None, fingerprint="", payload=payload
    )
    return services.accept(envelope, command, _desk(account_id, by))


def _desk(account_id: int, by: Actor) -> Caller:
    """Who acts, with the rights of the risk desk on this account."""
    return Caller(
        user_id=by.user_id or 0,
        user_name=by.user_name,
        role=Role.RISK,
        api_key_id=by.api_key_id,
        rights={account_id: AccountRights(_DESK_RIGHTS)},
    )
