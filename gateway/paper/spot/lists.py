"""One-cancels-the-other: two spot orders of which at most one is filled.

Both orders share one sum of money, which the first of them holds. When one trades or triggers the
other expires; when one is cancelled both are.
Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/trading-endpoints
"""

import secrets
from collections.abc import Callable
from decimal import Decimal

from gateway.paper.calls import CLIENT_ID, Access, Call, Route
from gateway.paper.errors import VenueError, duplicate_order, missing, refused, unknown_order
from gateway.paper.market.asked import symbol_of
from gateway.paper.market.market import Execution, Market
from gateway.paper.matching.book import Side
from gateway.paper.matching.orders import Order, Status
from gateway.paper.spot.filters import CONDITIONAL, Kind, read_order
from gateway.paper.spot.streams import SpotStreams
from gateway.paper.spot.wire import cancelled_json, new_order_json
from gateway.paper.store import Store

# Parameters of one leg: the order's own name, and how each leg spells it.
LEG_WORDS = {
    "type": "Type",
    "newClientOrderId": "ClientOrderId",
    "price": "Price",
    "stopPrice": "StopPrice",
    "trailingDelta": "TrailingDelta",
    "timeInForce": "TimeInForce",
}
SHARED_WORDS = ("symbol", "side", "quantity", "selfTradePreventionMode")


def leg_ids(call: Call) -> list[str]:
    """The client order ids that a list's two orders were given."""
    names = ("aboveClientOrderId", "belowClientOrderId", "limitClientOrderId", "stopClientOrderId")
    return [call.params[name] for name in names if name in call.params] or ["", ""]


class OrderLists:
    """Order lists, kept as documents; their orders are ordinary orders that name the list."""

    def __init__(
        self,
        market: Market,
        store: Store,
        *,
        streams: SpotStreams,
        needed: Callable[[Order], Decimal],
    ) -> None:
        """``needed`` says what an order sets aside."""
        self._market = market
        self._store = store
        self._streams = streams
        self._needed = needed

    def routes(self) -> list[Route]:
        one, signed = "/api/v3/orderList", Access.SIGNED
        return [
            Route("POST", f"{one}/oco", self.place, signed, changes=True, sends=leg_ids),
            Route("POST", "/api/v3/order/oco", self.place_old, signed, changes=True, sends=leg_ids),
            Route("DELETE", one, self.cancel, signed, changes=True),
            Route("GET", one, self.one, signed, 4),
            Route("GET", "/api/v3/openOrderList", self.open, signed, 6),
            Route("GET", "/api/v3/allOrderList", self.all, signed, 20),
        ]

    def place(self, call: Call) -> dict:
        """POST orderList/oco: one order above the price and one below it."""
        legs = [self._leg(call, where) for where in ("above", "below")]
        if sum(leg.kind in CONDITIONAL for leg in legs) == 0:
            raise VenueError(-1128, "Combination of optional parameters invalid.")
        spec = self._market.specs[legs[0].symbol]
        client_id = call.matching("listClientOrderId", CLIENT_ID) or secrets.token_urlsafe(16)[:22]
        for leg in legs:
            if leg.client_id == legs[0].client_id and leg is not legs[0]:
                raise duplicate_order()
            if self._market.open.by_client_id(leg.login, leg.symbol, leg.client_id):
                raise duplicate_order()
            self._check_side(leg)
        holder, sharer = sorted(legs, key=lambda leg: leg.kind in CONDITIONAL)
        list_id = self._store.next_id("spot:list")
        for leg in (holder, sharer):
            leg.order_id = self._market.next_order_id(spec.symbol)
            leg.extra["list_id"] = list_id
        holder.extra["list_reserve"] = str(max(self._needed(leg) for leg in legs))
        sharer.extra["shares_lock"] = True
        row = {
            "login": call.login.api_key,
            "symbol": spec.symbol,
            "client_id": client_id,
            "orders": [[leg.order_id, leg.client_id] for leg in (holder, sharer)],
            "time_ms": call.now_ms,
            "closing": False,
            "done": False,
        }
        self._market.accept(holder)
        self._store.put_document("order_list", str(list_id), row)
        self._market.accept(sharer)
        self._streams.list_status(list_id, row)
        reports = [new_order_json(leg, [], "RESULT") for leg in (holder, sharer)]
        return _list_json(list_id, row) | {"orderReports": reports}

    def place_old(self, call: Call) -> dict:
        """POST order/oco: the older spelling of the same."""
        limit_leg, stop_leg = ("above", "below") if call.need("side") == "SELL" else (
            "below", "above")  # fmt: skip
        call.params |= {
            f"{limit_leg}Type": Kind.LIMIT_MAKER,
            f"{limit_leg}Price": call.need("price"),
        }
        stop = {"Type": Kind.STOP_LOSS, "StopPrice": call.need("stopPrice")}
        if limit := call.text("stopLimitPrice"):
            stop |= {"Type": Kind.STOP_LOSS_LIMIT, "Price": limit}
            stop |= {"TimeInForce": call.need("stopLimitTimeInForce")}
        ids = {f"{limit_leg}ClientOrderId": "limitClientOrderId",
               f"{stop_leg}ClientOrderId": "stopClientOrderId"}  # fmt: skip
        call.params |= {stop_leg + word: value for word, value in stop.items()}
        call.params |= {name: call.text(old, "") for name, old in ids.items()}
        return self.place(call)

    def cancel(self, call: Call) -> dict:
        """DELETE orderList: both orders."""
        symbol_of(call, self._market.specs)
        list_id, row = self._named(call, "listClientOrderId")
        orders = self._open_orders(row)
        if not orders:
            raise unknown_order()
        for order in orders:
            order.extra["cancel_client_id"] = secrets.token_urlsafe(16)[:22]
        self._market.cancel(orders[0])
        row = self._store.document("order_list", str(list_id))
        return _list_json(list_id, row) | {
            "orderReports": [cancelled_json(order) for order in orders]
        }

    def one(self, call: Call) -> dict:
        """GET orderList."""
        return _list_json(*self._named(call, "origClientOrderId"))

    def open(self, call: Call) -> list[dict]:
        """GET openOrderList."""
        return [_list_json(key, row) for key, row in self._mine(call) if not row["done"]]

    def all(self, call: Call) -> list[dict]:
        """GET allOrderList."""
        return [_list_json(key, row) for key, row in self._mine(call)][-call.limit(500, 1000) :]

    # What happens to one order of a list happens to the other.

    def triggered(self, order: Order) -> None:
        """A conditional order was triggered: the other one expires."""
        self._end_other(order, Status.EXPIRED, Execution.EXPIRED)

    def traded(self, order: Order) -> None:
        """An order traded: the other one expires."""
        self._end_other(order, Status.EXPIRED, Execution.EXPIRED)

    def ended(self, order: Order) -> None:
        """An order is over: the list is, too, once the other is."""
        self._end_other(order, Status.CANCELED, Execution.CANCELED)
        list_id = order.extra["list_id"]
        row = self._store.document("order_list", str(list_id))
        if row is not None and not row["done"] and not self._open_orders(row):
            row["done"] = True
            self._store.put_document("order_list", str(list_id), row)
            self._streams.list_status(list_id, row)

    def _end_other(self, order: Order, status: Status, execution: Execution) -> None:
        list_id = order.extra.get("list_id")
        row = self._store.document("order_list", str(list_id)) if list_id else None
        if row is None or row["closing"]:
            return
        row["closing"] = True  # Ending the other must not, in turn, end this one.
        self._store.put_document("order_list", str(list_id), row)
        for other in self._open_orders(row):
            if other is not order:
                other.extra.setdefault("cancel_client_id", secrets.token_urlsafe(16)[:22])
                self._market.end(other, status, execution)

    def _open_orders(self, row: dict) -> list[Order]:
        found = (self._market.open.by_id(row["symbol"], order_id) for order_id, _ in row["orders"])
        return [order for order in found if order is not None]

    def _leg(self, call: Call, where: str) -> Order:
        call.need(f"{where}Type")
        params = {name: call.params[name] for name in SHARED_WORDS if call.text(name)}
        for name, word in LEG_WORDS.items():
            if value := call.text(where + word):
                params[name] = value
        spec = symbol_of(call, self._market.specs)
        leg = Call(call.method, call.path, params, call.now_ms, call.login)
        return read_order(leg, spec, last=self._market.last[spec.symbol])

    def _check_side(self, leg: Order) -> None:
        if leg.kind != Kind.LIMIT_MAKER:
            return
        best = self._market.books[leg.symbol].best(leg.side.opposite)
        if best and (leg.price >= best[0] if leg.side is Side.BUY else leg.price <= best[0]):
            raise refused("The relationship of the prices for the orders is not correct.")

    def _mine(self, call: Call) -> list[tuple[str, dict]]:
        rows = self._store.documents("order_list").items()
        mine = [(key, row) for key, row in rows if row["login"] == call.login.api_key]
        return sorted(mine, key=lambda item: int(item[0]))

    def _named(self, call: Call, client_name: str) -> tuple[str, dict]:
        list_id, client_id = call.text("orderListId"), call.text(client_name)
        if list_id is None and client_id is None:
            raise missing("orderListId")
        for key, row in reversed(self._mine(call)):
            if list_id == key or (list_id is None and row["client_id"] == client_id):
                return key, row
        raise VenueError(-2018, "Order list does not exist.")


def _list_json(list_id: int | str, row: dict) -> dict:
    return {
        "orderListId": int(list_id),
        "contingencyType": "OCO",
        "listStatusType": "ALL_DONE" if row["done"] else "EXEC_STARTED",
        "listOrderStatus": "ALL_DONE" if row["done"] else "EXECUTING",
        "listClientOrderId": row["client_id"],
        "transactionTime": row["time_ms"],
        "symbol": row["symbol"],
        "orders": [
            {"symbol": row["symbol"], "orderId": order_id, "clientOrderId": client_id}
            for order_id, client_id in row["orders"]
        ],
    }
