"""Placing, replacing, cancelling and looking up spot orders over REST."""

import secrets

from gateway.paper.calls import CLIENT_ID, Access, Answer, Call, Route
from gateway.paper.errors import (
    VenueError,
    duplicate_order,
    missing,
    no_such_order,
    refused,
    unknown_order,
)
from gateway.paper.market.asked import symbol_of
from gateway.paper.market.market import Market
from gateway.paper.matching.book import Side
from gateway.paper.matching.orders import Order
from gateway.paper.spot.filters import Kind, check_room, read_order
from gateway.paper.spot.wire import cancelled_json, new_order_json, order_json, trade_json

ORDER_WEIGHT = 1
STOP_ON_FAILURE, ALLOW_FAILURE = "STOP_ON_FAILURE", "ALLOW_FAILURE"


def named_new(call: Call) -> list[str]:
    """The client order id of the one order that a call places."""
    return [call.params.get("newClientOrderId", "")]


class SpotOrders:
    """The order endpoints. Look-ups honour a look-up lag; placing and cancelling never do."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._store = market.store
        self._venue = market.venue

    def routes(self) -> list[Route]:
        order, signed = "/api/v3/order", Access.SIGNED
        return [
            Route("POST", order, self.place, signed, changes=True, sends=named_new),
            Route("POST", f"{order}/test", self.check, signed),
            Route(
                "POST", f"{order}/cancelReplace", self.replace, signed,
                changes=True, sends=named_new,
            ),
            Route("PUT", f"{order}/amend/keepPriority", self.amend, signed, 4, changes=True),
            Route("DELETE", order, self.cancel, signed, changes=True),
            Route("GET", order, self.one, signed, 4),
            Route("DELETE", "/api/v3/openOrders", self.cancel_all, signed, changes=True),
            Route("GET", "/api/v3/openOrders", self.open, signed, _weight_of_open),
            Route("GET", "/api/v3/allOrders", self.all, signed, 20),
            Route("GET", "/api/v3/myTrades", self.trades, signed, _weight_of_trades),
        ]  # fmt: skip

    def place(self, call: Call) -> dict:
        """POST order."""
        order = self._read(call)
        self._check_account(order)
        return self._accept(order, call)

    def check(self, call: Call) -> dict:
        """POST order/test: would it be valid? Nothing is sent to the book."""
        self._read(call)
        return {}

    def replace(self, call: Call) -> Answer | dict:
        """POST order/cancelReplace: cancel one order and place another, with two results.

        Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/
        trading-endpoints#cancel-an-existing-order-and-send-a-new-order-trade
        """
        mode = call.need("cancelReplaceMode")
        if mode not in (STOP_ON_FAILURE, ALLOW_FAILURE):
            raise VenueError(-1145, "Invalid cancelReplaceMode.")
        new = self._read(call)
        cancelled, cancel_failed = _attempt(lambda: self._cancel_named(call, _CANCEL_NAMES))
        placed, place_failed = None, None
        attempted = cancel_failed is None or mode == ALLOW_FAILURE
        if attempted:
            placed, place_failed = _attempt(lambda: self._check_and_accept(new, call))
        results = {
            "cancelResult": "FAILURE" if cancel_failed else "SUCCESS",
            "newOrderResult": _result(attempted, place_failed),
            "cancelResponse": cancel_failed.body() if cancel_failed else cancelled,
            "newOrderResponse": place_failed.body() if place_failed else placed,
        }
        if cancel_failed is None and place_failed is None:
            return results
        if cancel_failed and (place_failed or not attempted):
            body = {"code": -2022, "msg": "Order cancel-replace failed.", "data": results}
            return Answer(400, body)
        body = {"code": -2021, "msg": "Order cancel-replace partially failed.", "data": results}
        return Answer(409, body)

    def amend(self, call: Call) -> dict:
        """PUT order/amend/keepPriority: make an open order smaller; it keeps its place."""
        order = self._open_named(call, ("orderId", "origClientOrderId"))
        qty = call.amount("newQty")
        if qty is None:
            raise missing("newQty")
        if not order.filled < qty < order.qty or qty % self._market.specs[order.symbol].step:
            raise VenueError(-2038, "Order amend is not supported for this order.")
        order.extra["amended_from"] = str(order.qty)
        self._market.amend(order, qty)
        return {
            "transactTime": order.updated_ms,
            "executionId": self._store.next_id("spot:execution"),
            "amendedOrder": order_json(order),
        }

    def cancel(self, call: Call) -> dict:
        """DELETE order."""
        return self._cancel_named(call, ("orderId", "origClientOrderId"))

    def cancel_all(self, call: Call) -> list[dict]:
        """DELETE openOrders of one symbol."""
        spec = symbol_of(call, self._market.specs)
        orders = self._market.open.of_login(call.login.api_key, spec.symbol)
        if not orders:
            raise unknown_order()
        return [self._cancel(order, None) for order in orders if order.open]

    def one(self, call: Call) -> dict:
        """GET order, by the venue's id or by the client's (then the newest with that id)."""
        spec = symbol_of(call, self._market.specs)
        order_id, client_id = call.number("orderId"), call.text("origClientOrderId")
        if order_id is None and client_id is None:
            raise VenueError(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            )
        found = self._open(call.login.api_key, spec.symbol, order_id, client_id)
        if found is None:
            rows = self._store.orders(
                "spot", call.login.api_key, spec.symbol, order_id=order_id, client_id=client_id,
                limit=1,
            )  # fmt: skip
            found = rows[-1] if rows else None
        if found is None or _hidden(found, self._seen_until(call)):
            raise no_such_order()
        return order_json(found)

    def open(self, call: Call) -> list[dict]:
        """GET openOrders, of one symbol or of all."""
        symbol = symbol_of(call, self._market.specs).symbol if call.text("symbol") else None
        seen = self._seen_until(call)
        orders = self._market.open.of_login(call.login.api_key, symbol)
        return [order_json(order) for order in orders if not _hidden(order, seen)]

    def all(self, call: Call) -> list[dict]:
        """GET allOrders of one symbol."""
        spec = symbol_of(call, self._market.specs)
        rows = self._store.orders(
            "spot",
            call.login.api_key,
            spec.symbol,
            from_id=call.number("orderId"),
            from_ms=call.number("startTime"),
            to_ms=_earlier(call.number("endTime"), self._seen_until(call)),
            limit=call.limit(500, 1000),
        )
        return [order_json(order) for order in rows]

    def trades(self, call: Call) -> list[dict]:
        """GET myTrades of one symbol: by order, from an id on, or from a time on."""
        spec = symbol_of(call, self._market.specs)
        from_id, from_ms = call.number("fromId"), call.number("startTime")
        if from_id is not None and (from_ms is not None or call.text("endTime")):
            raise VenueError(-1128, "Combination of optional parameters invalid.")
        until_ms = call.number("endTime")
        if from_ms is not None and until_ms is not None and until_ms - from_ms > 86_400_000:
            raise VenueError(-1127, "More than 24 hours between startTime and endTime.")
        rows = self._store.trades(
            "spot",
            call.login.api_key,
            spec.symbol,
            order_id=call.number("orderId"),
            from_id=from_id,
            from_ms=from_ms,
            to_ms=_earlier(until_ms, self._seen_until(call)),
            limit=call.limit(500, 1000),
        )
        return [trade_json(trade) for trade in rows]

    # The steps of the above.

    def _read(self, call: Call) -> Order:
        spec = symbol_of(call, self._market.specs)
        order = read_order(call, spec, last=self._market.last[spec.symbol])
        if order.budget:
            order.qty = self._market.preview(order).filled
            if not order.qty:
                raise VenueError(-1013, "Filter failure: LOT_SIZE")
        return order

    def _check_account(self, order: Order) -> None:
        """The checks that depend on the login's other orders and on the book."""
        if not self._venue.logins.get(order.login).can_trade:
            raise refused("This action is disabled on this account.")
        if self._market.open.by_client_id(order.login, order.symbol, order.client_id):
            raise duplicate_order()
        waiting = self._market.waiting[order.symbol].values()
        check_room(
            order,
            open_count=self._market.open.count(order.login, order.symbol),
            waiting_count=sum(other.login == order.login for other in waiting),
            max_open=self._venue.options.max_open_orders,
        )
        if order.kind == Kind.LIMIT_MAKER and _crosses(self._market, order):
            raise refused("Order would immediately match and take.")

    def _check_and_accept(self, order: Order, call: Call) -> dict:
        self._check_account(order)
        return self._accept(order, call)

    def _accept(self, order: Order, call: Call) -> dict:
        order.order_id = self._market.next_order_id(order.symbol)
        self._market.accept(order)
        kind = call.text("newOrderRespType")
        if kind is None:
            kind = "FULL" if order.kind in (Kind.LIMIT, Kind.MARKET) else "ACK"
        trades = []
        if order.filled and kind == "FULL":
            trades = self._store.trades(
                "spot", order.login, order.symbol, order_id=order.order_id, from_id=0
            )
        return new_order_json(order, trades, kind)

    def _cancel_named(self, call: Call, names: tuple[str, str]) -> dict:
        return self._cancel(self._open_named(call, names), call)

    def _open_named(self, call: Call, names: tuple[str, str]) -> Order:
        """The open order that a call names by the venue's id or by the client's."""
        spec = symbol_of(call, self._market.specs)
        order_id, client_id = call.number(names[0]), call.text(names[1])
        if order_id is None and client_id is None:
            raise VenueError(
                -1102,
                f"Param '{names[1]}' or '{names[0]}' must be sent, but both were empty/null!",
            )
        order = self._open(call.login.api_key, spec.symbol, order_id, client_id)
        if order is None:
            raise unknown_order()
        return order

    def _cancel(self, order: Order, call: Call | None) -> dict:
        given = None
        if call is not None and call.path == "/api/v3/order":
            given = call.matching("newClientOrderId", CLIENT_ID)
        elif call is not None:
            given = call.matching("cancelNewClientOrderId", CLIENT_ID)
        order.extra["cancel_client_id"] = given or secrets.token_urlsafe(16)[:22]
        self._market.cancel(order)
        return cancelled_json(order)

    def _open(
        self, login: str, symbol: str, order_id: int | None, client_id: str | None
    ) -> Order | None:
        """An open order by id; where both ids are given, both must be its own."""
        if order_id is None:
            return self._market.open.by_client_id(login, symbol, client_id)
        order = self._market.open.by_id(symbol, order_id)
        if order is None or order.login != login or client_id not in (None, order.client_id):
            return None
        return order

    def _seen_until(self, call: Call) -> int | None:
        """Until when a look-up sees things; ``None``, all of them, unless a lag is in force."""
        lag_ms = self._venue.faults.lag_ms(f"{call.method} {call.path}", call.login.api_key)
        return call.now_ms - lag_ms if lag_ms else None


_CANCEL_NAMES = ("cancelOrderId", "cancelOrigClientOrderId")


def _crosses(market: Market, order: Order) -> bool:
    """Would a priced order trade at once?"""
    best = market.books[order.symbol].best(order.side.opposite)
    if best is None:
        return False
    return order.price >= best[0] if order.side is Side.BUY else order.price <= best[0]


def _hidden(order: Order, seen_until_ms: int | None) -> bool:
    return seen_until_ms is not None and order.created_ms > seen_until_ms


def _earlier(one_ms: int | None, other_ms: int | None) -> int | None:
    """The earlier of two times, each of which may be open."""
    return min((ms for ms in (one_ms, other_ms) if ms is not None), default=None)


def _attempt(action) -> tuple[dict | None, VenueError | None]:
    """An action's answer, or why the venue refused it."""
    try:
        return action(), None
    except VenueError as refusal:
        return None, refusal


def _result(attempted: bool, failed: VenueError | None) -> str:
    if not attempted:
        return "NOT_ATTEMPTED"
    return "FAILURE" if failed else "SUCCESS"


def _weight_of_open(call: Call) -> int:
    return 6 if call.text("symbol") else 80


def _weight_of_trades(call: Call) -> int:
    return 5 if call.text("orderId") else 20
