"""What becomes of a bot's own stops when it leaves the position that they close?

Exchanges of contracts let a reduce-only stop wait beside a reduce-only exit: they cap the sum, and
bots leave their stop standing until they are out. The OMS promises a position's volume once, since
on a shared account nobody would cap it. So a stop that holds what the exit asks for is withdrawn,
and proven gone, before the exit is given again; the bot finds it cancelled.
"""

from typing import Any

from ccxt.base.errors import BaseError, OrderNotFound

from ccxt_driver import steps
from ccxt_driver.errors import code_of
from ccxt_driver.steps import Plan, Row

_WAITING = ("stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop")
_AT_ONCE = ("market", "limit")
_LEGS = ("stop_loss", "take_profit")  # The position's own protection holds no volume.


def given(self, command: Row) -> Plan:
    """Give an order; an exit whose volume the bot's own stops hold is given again without them.

    Raises:
        InDoubt: see ``steps.given``.
    """
    try:
        return (yield from steps.given(self, [command]))
    except BaseError as refusal:
        if not _wants_what_is_promised(refusal, command["payload"]):
            raise
        stops = yield from _own_stops(self, command["payload"])
        if not stops:
            raise
    yield from _withdrawn(self, stops)
    return (yield from steps.given(self, [command]))


def _wants_what_is_promised(refusal: BaseError, payload: Row) -> bool:
    is_exit = payload.get("reduce_only") and payload["order_type"] in _AT_ONCE
    return bool(is_exit) and code_of(refusal) == "position_close_in_progress"


def _own_stops(self, payload: Row) -> Plan:
    """The ids of the strategy's waiting orders that may only reduce the same position."""
    of_strategy = {name: payload[name] for name in ("strategy_id",) if name in payload}
    rows = yield from steps.listed(
        self, "orders/open", "created_at", payload["symbol"], None, None, of_strategy
    )
    return [row["id"] for row in rows if _is_stop(row) and row["side"] == payload["side"]]


def _is_stop(row: Row) -> Any:
    return row["reduce_only"] and row["order_type"] in _WAITING and row["group_role"] not in _LEGS


def _withdrawn(self, order_ids: list[int]) -> Plan:
    """Cancel them; one that fired meanwhile has left nothing for the exit, which will be told."""
    try:
        yield from steps.given(
            self, [steps.command(self, "cancel_order", {"order_ids": order_ids}, {})]
        )
    except OrderNotFound:
        return
