"""What spot says on its streams: market data to whoever listens, reports to the login itself.

Sources: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams and
https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream
"""

import asyncio
from typing import TYPE_CHECKING

from gateway.paper.amounts import ZERO, fixed
from gateway.paper.book import Side
from gateway.paper.candles import INTERVALS_MS, Candle
from gateway.paper.depth import BookWatch
from gateway.paper.logins import Balance
from gateway.paper.market import Execution, Print
from gateway.paper.orders import Order, Trade
from gateway.paper.spot_public import levels_json

if TYPE_CHECKING:
    from gateway.paper.spot import SpotMarket
    from gateway.paper.venue import Venue

DEPTH_DELAY_S = 0.1
DIFF_STREAMS = ("depth", "depth@100ms")
TOP_STREAMS = {
    f"depth{levels}{speed}": levels for levels in (5, 10, 20) for speed in ("", "@100ms")
}


class SpotStreams:
    """Builds spot's events. A stream is named ``<symbol in small letters>@<what>``."""

    def __init__(self, market: "SpotMarket", venue: "Venue") -> None:
        self._market = market
        self._venue = venue
        self._hub = venue.hub
        self._watches: dict[str, BookWatch] = {}
        self._flush_due = False
        self._best_told: dict[str, tuple] = {}

    def subscribed(self, stream: str) -> None:
        """Somebody listens: from here on, a book's changes are counted."""
        symbol, _, what = stream.partition("@")
        symbol = symbol.upper()
        self._best_told.pop(symbol, None)
        if what in DIFF_STREAMS and symbol in self._market.books:
            self._watches.setdefault(symbol, BookWatch(self._market.books[symbol]))

    # To the login.

    def execution(self, order: Order, execution: Execution, trade: Trade | None) -> None:
        """``executionReport``."""
        topic = f"spot:user:{order.login}"
        if not self._hub.wants(topic):
            return
        cancel_id = order.extra.get("cancel_client_id")
        cancelled = execution is Execution.CANCELED and cancel_id
        event = {
            "e": "executionReport",
            "E": self._venue.now_ms(),
            "s": order.symbol,
            "c": cancel_id if cancelled else order.client_id,
            "S": order.side,
            "o": order.kind,
            "f": order.tif,
            "q": fixed(order.qty),
            "p": fixed(order.price),
            "P": fixed(order.stop_price),
            "F": "0.00000000",
            "g": order.extra.get("list_id", -1),
            "C": order.client_id if cancelled else "",
            "x": execution,
            "X": order.status,
            "r": "NONE",
            "i": order.order_id,
            "l": fixed(trade.qty if trade else ZERO),
            "z": fixed(order.filled),
            "L": fixed(trade.price if trade else ZERO),
            "n": fixed(trade.fee) if trade else "0",
            "N": trade.fee_asset if trade else None,
            "T": order.updated_ms,
            "t": trade.trade_id if trade else -1,
            "I": self._market.store.next_id("spot:execution"),
            "w": order.working and order.open,
            "m": trade.maker if trade else False,
            "M": False,
            "O": order.created_ms,
            "Z": fixed(order.cost),
            "Y": fixed(trade.cost if trade else ZERO),
            "Q": fixed(order.budget),
            "W": order.working_ms,
            "V": order.self_trade,
        }
        self._hub.publish(topic, event)

    def account(self, login: str, balances: dict[str, Balance], assets: set[str]) -> None:
        """``outboundAccountPosition``: the balances that a change touched."""
        topic = f"spot:user:{login}"
        if not self._hub.wants(topic):
            return
        now_ms = self._venue.now_ms()
        rows = [
            {"a": name, "f": fixed(balances[name].free), "l": fixed(balances[name].locked)}
            for name in sorted(assets)
        ]
        self._hub.publish(
            topic, {"e": "outboundAccountPosition", "E": now_ms, "u": now_ms, "B": rows}
        )

    def list_status(self, list_id: int | str, row: dict) -> None:
        """``listStatus`` of an order list."""
        now_ms = self._venue.now_ms()
        orders = [{"s": row["symbol"], "i": order, "c": client} for order, client in row["orders"]]
        event = {
            "e": "listStatus",
            "E": now_ms,
            "s": row["symbol"],
            "g": int(list_id),
            "c": "OCO",
            "l": "ALL_DONE" if row["done"] else "EXEC_STARTED",
            "L": "ALL_DONE" if row["done"] else "EXECUTING",
            "r": "NONE",
            "C": row["client_id"],
            "T": now_ms,
            "O": orders,
        }
        self._hub.publish(f"spot:user:{row['login']}", event)

    # To the public.

    def printed(self, symbol: str, trade: Print) -> None:
        """``trade`` and ``aggTrade`` of one public trade."""
        both = {
            "E": self._venue.now_ms(),
            "s": symbol,
            "p": fixed(trade.price),
            "q": fixed(trade.qty),
            "T": trade.time_ms,
            "m": trade.buyer_maker,
            "M": True,
        }
        ids = {"a": trade.trade_id, "f": trade.trade_id, "l": trade.trade_id}
        self._tell(symbol, "trade", {"e": "trade", "t": trade.trade_id} | both)
        self._tell(symbol, "aggTrade", {"e": "aggTrade"} | ids | both)
        for interval in INTERVALS_MS:
            self._kline(symbol, interval)

    def stepped(self) -> None:
        """Tickers, once per step."""
        everybody: list[dict] = []
        wants_all = [
            name for name in ("!miniTicker@arr", "!ticker@arr") if self._hub.wants(f"spot:{name}")
        ]
        for symbol in self._market.books:
            wanted = [w for w in ("miniTicker", "ticker") if self._wants(symbol, w)]
            if not wanted and not wants_all:
                continue
            full = self._ticker(symbol)
            everybody.append(full)
            for what in wanted:
                self._tell(symbol, what, full if what == "ticker" else _mini(full))
        for name in wants_all:
            rows = everybody if name == "!ticker@arr" else [_mini(row) for row in everybody]
            self._hub.publish(f"spot:{name}", rows)

    def books_changed(self) -> None:
        """Best prices at once; depth a tenth of a second later, with all changes until then."""
        for topic in self._hub.topics():
            if topic.startswith("spot:") and topic.endswith("@bookTicker"):
                self._book_ticker(topic[len("spot:") : -len("@bookTicker")].upper())
        if not self._flush_due and any("@depth" in topic for topic in self._hub.topics()):
            self._flush_due = True
            asyncio.get_running_loop().call_later(DEPTH_DELAY_S, self._flush_depth)

    def _flush_depth(self) -> None:
        self._flush_due = False
        for symbol, watch in list(self._watches.items()):
            if not any(self._wants(symbol, what) for what in DIFF_STREAMS):
                del self._watches[symbol]
            elif watch.changed(self._market.books[symbol]):
                self._diff(symbol, watch)
        for symbol, book in self._market.books.items():
            for what, levels in TOP_STREAMS.items():
                if self._wants(symbol, what):
                    event = {
                        "lastUpdateId": book.update_id,
                        "bids": levels_json(book.depth(Side.BUY, levels)),
                        "asks": levels_json(book.depth(Side.SELL, levels)),
                    }
                    self._tell(symbol, what, event)
        self._hub.flush()

    def _diff(self, symbol: str, watch: BookWatch) -> None:
        change = watch.tell(self._market.books[symbol])
        event = {
            "e": "depthUpdate",
            "E": self._venue.now_ms(),
            "s": symbol,
            "U": change.first_id,
            "u": change.last_id,
            "b": levels_json(change.bids),
            "a": levels_json(change.asks),
        }
        for what in DIFF_STREAMS:
            self._tell(symbol, what, event)

    def _book_ticker(self, symbol: str) -> None:
        book = self._market.books.get(symbol)
        if book is None:
            return
        bid, ask = (book.best(side) or (ZERO, ZERO) for side in Side)
        if self._best_told.get(symbol) == (bid, ask):
            return
        self._best_told[symbol] = (bid, ask)
        event = {
            "u": book.update_id,
            "s": symbol,
            "b": fixed(bid[0]),
            "B": fixed(bid[1]),
            "a": fixed(ask[0]),
            "A": fixed(ask[1]),
        }
        self._tell(symbol, "bookTicker", event)

    def _kline(self, symbol: str, interval: str) -> None:
        what = f"kline_{interval}"
        if not self._wants(symbol, what):
            return
        now_ms, span_ms = self._venue.now_ms(), INTERVALS_MS[interval]
        candle = self._market.candles.one(symbol, now_ms - now_ms % span_ms, span_ms)
        body = {"s": symbol, "i": interval} | _candle(candle, span_ms)
        self._tell(symbol, what, {"e": "kline", "E": now_ms, "s": symbol, "k": body})

    def _ticker(self, symbol: str) -> dict:
        now_ms = self._venue.now_ms()
        day = self._market.candles.day(symbol, now_ms)
        tape, book = self._market.tape[symbol], self._market.books[symbol]
        last_id = tape[-1].trade_id if tape else -1
        bid, ask = (book.best(side) or (ZERO, ZERO) for side in Side)
        return {
            "e": "24hrTicker",
            "E": now_ms,
            "s": symbol,
            "p": fixed(day.close - day.open),
            "P": f"{(day.close - day.open) * 100 / day.open:.3f}",
            "w": fixed(day.turnover / day.volume if day.volume else day.close),
            "x": fixed(day.open),
            "c": fixed(day.close),
            "Q": fixed(tape[-1].qty if tape else ZERO),
            "b": fixed(bid[0]),
            "B": fixed(bid[1]),
            "a": fixed(ask[0]),
            "A": fixed(ask[1]),
            "o": fixed(day.open),
            "h": fixed(day.high),
            "l": fixed(day.low),
            "v": fixed(day.volume),
            "q": fixed(day.turnover),
            "O": now_ms - 86_400_000,
            "C": now_ms,
            "F": max(last_id - day.trades + 1, -1),
            "L": last_id,
            "n": day.trades,
        }

    def _wants(self, symbol: str, what: str) -> bool:
        return self._hub.wants(f"spot:{symbol.lower()}@{what}")

    def _tell(self, symbol: str, what: str, event: dict) -> None:
        self._hub.publish(f"spot:{symbol.lower()}@{what}", event)


def _mini(full: dict) -> dict:
    return {"e": "24hrMiniTicker"} | {name: full[name] for name in "Escohlvq"}


def _candle(candle: Candle, span_ms: int) -> dict:
    return {
        "t": candle.open_ms,
        "T": candle.open_ms + span_ms - 1,
        "f": -1,
        "L": -1,
        "o": fixed(candle.open),
        "c": fixed(candle.close),
        "h": fixed(candle.high),
        "l": fixed(candle.low),
        "v": fixed(candle.volume),
        "n": candle.trades,
        "x": False,
        "q": fixed(candle.turnover),
        "V": fixed(candle.taker_volume),
        "Q": fixed(candle.taker_turnover),
        "B": "0",
    }
