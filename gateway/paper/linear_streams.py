"""What futures say on their public streams.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
"""

import asyncio
from typing import TYPE_CHECKING

from gateway.paper.amounts import ZERO, fixed
from gateway.paper.book import Side
from gateway.paper.candles import DAY_MS, INTERVALS_MS, Candle
from gateway.paper.depth import BookWatch
from gateway.paper.linear_clock import FUNDING_RATE
from gateway.paper.linear_wire import number
from gateway.paper.market import Print
from gateway.paper.spot_public import levels_json

if TYPE_CHECKING:
    from gateway.paper.linear import LinearMarket
    from gateway.paper.venue import Venue

DEPTH_DELAY_S = 0.1
SPEEDS = ("", "@100ms", "@250ms", "@500ms")
DIFF_STREAMS = tuple(f"{name}{speed}" for name in ("depth", "rpiDepth") for speed in SPEEDS)
TOP_STREAMS = {f"depth{levels}{speed}": levels for levels in (5, 10, 20) for speed in SPEEDS}
MARK_STREAMS = ("markPrice", "markPrice@1s")
ALL_BOOK_TICKERS = "linear:!bookTicker"
MINI_FIELDS = "Escohlvq"


class LinearStreams:
    """Builds the events of topics ``linear:<symbol in small letters>@<what>``."""

    def __init__(self, market: "LinearMarket", venue: "Venue") -> None:
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

    def printed(self, symbol: str, trade: Print) -> None:
        """``trade``, ``aggTrade`` and ``kline`` after one public trade."""
        both = {
            "E": self._venue.now_ms(),
            "s": symbol,
            "p": fixed(trade.price),
            "q": fixed(trade.qty),
            "T": trade.time_ms,
            "m": trade.buyer_maker,
        }
        ids = {"a": trade.trade_id, "f": trade.trade_id, "l": trade.trade_id}
        self._tell(symbol, "trade", {"e": "trade", "t": trade.trade_id, "X": "MARKET"} | both)
        self._tell(symbol, "aggTrade", {"e": "aggTrade"} | ids | both)
        for interval, span_ms in INTERVALS_MS.items():
            if self._wants(symbol, f"kline_{interval}"):
                self._tell(symbol, f"kline_{interval}", self._kline(symbol, interval, span_ms))

    def stepped(self) -> None:
        """Tickers and mark prices, once per step."""
        for what, build in (
            ("ticker", self._ticker),
            ("miniTicker", self._mini_ticker),
            *((mark, self._mark_price) for mark in MARK_STREAMS),
        ):
            for symbol in self._market.books:
                if self._wants(symbol, what):
                    self._tell(symbol, what, build(symbol))
            name, _, speed = what.partition("@")
            everything = f"linear:!{name}@arr" + (f"@{speed}" if speed else "")
            if self._hub.wants(everything):
                rows = [build(symbol) for symbol in self._market.books]
                self._hub.publish(everything, rows)

    def books_changed(self) -> None:
        """Best prices at once; depth a tenth of a second later, with all changes until then."""
        wants_all = self._hub.wants(ALL_BOOK_TICKERS)
        for symbol in self._market.books:
            if wants_all or self._wants(symbol, "bookTicker"):
                self._book_ticker(symbol)
        if not self._flush_due and any(
            topic.startswith("linear:") and "epth" in topic for topic in self._hub.topics()
        ):
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
                    ids = {"U": book.update_id, "u": book.update_id, "pu": book.update_id}
                    bids, asks = (book.depth(side, levels) for side in Side)
                    self._tell(symbol, what, self._depth(symbol, ids, bids, asks))
        self._hub.flush()

    def _diff(self, symbol: str, watch: BookWatch) -> None:
        """``pu`` is the ``u`` of the event before: the chain by which a gap is seen."""
        change = watch.tell(self._market.books[symbol])
        ids = {"U": change.first_id, "u": change.last_id, "pu": change.before_id}
        event = self._depth(symbol, ids, change.bids, change.asks)
        for what in DIFF_STREAMS:
            self._tell(symbol, what, event)

    def _depth(self, symbol: str, ids: dict, bids: list[tuple], asks: list[tuple]) -> dict:
        now_ms = self._venue.now_ms()
        head = {"e": "depthUpdate", "E": now_ms, "T": now_ms, "s": symbol, "ps": symbol}
        return head | ids | {"b": levels_json(bids), "a": levels_json(asks)}

    def _book_ticker(self, symbol: str) -> None:
        book = self._market.books[symbol]
        bid, ask = (book.best(side) or (ZERO, ZERO) for side in Side)
        if self._best_told.get(symbol) == (bid, ask):
            return
        self._best_told[symbol] = (bid, ask)
        now_ms = self._venue.now_ms()
        event = {
            "e": "bookTicker",
            "u": book.update_id,
            "s": symbol,
            "ps": symbol,
            "b": fixed(bid[0]),
            "B": fixed(bid[1]),
            "a": fixed(ask[0]),
            "A": fixed(ask[1]),
            "T": now_ms,
            "E": now_ms,
        }
        self._tell(symbol, "bookTicker", event)
        self._hub.publish(ALL_BOOK_TICKERS, event)

    def _mark_price(self, symbol: str) -> dict:
        now_ms, mark = self._venue.now_ms(), number(self._market.accounts.mark(symbol))
        return {
            "e": "markPriceUpdate",
            "E": now_ms,
            "s": symbol,
            "p": mark,
            "i": mark,
            "P": mark,
            "r": number(FUNDING_RATE),
            "T": self._market.clock.next_funding_ms(now_ms),
        }

    def _ticker(self, symbol: str) -> dict:
        now_ms = self._venue.now_ms()
        day, tape = self._market.candles.day(symbol, now_ms), self._market.tape[symbol]
        last_id = tape[-1].trade_id if tape else -1
        return {
            "e": "24hrTicker",
            "E": now_ms,
            "s": symbol,
            "p": fixed(day.close - day.open),
            "P": f"{(day.close - day.open) * 100 / day.open:.3f}",
            "w": fixed(day.turnover / day.volume if day.volume else day.close),
            "c": fixed(day.close),
            "Q": fixed(tape[-1].qty if tape else ZERO),
            "o": fixed(day.open),
            "h": fixed(day.high),
            "l": fixed(day.low),
            "v": fixed(day.volume),
            "q": fixed(day.turnover),
            "O": now_ms - DAY_MS,
            "C": now_ms,
            "F": max(last_id - day.trades + 1, -1),
            "L": last_id,
            "n": day.trades,
        }

    def _mini_ticker(self, symbol: str) -> dict:
        full = self._ticker(symbol)
        return {"e": "24hrMiniTicker"} | {name: full[name] for name in MINI_FIELDS}

    def _kline(self, symbol: str, interval: str, span_ms: int) -> dict:
        now_ms = self._venue.now_ms()
        candle = self._market.candles.one(symbol, now_ms - now_ms % span_ms, span_ms)
        body = {"s": symbol, "i": interval} | _candle(candle, span_ms)
        return {"e": "kline", "E": now_ms, "s": symbol, "k": body}

    def _wants(self, symbol: str, what: str) -> bool:
        return self._hub.wants(f"linear:{symbol.lower()}@{what}")

    def _tell(self, symbol: str, what: str, event: dict) -> None:
        self._hub.publish(f"linear:{symbol.lower()}@{what}", event)


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
