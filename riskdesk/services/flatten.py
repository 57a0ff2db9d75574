"""Take the desk's side: cancel what could open, and close what is open.

Everything is a command like a client's, given in the name of the person who acts, so it is stored,
shown and audited like any other.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from accounts.audit import Actor
from accounts.permissions import AccountRights, Caller
from accounts.words import Right, Role
from oms_project.errors import OmsError
from positions import commands, services
from positions.engine.types import Side
from positions.models import Order, Position

log = logging.getLogger(__name__)

_DESK_RIGHTS = frozenset({Right.READ, Right.CLOSE_POSITION, Right.RISK_MANAGE})


@dataclass(frozen=True, slots=True)
class Flattened:
    """What became of open positions: netted against each other, being closed, or why not."""

    netted: tuple[int, ...] = ()
    closing: tuple[int, ...] = ()
    failed: dict[int, str] = field(default_factory=dict)


def cancel_openings(account_id: int, *, given_by: int | None, by: Actor) -> tuple[int, ...]:
    """Cancel every order that could still open something; returns the orders.

    ``given_by``: only those of one user. Closes and protection stay.

    Raises:
        OmsError: they cannot be cancelled now.
    """
    if not Order.objects.open().filter(account_id=account_id).exists():
        return ()
    command = commands.CancelAllOrders(openings_only=True, given_by=given_by)
    return tuple(_give(account_id, "cancel_all_orders", command, {}, by=by).order_ids)


def flatten_positions(
    account_id: int, *, opened_by: int | None, comment: str, by: Actor
) -> Flattened:
    """Net opposite positions of a symbol against each other, then close what is left at market.

    ``opened_by``: only positions that this user's orders opened. A position that cannot be closed
    is named with the code of the reason and holds up no other.
    """
    netted: list[int] = []
    for position_ids in _by_symbol(account_id, opened_by):
        netted += _net(account_id, position_ids, comment=comment, by=by)
    closing, failed = [], {}
    for position in _open(account_id, opened_by):
        command = commands.ClosePosition(position_id=position.pk, comment=comment)
        try:
            _give(account_id, "close_position", command, {"position_id": position.pk}, by=by)
        except OmsError as refusal:
            failed[position.pk] = refusal.code
        else:
            closing.append(position.pk)
    return Flattened(tuple(netted), tuple(closing), failed)


def _open(account_id: int, opened_by: int | None) -> list[Position]:
    rows = Position.objects.open().filter(account_id=account_id).order_by("id")
    if opened_by is not None:
        own = Order.objects.filter(account_id=account_id, command__user_id=opened_by)
        rows = rows.filter(opening_order_id__in=own.values("pk"))
    return [row for row in rows if row.qty]


def _by_symbol(account_id: int, opened_by: int | None) -> Iterable[list[Position]]:
    symbols: dict[str, list[Position]] = defaultdict(list)
    for position in _open(account_id, opened_by):
        symbols[position.symbol].append(position)
    return symbols.values()


def _net(account_id: int, positions: list[Position], *, comment: str, by: Actor) -> list[int]:
    """Close opposite ones against each other; returns those touched.

    Within each strategy first: between two of them it takes a known price.
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
