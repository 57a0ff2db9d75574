"""Placing, amending, cancelling and looking up futures orders over REST."""

from collections.abc import Callable
from dataclasses import replace

import orjson

from gateway.paper.calls import Access, Call, Route
from gateway.paper.errors import VenueError, missing, no_such_order, unknown_order
from gateway.paper.linear.desk import Desk
from gateway.paper.linear.filters import (
    check_quantity,
    check_terms,
    crosses,
    read_order,
    read_price,
    read_quantity,
)
from gateway.paper.linear.positions import PositionSide
from gateway.paper.linear.wire import new_order_json, order_json, trade_json
from gateway.paper.market.asked import symbol_of
from gateway.paper.market.ground import Ground
from gateway.paper.matching.book import Side
from gateway.paper.matching.orders import Order

LARGEST_BATCH = 5
WEEK_MS = 7 * 86_400_000
ALL_CANCELLED = {"code": 200, "msg": "The operation of cancel all open order is done."}
IDS = ("orderId", "origClientOrderId")


def duplicate_id() -> VenueError:
    return VenueError(-4116, "ClientOrderId is duplicated.")


def reduce_only_refused() -> VenueError:
    return VenueError(-2022, "ReduceOnly Order is rejected.")


def named_new(call: Call) -> list[str]:
    """The client order id of the one order that a call places."""
    return [call.params.get("newClientOrderId", "")]


def named_in_batch(call: Call) -> list[str]:
    """The client order ids of a batch; none when the batch cannot be read."""
    try:
        rows = orjson.loads(call.params.get("batchOrders", ""))
        return [str(row.get("newClientOrderId", "")) for row in rows]
    except (orjson.JSONDecodeError, TypeError, AttributeError):
        return []


class LinearOrders:
    """The order endpoints. Look-ups honour a look-up lag; placing and cancelling never do."""

    def __init__(self, market: Desk, venue: Ground) -> None:
        self._market = market
        self._store = venue.store
        self._venue = venue

    def routes(self) -> list[Route]:
        base, signed = "/fapi/v1", Access.SIGNED
        order, batch = f"{base}/order", f"{base}/batchOrders"
        return [
            Route("POST", order, self.place, signed, changes=True, sends=named_new),
            Route("POST", f"{order}/test", self.check, signed),
            Route("PUT", order, self.amend, signed, changes=True),
            Route("DELETE", order, self.cancel, signed, changes=True),
            Route("GET", order, self.one, signed),
            Route("POST", batch, self.place_many, signed, 5, changes=True, sends=named_in_batch),
            Route("PUT", batch, self.amend_many, signed, 5, changes=True),
            Route("DELETE", batch, self.cancel_many, signed, changes=True),
            Route("DELETE", f"{base}/allOpenOrders", self.cancel_all, signed, changes=True),
            Route("GET", f"{base}/openOrder", self.one_open, signed),
            Route("GET", f"{base}/openOrders", self.open, signed, weight_of_open),
            Route("GET", f"{base}/allOrders", self.all, signed, 5),
            Route("GET", f"{base}/userTrades", self.trades, signed, 5),
        ]

    def place(self, call: Call) -> dict:
        """POST order."""
        order = self._read(call)
        self.check_account(order)
        order.order_id = self._market.next_order_id(order.symbol)
        self._market.accept(order)
        return new_order_json(order, call.text("newOrderRespType", "ACK"))

    def check(self, call: Call) -> dict:
        """POST order/test: would it be valid? Nothing is sent to the book."""
        order = self._read(call)
        return new_order_json(order, "ACK")

    def amend(self, call: Call) -> dict:
        """PUT order: another total quantity and price for an open limit order; ids stay."""
        spec = symbol_of(call, self._market.specs)
        order = self._open_named(call)
        if order is None:
            raise no_such_order()
        for name in ("side", "quantity", "price"):
            call.need(name)
        side = call.one_of("side", Side, -1117, "Invalid side.")
        qty, price = read_quantity(call, spec), read_price(call, "price", spec)
        if side is not order.side:
            raise VenueError(-4138, "Order side cannot be changed.")
        if (qty, price) == (order.qty, order.price):
            raise VenueError(-5027, "No need to modify the order.")
        check_quantity(qty, spec)
        check_terms(replace(order, qty=qty, price=price), spec, self._market)
        if order.extra["closes"]:
            held = self._market.accounts.position(
                order.login, order.symbol, PositionSide(order.extra["position_side"])
            )
            qty = min(qty, order.filled + abs(held.qty))
        self._market.change_order(order, qty=qty, price=price)
        return new_order_json(order, "RESULT")

    def cancel(self, call: Call) -> dict:
        """DELETE order."""
        symbol_of(call, self._market.specs)
        order = self._open_named(call)
        if order is None:
            raise unknown_order()
        self._market.cancel(order)
        return new_order_json(order, "RESULT")

    def place_many(self, call: Call) -> list[dict]:
        """POST batchOrders: up to five, each accepted or refused by itself."""
        return self._each(call, self.place)

    def amend_many(self, call: Call) -> list[dict]:
        """PUT batchOrders."""
        return self._each(call, self.amend)

    def cancel_many(self, call: Call) -> list[dict]:
        """DELETE batchOrders: up to ten orders of one symbol, by either kind of id."""
        ids, name = call.text("orderIdList", call.text("orderidlist")), "orderId"
        if ids is None:
            ids, name = call.text("origClientOrderIdList"), "origClientOrderId"
        if ids is None:
            raise missing("orderIdList")
        words = [{"symbol": call.need("symbol"), name: str(one)} for one in _listed(ids)]
        return [self._attempt(self.cancel, call, params) for params in words[:10]]

    def cancel_all(self, call: Call) -> dict:
        """DELETE allOpenOrders of one symbol."""
        spec = symbol_of(call, self._market.specs)
        for order in self._market.open.of_login(call.login.api_key, spec.symbol):
            if order.open:
                self._market.cancel(order)
        return dict(ALL_CANCELLED)

    def one(self, call: Call) -> dict:
        """GET order, by the venue's id or by the client's (then the newest with that id)."""
        spec = symbol_of(call, self._market.specs)
        found = self._open_named(call)
        if found is None:
            rows = self._store.orders(
                self._market.name,
                call.login.api_key,
                spec.symbol,
                order_id=call.number("orderId"),
                client_id=None if call.text("orderId") else call.text("origClientOrderId"),
                limit=1,
            )
            found = rows[-1] if rows else None
        if found is None or hidden(found, self.seen_until(call)):
            raise no_such_order()
        return order_json(found)

    def one_open(self, call: Call) -> dict:
        """GET openOrder."""
        symbol_of(call, self._market.specs)
        order = self._open_named(call)
        if order is None or hidden(order, self.seen_until(call)):
            raise no_such_order()
        return order_json(order)

    def open(self, call: Call) -> list[dict]:
        """GET openOrders, of one symbol or of all."""
        symbol = symbol_of(call, self._market.specs).symbol if call.text("symbol") else None
        seen = self.seen_until(call)
        orders = self._market.open.of_login(call.login.api_key, symbol)
        return [order_json(order) for order in orders if not hidden(order, seen)]

    def all(self, call: Call) -> list[dict]:
        """GET allOrders of one symbol, or of all."""
        symbol = symbol_of(call, self._market.specs).symbol if call.text("symbol") else None
        rows = self._store.orders(
            self._market.name,
            call.login.api_key,
            symbol,
            from_id=call.number("orderId"),
            from_ms=call.number("startTime"),
            to_ms=earlier(call.number("endTime"), self.seen_until(call)),
            limit=call.limit(500, 1000),
        )
        return [order_json(order) for order in rows]

    def trades(self, call: Call) -> list[dict]:
        """GET userTrades of one symbol: by order, from an id on, or from a time on."""
        spec = symbol_of(call, self._market.specs)
        from_id, from_ms = call.number("fromId"), call.number("startTime")
        until_ms = call.number("endTime")
        if from_id is not None and (from_ms is not None or until_ms is not None):
            raise VenueError(-1128, "Combination of optional parameters invalid.")
        if from_ms is not None and until_ms is not None and until_ms - from_ms > WEEK_MS:
            raise VenueError(-4166, "Search window is restricted to recent 7 days only.")
        rows = self._store.trades(
            self._market.name,
            call.login.api_key,
            spec.symbol,
            order_id=call.number("orderId"),
            from_id=from_id,
            from_ms=from_ms,
            to_ms=earlier(until_ms, self.seen_until(call)),
            limit=call.limit(500, 1000),
        )
        return [trade_json(trade) for trade in rows]

    # The steps of the above, some of which conditional orders take, too.

    def check_account(self, order: Order) -> None:
        """The checks that depend on the login's settings, positions and orders, and on the book.

        A closing order larger than its position is cut to it in one-way mode.

        Raises:
            VenueError: one of them fails; nothing was changed.
        """
        if self._market.open.by_client_id(order.login, order.symbol, order.client_id):
            raise duplicate_id()
        open_count = self._market.open.count(order.login, order.symbol)
        if open_count >= self._venue.options.max_open_orders:
            raise VenueError(-2025, "Reach max open order limit.")
        check_mode(order, hedged=self._market.accounts.settings(order.login).hedged)
        self._check_closing(order)
        if order.tif == "GTX" and crosses(self._market, order, order.price):
            raise VenueError(
                -5022,
                "Due to the order could not be executed as maker, the Post Only order will be"
                " rejected. The order will not be recorded in the order history",
            )
        if order.tif == "FOK" and self._market.preview(order).left > 0:
            raise VenueError(
                -5021,
                "Due to the order could not be filled immediately, the FOK order has been"
                " rejected. The order will not be recorded in the order history",
            )

    def seen_until(self, call: Call) -> int | None:
        """Until when a look-up sees things; ``None``, all of them, unless a lag is in force."""
        lag_ms = self._venue.faults.lag_ms(f"{call.method} {call.path}", call.login.api_key)
        return call.now_ms - lag_ms if lag_ms else None

    def _check_closing(self, order: Order) -> None:
        """An order that may only close: is there something to close?"""
        side = PositionSide(order.extra["position_side"])
        order.extra["closes"] = order.extra["reduce_only"] or closes_hedge(order)
        if not order.extra["closes"]:
            return
        held = self._market.accounts.position(order.login, order.symbol, side).qty
        if held == 0 or (held > 0) == (order.side is Side.BUY):
            raise reduce_only_refused()
        if side is not PositionSide.BOTH and order.qty > abs(held):
            raise reduce_only_refused()
        order.qty = min(order.qty, abs(held))

    def _read(self, call: Call) -> Order:
        if not call.login.can_trade:
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
        return read_order(call, symbol_of(call, self._market.specs), self._market)

    def _open_named(self, call: Call) -> Order | None:
        """The open order that a call names by the venue's id or by the client's."""
        order_id, client_id = call.number(IDS[0]), call.text(IDS[1])
        if order_id is None and client_id is None:
            raise VenueError(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            )
        login, symbol = call.login.api_key, call.need("symbol")
        if order_id is None:
            return self._market.open.by_client_id(login, symbol, client_id)
        order = self._market.open.by_id(symbol, order_id)
        return order if order is not None and order.login == login else None

    def _each(self, call: Call, action: Callable[[Call], dict]) -> list[dict]:
        """Carry out the orders of a batch, one by one."""
        rows = _listed(call.need("batchOrders"))
        if not 0 < len(rows) <= LARGEST_BATCH:
            raise VenueError(-4082, "Invalid number of batch place orders.")
        if not all(isinstance(row, dict) for row in rows):
            raise missing("batchOrders")
        words = [{name: _word(value) for name, value in row.items()} for row in rows]
        return [self._attempt(action, call, params) for params in words]

    def _attempt(self, action: Callable[[Call], dict], call: Call, params: dict) -> dict:
        """An action's answer, or why the venue refused it."""
        try:
            return action(Call(call.method, call.path, params, call.now_ms, call.login))
        except VenueError as refusal:
            return refusal.body()


def check_mode(order: Order, *, hedged: bool) -> None:
    """The position side fits the login's position mode.

    Raises:
        VenueError: -4061 it does not, -1106 reduce-only in hedge mode.
    """
    if hedged != (order.extra["position_side"] != PositionSide.BOTH):
        raise VenueError(-4061, "Order's position side does not match user's setting.")
    if hedged and order.extra["reduce_only"]:
        raise VenueError(-1106, "Parameter 'reduceonly' sent when not required.")


def closes_hedge(order: Order) -> bool:
    """In hedge mode the side alone says whether an order opens or closes."""
    closing_side = {PositionSide.LONG: Side.SELL, PositionSide.SHORT: Side.BUY}
    return order.side is closing_side.get(order.extra["position_side"])


def hidden(order: Order, seen_until_ms: int | None) -> bool:
    return seen_until_ms is not None and order.created_ms > seen_until_ms


def earlier(one_ms: int | None, other_ms: int | None) -> int | None:
    """The earlier of two times, each of which may be open."""
    return min((ms for ms in (one_ms, other_ms) if ms is not None), default=None)


def weight_of_open(call: Call) -> int:
    return 1 if call.text("symbol") else 40


def _listed(text: str) -> list:
    """A JSON list from a parameter."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list):
        raise VenueError(-1130, "Data sent for a list parameter is not valid.")
    return found


def _word(value: object) -> str:
    """A value of a JSON order as a plain request would carry it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else orjson.dumps(value).decode()
