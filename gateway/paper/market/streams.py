"""What the public streams of every market share: who listens, when depth is told, candles.

A stream is named ``<symbol in small letters>@<what>``; its topic has the market's name in front.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from gateway.paper.market.candles import INTERVALS_MS, Candle
from gateway.paper.market.ground import Ground
from gateway.paper.market.market import Market, Print
from gateway.paper.matching.amounts import ZERO, fixed
from gateway.paper.matching.book import Book, Side
from gateway.paper.matching.depth import BookChange, BookWatch

DEPTH_DELAY_S = 0.1


class MarketStreams(ABC):
    """Tells subscribers of one market's books.

    ``prefix`` is the market's name in topics; ``in_trades`` and ``in_both`` is what its ``trade``
    events, and those and its ``aggTrade`` events, hold beside what every market's do.
    """

    prefix: ClassVar[str]
    diff_streams: ClassVar[tuple[str, ...]]
    top_streams: ClassVar[Mapping[str, int]]
    in_trades: ClassVar[Mapping[str, object]] = {}
    in_both: ClassVar[Mapping[str, object]] = {}

    def __init__(self, market: Market, venue: Ground) -> None:
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
        if what in self.diff_streams and symbol in self._market.books:
            self._watches.setdefault(symbol, BookWatch(self._market.books[symbol]))

    def books_changed(self) -> None:
        """Best prices at once; depth a tenth of a second later, with all changes until then."""
        for symbol in self._market.books:
            if self._wants_best(symbol):
                self._tell_best(symbol)
        if not self._flush_due and any(self._is_depth(topic) for topic in self._hub.topics()):
            self._flush_due = True
            asyncio.get_running_loop().call_later(DEPTH_DELAY_S, self._flush_depth)

    def printed(self, symbol: str, trade: Print) -> None:
        """``trade``, ``aggTrade`` and ``kline`` after one public trade."""
        both = {
            "E": self._venue.now_ms(),
            "s": symbol,
            "p": fixed(trade.price),
            "q": fixed(trade.qty),
            "T": trade.time_ms,
            "m": trade.buyer_maker,
            **self.in_both,
        }
        ids = {"a": trade.trade_id, "f": trade.trade_id, "l": trade.trade_id}
        one = {"e": "trade", "t": trade.trade_id, **self.in_trades}
        self._tell(symbol, "trade", one | both)
        self._tell(symbol, "aggTrade", {"e": "aggTrade"} | ids | both)
        self._tell_candles(symbol)

    @abstractmethod
    def _diff(self, symbol: str, change: BookChange) -> dict:
        """The event of a book's changes since the event before."""

    @abstractmethod
    def _top(self, symbol: str, book: Book, levels: int) -> dict:
        """The event that shows the best levels of a book."""

    @abstractmethod
    def _best(self, symbol: str, book: Book, prices: dict[str, str]) -> dict:
        """The event of new best prices; ``prices`` holds them by Binance's letters."""

    def _wants_best(self, symbol: str) -> bool:
        return self._wants(symbol, "bookTicker")

    def _publish_best(self, symbol: str, event: dict) -> None:
        self._tell(symbol, "bookTicker", event)

    def _tell_best(self, symbol: str) -> None:
        book = self._market.books[symbol]
        bid, ask = (book.best(side) or (ZERO, ZERO) for side in Side)
        if self._best_told.get(symbol) == (bid, ask):
            return
        self._best_told[symbol] = (bid, ask)
        names = {"b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
        prices = {name: fixed(value) for name, value in names.items()}
        self._publish_best(symbol, self._best(symbol, book, prices))

    def _is_depth(self, topic: str) -> bool:
        return topic.startswith(f"{self.prefix}:") and "epth" in topic

    def _flush_depth(self) -> None:
        self._flush_due = False
        for symbol, watch in list(self._watches.items()):
            if not any(self._wants(symbol, what) for what in self.diff_streams):
                del self._watches[symbol]
            elif watch.changed(self._market.books[symbol]):
                event = self._diff(symbol, watch.tell(self._market.books[symbol]))
                for what in self.diff_streams:
                    self._tell(symbol, what, event)
        for symbol, book in self._market.books.items():
            for what, levels in self.top_streams.items():
                if self._wants(symbol, what):
                    self._tell(symbol, what, self._top(symbol, book, levels))
        self._hub.flush()

    def _tell_candles(self, symbol: str) -> None:
        """The running candle of every interval that somebody listens to."""
        now_ms = self._venue.now_ms()
        for interval, span_ms in INTERVALS_MS.items():
            what = f"kline_{interval}"
            if self._wants(symbol, what):
                candle = self._market.candles.running(symbol, now_ms, span_ms)
                body = {"s": symbol, "i": interval} | _candle(candle, span_ms)
                self._tell(symbol, what, {"e": "kline", "E": now_ms, "s": symbol, "k": body})

    def _wants(self, symbol: str, what: str) -> bool:
        return self._hub.wants(f"{self.prefix}:{symbol.lower()}@{what}")

    def _tell(self, symbol: str, what: str, event: dict) -> None:
        self._hub.publish(f"{self.prefix}:{symbol.lower()}@{what}", event)


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
