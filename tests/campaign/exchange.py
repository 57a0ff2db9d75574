"""The ccxt instance of a venue in this process, and what goes wrong on the way to it.

It speaks ccxt's structures and raises ccxt's exceptions, and it leaves the traces that the real
HTTP session leaves (``gateway.sessions.wire``): whether a request left, which status and code came
back. So everything above it is the OMS's own code.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any, NoReturn

import ccxt

from gateway.pacing import Pace
from gateway.sessions.wire import current
from tests.campaign.clock import EPOCH
from tests.campaign.venue import LIVE, Order, Refusal, Trade, Venue

STATUS = {"NEW": "open", "PARTIALLY_FILLED": "open", "FILLED": "closed", "CANCELED": "canceled",
          "EXPIRED": "expired"}  # fmt: skip
CLASSES = {"-4116": ccxt.InvalidOrder, "-2022": ccxt.InvalidOrder, "-2011": ccxt.OrderNotFound,
           "-2013": ccxt.OrderNotFound, "-4028": ccxt.InvalidOrder,
           "-1013": ccxt.InvalidOrder, "-2010": ccxt.InsufficientFunds,
           "-1121": ccxt.BadSymbol}  # fmt: skip


class Fault(StrEnum):
    """What happens to one request; ``…_after`` means that the venue has acted by then."""

    NONE = "none"
    REFUSED = "refused"
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    LOST_BEFORE = "lost_before"
    LOST_AFTER = "lost_after"
    RESET_AFTER = "reset_after"
    TRUNCATED_AFTER = "truncated_after"
    NO_ID_AFTER = "no_id_after"
    UNKNOWN_BEFORE = "unknown_before"
    UNKNOWN_AFTER = "unknown_after"
    SLOW_AFTER = "slow_after"
    ID_ONLY_AFTER = "id_only_after"
    GONE = "gone"


_HARD = (Fault.ID_ONLY_AFTER, Fault.GONE)
_ACTING = [fault for fault in Fault if fault not in (Fault.NONE, *_HARD)]
_READING = [Fault.THROTTLED, Fault.NOT_SENT, Fault.LOST_BEFORE, Fault.UNKNOWN_BEFORE,
            Fault.SLOW_AFTER]  # fmt: skip
_AFTER = {Fault.LOST_AFTER, Fault.RESET_AFTER, Fault.TRUNCATED_AFTER, Fault.NO_ID_AFTER,
          Fault.UNKNOWN_AFTER, Fault.SLOW_AFTER, Fault.ID_ONLY_AFTER}  # fmt: skip
_TIMEOUT_S = 10.0
HAS = ("fetchOrder", "fetchOrders", "fetchMyTrades", "fetchTime", "fetchPositions",
       "fetchPositionMode")  # fmt: skip


class Exchange:
    """As much of a ccxt class as ``gateway.sessions.kept`` uses."""

    id = "binance"

    def __init__(self, venue: Venue, *, dice: Random, share: float, is_hard: bool = False) -> None:
        self._acting = [*_ACTING, Fault.ID_ONLY_AFTER] if is_hard else _ACTING
        self._reading = [*_READING, Fault.GONE] if is_hard else _READING
        self.share = share
        self.hanging = 0
        self.answered_at_s = 0.0  # When the last of those that hung had its answer.
        self.faults: Counter[Fault] = Counter()
        self.posts: Counter[str] = Counter()
        self.options: dict[str, Any] = {}
        market = {"symbol": venue.symbol, "contract": not venue.is_spot, "contractSize": 1}
        self.markets = {venue.symbol: market}
        self.has = dict.fromkeys(HAS, True)
        self.pace = Pace(requests=())  # Turns are taken in ccxt, which is not here.
        self._venue = venue
        self._dice = dice

    # --- acting ---

    async def create_order(self, *args: Any, params: dict[str, Any]) -> Any:
        _symbol, kind, side, qty, price = args
        client_id = params["clientOrderId"]

        def act() -> Order:
            return self._venue.create(
                client_id=client_id, side=side, kind=kind, qty=_exact(qty), price=_exact(price),
                reduce_only=bool(params.get("reduceOnly")),
            )  # fmt: skip

        return await self._act("POST", act, client_id=client_id)

    async def cancel_order(self, order_id: str, symbol: str, *, params: dict[str, Any]) -> Any:
        def act() -> Order:
            order = self._found(order_id, params.get("clientOrderId"), code="-2011")
            self._venue.cancel(order)
            return order

        return await self._act("DELETE", act)

    async def edit_order(self, *args: Any, params: dict[str, Any]) -> Any:
        order_id, _symbol, _kind, _side, qty, price = args

        def act() -> Order:
            order = self._found(order_id, None, code="-2013")
            self._venue.amend(order, qty=_exact(qty), price=_exact(price))
            return order

        return await self._act("PUT", act)

    # --- asking ---

    async def fetch_order(self, order_id: str, symbol: str, *, params: dict[str, Any]) -> Any:
        await self._read()
        return _order(self._seen(order_id, params.get("clientOrderId")))

    async def fetch_open_orders(self, *_: Any, params: dict[str, Any]) -> list[Any]:
        await self._read()
        return [_order(order) for order in self._venue.seen_orders() if order.status in LIVE]

    async def fetch_orders(self, *_: Any, params: dict[str, Any]) -> list[Any]:
        await self._read()
        return [_order(order) for order in self._venue.seen_orders()]

    async def fetch_my_trades(self, *args: Any, params: dict[str, Any]) -> list[Any]:
        await self._read()
        order_id = params.get("orderId")
        since_ms = args[1] if len(args) > 1 else None
        seen = [
            trade
            for trade in self._venue.seen_trades()
            if (order_id is None or trade.order_id == order_id)
            and (since_ms is None or _ms(trade.at_s) >= since_ms)
        ]
        if self._dice.random() < self.share:
            self._dice.shuffle(seen)
        return [_trade(trade) for trade in seen]

    async def fetch_balance(self, params: dict[str, Any]) -> dict[str, Any]:
        await self._read()
        total = {name: str(qty) for name, qty in self._venue.balances().items()}
        return {"total": total, "info": {"balances": [*total], "assets": []}}

    async def fetch_positions(self, _: Any, params: dict[str, Any]) -> list[dict[str, Any]]:
        await self._read()
        net = self._venue.net
        side = "long" if net > 0 else "short"
        held = {"side": side, "contracts": str(abs(net)), "entryPrice": str(self._venue.price)}
        return [{"symbol": self._venue.symbol} | held]

    async def fetch_time(self, params: dict[str, Any]) -> int:
        await self._read()
        return self.milliseconds()

    async def fetch_position_mode(self, *_: Any, params: dict[str, Any]) -> dict[str, Any]:
        return {"hedged": False}

    # --- the rest of what a session touches ---

    def milliseconds(self) -> int:
        return _ms(asyncio.get_running_loop().time())

    def market(self, symbol: str) -> dict[str, Any]:
        return self.markets[symbol]

    def feature_value(self, *_: Any) -> None:
        return None

    async def close(self) -> None:
        return None

    # --- underneath ---

    async def _act(self, method: str, act: Callable[[], Order], client_id: str = "") -> Any:
        fault = await self._on_the_way(self._acting)
        if fault is Fault.NOT_SENT:
            _not_sent()
        current.get().leaving(method)
        if client_id:
            self.posts[client_id] += 1
        if fault in _AFTER or fault is Fault.NONE:
            try:
                order = act()
            except Refusal as refusal:
                _no(refusal.code, str(refusal))
        match fault:
            case Fault.NONE:
                whole = self._dice.random() < 0.5
                return _order(order, whole=whole and not self._venue.lists_late)
            case Fault.ID_ONLY_AFTER:
                return {"id": order.id, "info": {}}
            case Fault.NO_ID_AFTER:
                return {"id": None, "info": {}}
            case Fault.SLOW_AFTER:
                await self._hang(self._dice.uniform(0.5, 40))
                return _order(order)
            case Fault.REFUSED:
                _no("-2010", "Account has insufficient balance for requested action.")
        await self._fail(fault)

    async def _read(self) -> None:
        fault = await self._on_the_way(self._reading)
        if fault is Fault.NOT_SENT:
            _not_sent()
        current.get().leaving("GET")
        if fault is Fault.SLOW_AFTER:
            await self._hang(self._dice.uniform(0.5, 40))
        elif fault is not Fault.NONE:
            await self._fail(fault)

    async def _on_the_way(self, faults: list[Fault]) -> Fault:
        await asyncio.sleep(self._dice.uniform(0.005, 0.05))
        strikes = self._dice.random() < self.share
        fault = self._dice.choice(faults) if strikes else Fault.NONE
        self.faults[fault] += 1
        return fault

    async def _hang(self, seconds: float) -> None:
        self.hanging += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self.hanging -= 1
            self.answered_at_s = asyncio.get_running_loop().time()

    async def _fail(self, fault: Fault) -> NoReturn:
        wire = current.get()
        match fault:
            case Fault.LOST_BEFORE | Fault.LOST_AFTER:
                await self._hang(_TIMEOUT_S)
                raise ccxt.RequestTimeout("no answer")
            case Fault.RESET_AFTER:
                raise ccxt.ExchangeNotAvailable("disconnected")
            case Fault.TRUNCATED_AFTER:
                raise ccxt.ExchangeError("half a body")
            case Fault.GONE:
                _no("-1121", "Invalid symbol.")
            case Fault.THROTTLED:
                wire.judged, wire.status, wire.code, wire.retry_after_s = True, 429, "-1003", 2.0
                raise ccxt.DDoSProtection("too many requests")
        wire.judged, wire.status, wire.code = True, 503, "-1006"
        raise ccxt.OperationFailed("execution status unknown")

    def _found(self, order_id: str, client_id: str | None, *, code: str) -> Order:
        """What the matching engine has, which lags behind nothing."""
        return self._one_of(self._venue.orders, order_id, client_id, code)

    def _seen(self, order_id: str, client_id: str | None) -> Order:
        return self._one_of(self._venue.seen_orders(), order_id, client_id, "-2013")

    def _one_of(
        self, orders: list[Order], order_id: str, client_id: str | None, code: str
    ) -> Order:
        for order in reversed(orders):
            if order.id == order_id or (client_id and order.client_id == client_id):
                return order
        _no(code, "Order does not exist.")


def _no(code: str, text: str) -> NoReturn:
    wire = current.get()
    wire.judged, wire.status, wire.code, wire.body = True, 400, code, text
    raise CLASSES[code](text)


def _not_sent() -> NoReturn:
    raise ccxt.ExchangeNotAvailable("no route") from ConnectionError()


def _order(order: Order, *, whole: bool = False) -> dict[str, Any]:
    return {
        "id": order.id,
        "clientOrderId": order.client_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "status": STATUS[order.status],
        "amount": str(order.qty),
        "filled": str(order.filled),
        "average": _average(order),
        "price": None if order.price is None else str(order.price),
        "timestamp": _ms(order.at_s),
        "trades": [_trade(trade) for trade in order.trades] if whole else [],
        "info": {},
    }


def _average(order: Order) -> str | None:
    """As ccxt computes it: to eighteen places."""
    if not order.filled:
        return None
    worth = sum((trade.qty * trade.price for trade in order.trades), Decimal(0))
    return str((worth / order.filled).quantize(Decimal("1e-18")))


def _trade(trade: Trade) -> dict[str, Any]:
    return {
        "id": str(trade.id),
        "order": trade.order_id,
        "symbol": trade.symbol,
        "side": trade.side,
        "amount": str(trade.qty),
        "price": str(trade.price),
        "timestamp": _ms(trade.at_s),
        "fee": {"cost": str(trade.fee), "currency": trade.fee_currency},
        "info": {},
    }


def _ms(at_s: float) -> int:
    return int(EPOCH.timestamp() * 1000) + round(at_s * 1000)


def _exact(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
