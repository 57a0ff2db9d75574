"""Conditional futures orders: kept apart, with ids of their own, until their trigger places them.

A triggered one becomes a plain order with a new order id and, where that is free, the same client
id. It ends as FINISHED when that order ends, or as REJECTED when the venue does not take it.
Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api/New-Algo-Order
"""

import secrets
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from gateway.paper.calls import Access, Call, Route
from gateway.paper.errors import VenueError, missing, no_such_order, unknown_order
from gateway.paper.linear.desk import Desk
from gateway.paper.linear.filters import (
    CLIENT_ID,
    MAX_CONDITIONAL,
    PRICED,
    Kind,
    check_quantity,
    check_terms,
    flag,
    read_price,
    read_terms,
)
from gateway.paper.linear.orders import (
    ALL_CANCELLED,
    LinearOrders,
    check_mode,
    duplicate_id,
    earlier,
    hidden,
    reduce_only_refused,
    weight_of_open,
)
from gateway.paper.linear.positions import PositionSide
from gateway.paper.linear.wire import algo_json, average, number
from gateway.paper.market.asked import symbol_of
from gateway.paper.market.ground import Ground
from gateway.paper.matching.amounts import ZERO
from gateway.paper.matching.book import Side
from gateway.paper.matching.orders import OpenOrders, Order, Status, to_row

MARKET = "linear_algo"
FIRST_ID = 2_000_000_000  # Ids are for all symbols, far from those of orders.
CALLBACK_MIN, CALLBACK_MAX = Decimal("0.1"), Decimal(10)  # percent


class AlgoStatus(StrEnum):
    """Where a conditional order is in its life."""

    NEW = "NEW"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


class WorkingType(StrEnum):
    """Which price triggers."""

    CONTRACT_PRICE = "CONTRACT_PRICE"
    MARK_PRICE = "MARK_PRICE"


def named_new(call: Call) -> list[str]:
    """The client id of the conditional order that a call places."""
    return [call.params.get("clientAlgoId", "")]


class LinearAlgos:
    """The conditional orders of this market, as orders of the market ``linear_algo``."""

    def __init__(self, market: Desk, venue: Ground, orders: LinearOrders) -> None:
        self._market = market
        self._store = venue.store
        self._venue = venue
        self._plain = orders
        self.open = OpenOrders()

    def routes(self) -> list[Route]:
        base, signed = "/fapi/v1", Access.SIGNED
        one = f"{base}/algoOrder"
        return [
            Route("POST", one, self.place, signed, changes=True, sends=named_new),
            Route("DELETE", one, self.cancel, signed, changes=True),
            Route("GET", one, self.one, signed),
            Route("GET", f"{base}/openAlgoOrders", self.all_open, signed, weight_of_open),
            Route("GET", f"{base}/allAlgoOrders", self.all, signed, 5),
            Route("DELETE", f"{base}/algoOpenOrders", self.cancel_all, signed, changes=True),
        ]

    def load(self) -> None:
        """Everything that waits, from the store."""
        self.open = OpenOrders()
        for algo in self._store.open_orders(MARKET):
            self._wait(algo)

    def place(self, call: Call) -> dict:
        """POST algoOrder."""
        algo = self._read(call)
        if self.open.by_client_id(algo.login, algo.symbol, algo.client_id):
            raise duplicate_id()
        if self.open.count(algo.login, algo.symbol) >= MAX_CONDITIONAL:
            raise VenueError(-4045, "Reach max stop order limit.")
        check_mode(algo, hedged=self._market.accounts.settings(algo.login).hedged)
        if not algo.extra.get("trailing_delta") and self._market.is_due(algo):
            raise VenueError(-2021, "Order would immediately trigger.")
        algo.order_id = FIRST_ID + self._store.next_id(f"{MARKET}:order")
        self._wait(algo)
        self._store.put_order(algo)
        self._store.journal("order", algo.login, MARKET, algo.created_ms, to_row(algo))
        self._market.reports.algo(algo)
        answer = algo_json(algo)
        self._market.fire(algo.symbol)  # From here on a trailing one follows the price.
        return answer

    def cancel(self, call: Call) -> dict:
        """DELETE algoOrder."""
        algo = self._open_named(call)
        if algo is None:
            raise unknown_order()
        self._cancel(algo)
        return {
            "algoId": algo.order_id,
            "clientAlgoId": algo.client_id,
            "code": "200",
            "msg": "success",
        }

    def cancel_all(self, call: Call) -> dict:
        """DELETE algoOpenOrders of one symbol."""
        spec = symbol_of(call, self._market.specs)
        for algo in self.open.of_login(call.login.api_key, spec.symbol):
            self._cancel(algo)
        return dict(ALL_CANCELLED)

    def one(self, call: Call) -> dict:
        """GET algoOrder, by the venue's id or by the client's (then the newest with that id)."""
        found = self._open_named(call)
        if found is None:
            rows = self._store.orders(
                MARKET,
                call.login.api_key,
                order_id=call.number("algoId"),
                client_id=None if call.text("algoId") else call.text("clientAlgoId"),
                limit=1,
            )
            found = rows[-1] if rows else None
        if found is None or hidden(found, self._plain.seen_until(call)):
            raise no_such_order()
        return algo_json(found)

    def all_open(self, call: Call) -> list[dict]:
        """GET openAlgoOrders, of one symbol or of all."""
        symbol = symbol_of(call, self._market.specs).symbol if call.text("symbol") else None
        seen = self._plain.seen_until(call)
        algos = self.open.of_login(call.login.api_key, symbol)
        return [algo_json(algo) for algo in algos if not hidden(algo, seen)]

    def all(self, call: Call) -> list[dict]:
        """GET allAlgoOrders of one symbol."""
        spec = symbol_of(call, self._market.specs)
        rows = self._store.orders(
            MARKET,
            call.login.api_key,
            spec.symbol,
            from_id=call.number("algoId"),
            from_ms=call.number("startTime"),
            to_ms=earlier(call.number("endTime"), self._plain.seen_until(call)),
            limit=call.limit(500, 1000),
        )
        return [algo_json(algo) for algo in rows]

    # What happens to a conditional order later.

    def trigger(self, algo: Order) -> None:
        """The price is there: place the order that waited."""
        order = self._order_of(algo)
        algo.extra["triggered_ms"] = self._venue.now_ms()
        try:
            if not order.qty:
                raise reduce_only_refused()
            self._plain.check_account(order)
            self._market.check_margin(order)
        except VenueError as refusal:
            algo.extra["reason"] = refusal.msg
            self._leave(algo, Status.EXPIRED, AlgoStatus.REJECTED)
            return
        order.order_id = self._market.next_order_id(order.symbol)
        algo.extra["order_id"] = order.order_id
        self._leave(algo, Status.FILLED, AlgoStatus.TRIGGERED)
        self._market.accept(order)

    def order_ended(self, order: Order) -> None:
        """A plain order is over; the conditional one it came from is finished."""
        if "algo_id" not in order.extra:
            return
        (algo,) = self._store.orders(MARKET, order.login, order_id=order.extra["algo_id"])
        algo.extra |= {
            "average": number(average(order)),
            "filled": number(order.filled),
        }
        self._put(algo, AlgoStatus.FINISHED)

    # The steps of the above.

    def _read(self, call: Call) -> Order:
        if call.need("algoType") != "CONDITIONAL":
            raise VenueError(-1102, "Invalid algoType.")
        spec = symbol_of(call, self._market.specs)
        kind = call.one_of("type", Kind, -1116, "Invalid orderType.")
        if kind in (Kind.LIMIT, Kind.MARKET):
            raise VenueError(-1116, "Invalid orderType.")
        algo = read_terms(call, spec, kind, client_name="clientAlgoId")
        algo.market, algo.working = MARKET, False
        working = WorkingType.CONTRACT_PRICE
        if call.text("workingType"):
            working = call.one_of("workingType", WorkingType, -1102, "Invalid workingType.")
        closes_all = flag(call, "closePosition")
        algo.extra |= {
            "working_type": working,
            "close_position": closes_all,
            "algo_status": AlgoStatus.NEW,
        }
        _check_size(algo, closes_all=closes_all)
        if algo.qty:
            check_quantity(algo.qty, spec)
            check_terms(algo, spec, self._market)
        if kind is Kind.TRAILING_STOP_MARKET:
            algo.stop_price = read_price(call, "activatePrice", spec)
            algo.extra |= _callback(call)
        else:
            call.need("triggerPrice")
            algo.stop_price = read_price(call, "triggerPrice", spec)
        return algo

    def _order_of(self, algo: Order) -> Order:
        """The plain order that a triggered conditional one becomes."""
        side = PositionSide(algo.extra["position_side"])
        held = self._market.accounts.position(algo.login, algo.symbol, side).qty
        closes_all = algo.extra["close_position"]
        closable = abs(held) if (held > 0) == (algo.side is Side.SELL) else ZERO
        now_ms = self._venue.now_ms()
        taken = self._market.open.by_client_id(algo.login, algo.symbol, algo.client_id)
        return replace(
            algo,
            market=self._market.name,
            order_id=0,
            client_id=secrets.token_urlsafe(16)[:22] if taken else algo.client_id,
            kind=Kind.LIMIT if algo.kind in PRICED else Kind.MARKET,
            created_ms=now_ms,
            updated_ms=now_ms,
            qty=closable if closes_all else algo.qty,
            working=True,
            extra={
                "position_side": side,
                "reduce_only": algo.extra["reduce_only"]
                or (closes_all and side is PositionSide.BOTH),
                "closes": False,
                "close_position": closes_all,
                "good_till_ms": algo.extra["good_till_ms"],
                "original_kind": algo.kind,
                "algo_id": algo.order_id,
            },
        )

    def _open_named(self, call: Call) -> Order | None:
        """The waiting order that a call names; its symbol need not be sent."""
        algo_id = call.number("algoId")
        client_id = call.matching("clientAlgoId", CLIENT_ID)
        if algo_id is None and client_id is None:
            raise missing("algoId")
        mine = self.open.of_login(call.login.api_key, call.text("symbol"))
        if algo_id is None:
            return next((algo for algo in mine if algo.client_id == client_id), None)
        return next((algo for algo in mine if algo.order_id == algo_id), None)

    def _cancel(self, algo: Order) -> None:
        self._leave(algo, Status.CANCELED, AlgoStatus.CANCELED)

    def _wait(self, algo: Order) -> None:
        self.open.add(algo)
        self._market.waiting[algo.symbol][algo.order_id] = algo

    def _leave(self, algo: Order, status: Status, algo_status: AlgoStatus) -> None:
        """A conditional order no longer waits."""
        self._market.waiting[algo.symbol].pop(algo.order_id, None)
        self.open.remove(algo)
        algo.status = status
        self._put(algo, algo_status)
        self._store.journal("end", algo.login, MARKET, algo.updated_ms, to_row(algo))

    def _put(self, algo: Order, algo_status: AlgoStatus) -> None:
        algo.extra["algo_status"] = algo_status
        algo.updated_ms = self._venue.now_ms()
        self._store.put_order(algo)
        self._market.reports.algo(algo)


def _check_size(algo: Order, *, closes_all: bool) -> None:
    """Either a quantity or all of the position, never both."""
    if closes_all and (algo.qty or algo.extra["reduce_only"]):
        raise VenueError(-4136, "Target strategy invalid for orderType: closePosition.")
    if closes_all and algo.kind not in (Kind.STOP_MARKET, Kind.TAKE_PROFIT_MARKET):
        raise VenueError(-4136, "Target strategy invalid for orderType: closePosition.")
    if not closes_all and not algo.qty:
        raise missing("quantity")


def _callback(call: Call) -> dict:
    """How far a trailing order stays behind the price, as sent and in basis points."""
    call.need("callbackRate")
    rate = call.amount("callbackRate")
    if not CALLBACK_MIN <= rate <= CALLBACK_MAX:
        raise VenueError(-2007, "Invalid callBack rate.")
    return {"callback_rate": call.text("callbackRate"), "trailing_delta": str(rate * 100)}
