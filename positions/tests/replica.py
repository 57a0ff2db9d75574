"""Snapshot + events = new snapshot: does a subscriber see what we see?

``told_completely`` wraps anything that changes orders or positions::

    with told_completely(desk):
        desk.give("close_by", ...)

Before and after it takes the snapshots that ``/ws`` sends, and in between applies the events to the
first as a client would. What was changed and not told, or told wrongly, makes the two differ.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from accounts.rights.permissions import Caller, readable_strategies
from positions.engine.orders import FINAL
from positions.engine.types import OrderStatus
from positions.models import Event
from positions.querysets import LIVE_POSITION_STATES
from positions.sockets.snapshots import newest_seqs, take
from positions.tests.desk import Desk

Row = dict[str, Any]

# They follow the market, and are no part of the log.
PRICED = ("mark_price", "floating_profit", "price_at")


@dataclass
class Replica:
    """What one subscriber knows to be open, by id. ``strategies``: what its key may see."""

    orders: dict[int, Row]
    positions: dict[int, Row]
    strategies: frozenset[int] | None

    @classmethod
    def of(cls, caller: Caller, account_id: int) -> "Replica":
        """From a snapshot."""
        snapshot = take(caller, [account_id])
        return cls(
            {row["id"]: _on_its_way(row) for row in snapshot.orders},
            {row["id"]: _without_prices(row) for row in snapshot.positions},
            readable_strategies(caller, account_id),
        )

    def apply(self, event: str, payload: Row) -> None:
        """What docs/howto/websocket.md tells clients to do."""
        match event:
            case "orders_canceled_batch" | "order_changed":
                pass  # Single events tell the same of each order.
            case "reassigned":
                self._reassigned(payload)
            case str() if event.startswith("order_"):
                _keep(self.orders, _on_its_way(payload), payload["status"] not in FINAL)
            case str() if event.startswith("position_"):
                row = {name: value for name, value in payload.items() if name != "merged_into"}
                is_open = row["state"] in LIVE_POSITION_STATES
                _keep(self.positions, _without_prices(row), is_open)

    def _reassigned(self, payload: Row) -> None:
        """What went to a strategy that is not ours is out of sight."""
        if self.strategies is None or payload["target_strategy_id"] in self.strategies:
            return
        for order_id in payload["order_ids"]:
            self.orders.pop(order_id, None)
        for position_id in payload["moved_position_ids"]:
            self.positions.pop(position_id, None)


@contextmanager
def told_completely(desk: Desk, *callers: Caller) -> Iterator[None]:
    """What the block changes on the desk's account is told to each of the callers."""
    account_id = desk.account.pk
    viewers = [(each, Replica.of(each, account_id)) for each in callers or (desk.caller,)]
    seq = newest_seqs([account_id])[account_id]
    yield
    for caller, replica in viewers:
        for event in _events(caller, account_id, seq):
            replica.apply(event.event, event.payload)
        now = Replica.of(caller, account_id)
        assert replica.orders == now.orders
        assert replica.positions == now.positions


def _events(caller: Caller, account_id: int, seq: int) -> Iterable[Event]:
    return Event.objects.visible_to(caller, [account_id]).since(seq)


def _keep(rows: dict[int, Row], row: Row, is_open: bool) -> None:
    if is_open:
        rows[row["id"]] = row
    else:
        rows.pop(row["id"], None)


def _on_its_way(row: Row) -> Row:
    """An order before the exchange's answer.

    That a worker took it (``SENDING``) is not told: every order is taken within milliseconds, and
    one more row in the log for each would tell nobody anything to act on.
    """
    if row["status"] in (OrderStatus.PENDING_SUBMIT, OrderStatus.SENDING):
        return row | {"status": "on its way", "updated_at": None}
    return row


def _without_prices(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in PRICED}
