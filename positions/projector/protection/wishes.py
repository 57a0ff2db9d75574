"""What does a position wish to be protected by, and what does the row of a wish say?"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from positions.engine.money import plain
from positions.engine.protection import TriggerState
from positions.engine.types import GroupRole
from positions.models import Order, Position, Trigger
from positions.querysets import LIVE_POSITION_STATES


def is_wished(position: Position, role: GroupRole) -> bool:
    """Whether the position is live and wishes a trigger of this role."""
    if not position.qty or position.state not in LIVE_POSITION_STATES:
        return False
    if role is GroupRole.TAKE_PROFIT:
        return position.stop_gain is not None
    return not (position.stop_loss is position.trailing is None)


def wish_of(position: Position, row: Trigger) -> tuple[Any, ...]:
    """Side, price and trailing distance that the position wishes for the row's role."""
    if row.role == GroupRole.TAKE_PROFIT:
        return position.side, position.stop_gain, None
    return position.side, position.stop_loss, position.trailing


def wish(row: Trigger) -> tuple[Any, ...]:
    """Side, price and trailing distance that the row was made for."""
    return row.side, row.price, row.trailing


def take_wish(row: Trigger, position: Position, mark: Decimal | None) -> None:
    """Another price, distance or side is another trigger: nothing of the old one counts."""
    before = row.side, row.trailing
    row.side, row.price, row.trailing = wish_of(position, row)
    row.reached_at = None
    row.failures, row.not_before = 0, None
    row.refusals, row.place_after, row.refusal = 0, None, ""
    if row.trailing is None or (row.side, row.trailing) != before:
        row.best_price = None if row.trailing is None else mark


def facts_of_row(row: Trigger) -> tuple[Any, ...]:
    """What of a row may change, to see whether it did."""
    return (
        row.state,
        row.leg_id,
        row.closing_id,
        *wish(row),
        row.best_price,
        row.reached_at,
        row.blind_since,
        row.failures,
        row.not_before,
        row.refusals,
        row.place_after,
    )


def row_shown(row: Trigger) -> dict[str, Any]:
    """How a position shows one of its triggers."""
    order_id = row.closing_id if row.state == TriggerState.FIRED else row.leg_id
    shown: dict[str, Any] = {
        "place": str(TriggerState(row.state).place),
        "state": str(row.state),
        "order_id": order_id,
    }
    if row.blind_since is not None:
        shown["blind"] = True
    if row.reached_at is not None:
        shown["reached"] = True
    if row.refusals:
        shown["not_placed"] = row.refusal
    if row.trailing is not None:
        shown |= {"best_price": _text(row.best_price), "stop_price": _text(row.watch.level())}
    return shown


def _text(price: Decimal | None) -> str | None:
    return None if price is None else plain(price)


def attach_orders(rows: Iterable[Trigger]) -> None:
    """Read the orders of the rows by one narrow query."""
    numbers = {number for row in rows for number in (row.leg_id, row.closing_id)} - {None}
    orders = Order.objects.in_bulk(numbers) if numbers else {}
    for row in rows:
        row.leg, row.closing = orders.get(row.leg_id), orders.get(row.closing_id)
