"""A ccxt exchange that also watches: orders, trades, positions, balance, markets, on one socket.

ccxt's own client keeps the connection. When it breaks, whoever watches gets ``NetworkError``, as
everywhere in ccxt; the next call connects again and resumes after the last event (``since_seq``),
so nothing is missed and nothing comes twice.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from ccxt.async_support.base.ws.cache import (
    ArrayCache,
    ArrayCacheBySymbolById,
    ArrayCacheByTimestamp,
)
from ccxt.base.errors import NetworkError

from ccxt_driver import plans, shapes
from ccxt_driver.async_support import OmsCcxtExchange
from ccxt_driver.errors import code_of, exception_of

ACCOUNT = "account"  # The subscription that brings orders, trades and positions.
KEPT = 1000
_KEPT_CHANNELS = ("trades", "ohlcv")  # What is new in them waits for whoever asks next.

Row = Mapping[str, Any]


class OmsCcxtProExchange(OmsCcxtExchange):
    """An account of the OMS, with what ``ccxt.pro`` has beside calls."""

    STREAMS: ClassVar[bool] = True

    def __init__(self, config: Mapping[str, Any] | None = None, **given: Any) -> None:
        super().__init__(config, **given)
        self.oms_seq: int | None = None  # The last event that arrived.
        self._unseen: set[str] = set()  # What changed while nobody waited for it.
        self._number = 0
        self._asked: dict[int, str] = {}
        self._seen_trades: dict[str, set[str]] = {}
        self.orders = ArrayCacheBySymbolById(KEPT)
        self.myTrades = ArrayCacheBySymbolById(KEPT)
        self.positions = {}
        ws = {"options": {"headers": {"x-api-key": self.apiKey or ""}}}
        self.options["ws"] = self.deep_extend(self.options.get("ws") or {}, ws)

    # --- the account -------------------------------------------------------------------------

    async def watch_orders(self, symbol=None, since=None, limit=None, params={}):
        """Orders that changed."""
        await self._account_news("orders", symbol)
        found = [one for one in self.orders if symbol is None or one["symbol"] == symbol]
        return self._new_rows(self.orders, found, symbol, since, limit)

    async def watch_my_trades(self, symbol=None, since=None, limit=None, params={}):
        """Deals that were booked."""
        await self._account_news("trades", symbol)
        found = [one for one in self.myTrades if symbol is None or one["symbol"] == symbol]
        return self._new_rows(self.myTrades, found, symbol, since, limit)

    async def watch_positions(self, symbols=None, since=None, limit=None, params={}):
        """Positions as they are, each time that one of them changed; closed ones once, with 0."""
        await self.load_markets()
        wanted = self.market_symbols(symbols)
        while True:
            await self._account_news("positions", None)
            found = [one for one in self.positions.values()
                     if wanted is None or one["symbol"] in wanted]  # fmt: skip
            closed = [key for key, one in self.positions.items() if not one["contracts"]]
            for key in closed:
                del self.positions[key]
            if found:
                rows = [one["info"] for one in found]
                await self.oms_do(plans.learn_leverages(self, rows))
                found = [shapes.position(self, row) for row in rows]
                return self.filter_by_since_limit(found, since, limit, "timestamp", True)

    async def watch_balance(self, params={}):
        """The balance after each deal and each order that may have changed it."""
        await self._account_news("balance", None)
        self.balance = await self.fetch_balance(params)
        return self.balance

    # --- markets -----------------------------------------------------------------------------

    async def watch_ticker(self, symbol, params={}):
        """The ticker, each time that it changed."""
        return await self._market_news(symbol, "ticker")

    async def watch_tickers(self, symbols=None, params={}):
        """The first of these tickers that changes."""
        await self.load_markets()
        names = self.market_symbols(symbols) or self.symbols
        waiting = [asyncio.ensure_future(self._market_news(name, "ticker")) for name in names]
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in pending:
            one.cancel()
        heard = [one for one in done if one.exception() is None]
        tickers = [one.result() for one in heard or done]
        return {ticker["symbol"]: ticker for ticker in tickers}

    async def watch_order_book(self, symbol, limit=None, params={}):
        """The order book, each time that it changed."""
        book = await self._market_news(symbol, "orderbook")
        cut = {side: book[side][:limit] for side in ("bids", "asks")}
        return {**book, "symbol": self.symbol(symbol), **cut}

    async def watch_trades(self, symbol, since=None, limit=None, params={}):
        """Trades of everybody that were not told before."""
        await self._market_news(symbol, "trades")
        cache = self.trades[self.symbol(symbol)]
        return self._new_rows(cache, list(cache), self.symbol(symbol), since, limit)

    async def watch_ohlcv(self, symbol, timeframe="1m", since=None, limit=None, params={}):
        """Candles that changed or are new."""
        await self._market_news(symbol, "ohlcv", timeframe)
        cache = self.ohlcvs[self.symbol(symbol)][timeframe]
        if self.newUpdates:
            limit = cache.getLimit(self.symbol(symbol), limit)
        return self.filter_by_since_limit(list(cache), since, limit, 0, True)

    # --- what arrives ------------------------------------------------------------------------

    def handle_message(self, client, message):
        """Sort an event or an answer; ccxt's client calls this."""
        kind = message.get("type")
        if kind == "ws_response":
            self._answered(client, message)
        elif kind == "ws_heartbeat":
            newest = message["payload"]["seq"].get(str(self.oms.account_id))
            if newest is not None and self.oms_seq is not None and newest > self.oms_seq:
                self._break(client)
        elif message.get("namespace") == "ccxt":
            self._market_told(client, message)
        elif message.get("seq") is not None:
            self._told(client, message)
        elif message.get("event") == "closing":
            client.reject(NetworkError(f"{self.id} {message['payload']['message']}"))

    def _told(self, client, message: Row) -> None:
        seq = message["seq"]
        if self.oms_seq is not None and seq <= self.oms_seq:
            return
        if self.oms_seq is not None and message["prev_seq"] > self.oms_seq:
            self._break(client)
            return
        self.oms_seq = seq
        event, row = message["event"], message["payload"]
        mine = self.oms.strategy_id in (None, row.get("strategy_id", message.get("strategy_id")))
        if not mine:
            return
        if event.startswith("order_") and "order_type" in row:
            self.orders.append(shapes.order(self, row))
            self._wake(client, "orders", row["symbol"])
        elif event == "deal_created":
            if row["kind"] == "fill":
                self.myTrades.append(shapes.trade(self, row))
                self._wake(client, "trades", row["symbol"])
        elif event.startswith("position_") and "avg_price" in row:
            self.positions[str(row["id"])] = shapes.position(self, row)
            self._wake(client, "positions", None)
        self._wake(client, "balance", None)

    def _answered(self, client, message: Row) -> None:
        payload, event = message["payload"], message["event"]
        asked = self._asked.get(message["id"], "")
        if not message["ok"]:
            self._refused(client, asked, payload)
        elif event == "snapshot_open_positions" and payload["items"]:
            for row in payload["items"]:
                if self.oms.strategy_id in (None, row["strategy_id"]):
                    self.positions[str(row["id"])] = shapes.position(self, row)
            self._wake(client, "positions", None)
        elif event == "snapshot_done":
            self.oms_seq = payload["seq"][str(self.oms.account_id)]

    def _refused(self, client, asked: str, payload: Row) -> None:
        error = exception_of(payload, status=0, prefix=self.id, is_order=False)
        if asked == ACCOUNT and code_of(error) in ("events_expired", "validation_error"):
            # Too long away, or the OMS was restored: take a snapshot next time.
            self.oms_seq = None
            error = NetworkError(f"{self.id} {error}")
        client.subscriptions.pop(asked, None)
        for message_hash in list(client.futures):
            of_account = not message_hash.startswith("market:")
            if message_hash == asked or (asked == ACCOUNT and of_account):
                client.reject(error, message_hash)

    def _market_told(self, client, message: Row) -> None:
        payload = message["payload"]
        name = _topic(payload["symbol"], payload["channel"], payload.get("timeframe"))
        if message["event"] == "market_failed":
            if name in client.futures:
                client.reject(NetworkError(f"{self.id} {payload['error']['code']}"), name)
            return
        data = shapes.structure(self, payload["data"])
        symbol, channel = payload["symbol"], payload["channel"]
        if channel == "trades":
            data = self._fresh_trades(symbol, data)
            if not data:
                return
        elif channel == "ohlcv":
            kept = self.ohlcvs.setdefault(symbol, {})
            cache = kept.setdefault(payload["timeframe"], ArrayCacheByTimestamp(KEPT))
            for candle in data:
                cache.append(candle)
        elif channel == "ticker":
            self.tickers[symbol] = data
        else:
            self.orderbooks[symbol] = data
        self._wake(client, name, None, data)

    def _fresh_trades(self, symbol: str, trades: list[Row]) -> list[Row]:
        """Those that were not told before; a connection begins with the last ones again."""
        cache = self.trades.setdefault(symbol, ArrayCache(KEPT))
        seen = self._seen_trades.setdefault(symbol, set())
        fresh = [one for one in trades if _trade_name(one) not in seen]
        for trade in fresh:
            cache.append(trade)
        self._seen_trades[symbol] = {_trade_name(one) for one in cache}
        return fresh

    # --- parts -------------------------------------------------------------------------------

    async def _account_news(self, kind: str, symbol: str | None) -> None:
        await self.load_markets()
        name = kind if symbol is None else f"{kind}:{self.symbol(symbol)}"
        resumed = self.oms_seq is not None
        wish: dict[str, Any] = {"account_ids": [self.oms.account_id], "namespaces": ["position"]}
        wish |= {"with_snapshot": not resumed} | ({"since_seq": self.oms_seq} if resumed else {})
        if name not in self._unseen:
            await asyncio.shield(self._watched(name, ACCOUNT, "subscribe", wish))
        self._unseen.discard(name)

    async def _market_news(self, symbol: str, channel: str, timeframe: str | None = None) -> Any:
        await self.load_markets()
        symbol = self.symbol(symbol)
        name = _topic(symbol, channel, timeframe)
        wish = {"account_id": self.oms.account_id, "symbol": symbol, "channels": [channel],
                "poll_interval_ms": int(self.options.get("poll_interval_ms", 1000))}  # fmt: skip
        wish |= {} if timeframe is None else {"timeframe": timeframe}
        if name in self._unseen and channel in _KEPT_CHANNELS:
            self._unseen.discard(name)
            return None
        # Others may wait for the same news: who gives up must not end their waiting.
        found = await asyncio.shield(self._watched(name, name, "ccxt/subscribe_market", wish))
        self._unseen.discard(name)
        return found

    def _watched(self, name: str, subscription: str, action: str, wish: Row) -> Any:
        self._number += 1
        self._asked[self._number] = subscription
        message = {"id": self._number, "action": action, "payload": wish}
        return self.watch(self.oms.ws_url, name, message, subscription, True)

    def _wake(self, client, name: str, symbol: str | None, value: Any = None) -> None:
        """Tell whoever waits, else remember that there is something to tell."""
        for one in (name, *([] if symbol is None else [f"{name}:{symbol}"])):
            if one in client.futures:
                client.resolve(value, one)
            else:
                self._unseen.add(one)

    def _break(self, client) -> None:
        """An event is missing: connect again, and resume after the last one that arrived."""
        client.error = NetworkError(f"{self.id} an event is missing; watching resumes")
        client.reject(client.error)
        self.clients.pop(client.url, None)
        asyncio.ensure_future(client.close())  # noqa: RUF006 (ccxt's client ends itself)

    def _new_rows(self, cache, rows, symbol, since, limit):
        if self.newUpdates:
            limit = cache.getLimit(symbol, limit)
        return self.filter_by_since_limit(rows, since, limit, "timestamp", True)


def _topic(symbol: str, channel: str, timeframe: str | None) -> str:
    return f"market:{channel}:{symbol}" + (f":{timeframe}" if timeframe else "")


def _trade_name(trade: Row) -> str:
    return str(trade["id"] or [trade["timestamp"], trade["price"], trade["amount"]])
