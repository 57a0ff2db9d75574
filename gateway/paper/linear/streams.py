"""What futures say on their public streams.

Source: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams
"""

from gateway.paper.linear.clock import FUNDING_RATE, LinearClock
from gateway.paper.linear.desk import Desk
from gateway.paper.linear.wire import number
from gateway.paper.market.candles import DAY_MS
from gateway.paper.market.ground import Ground
from gateway.paper.market.public import levels_json
from gateway.paper.market.streams import MarketStreams
from gateway.paper.matching.amounts import ZERO, fixed
from gateway.paper.matching.book import Book, Side
from gateway.paper.matching.depth import BookChange

SPEEDS = ("", "@100ms", "@250ms", "@500ms")
DIFF_STREAMS = tuple(f"{name}{speed}" for name in ("depth", "rpiDepth") for speed in SPEEDS)
TOP_STREAMS = {f"depth{levels}{speed}": levels for levels in (5, 10, 20) for speed in SPEEDS}
MARK_STREAMS = ("markPrice", "markPrice@1s")
ALL_BOOK_TICKERS = "linear:!bookTicker"
MINI_FIELDS = "Escohlvq"


class LinearStreams(MarketStreams):
    """Builds the events of futures."""

    prefix = "linear"
    diff_streams = DIFF_STREAMS
    top_streams = TOP_STREAMS
    in_trades = {"X": "MARKET"}

    def __init__(self, market: Desk, venue: Ground, clock: LinearClock) -> None:
        super().__init__(market, venue)
        self._clock = clock

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

    def _diff(self, symbol: str, change: BookChange) -> dict:
        """``pu`` is the ``u`` of the event before: the chain by which a gap is seen."""
        ids = {"U": change.first_id, "u": change.last_id, "pu": change.before_id}
        return self._depth(symbol, ids, change.bids, change.asks)

    def _top(self, symbol: str, book: Book, levels: int) -> dict:
        ids = {"U": book.update_id, "u": book.update_id, "pu": book.update_id}
        bids, asks = (book.depth(side, levels) for side in Side)
        return self._depth(symbol, ids, bids, asks)

    def _best(self, symbol: str, book: Book, prices: dict[str, str]) -> dict:
        now_ms = self._venue.now_ms()
        head = {"e": "bookTicker", "u": book.update_id, "s": symbol, "ps": symbol}
        return head | prices | {"T": now_ms, "E": now_ms}

    def _wants_best(self, symbol: str) -> bool:
        return self._hub.wants(ALL_BOOK_TICKERS) or super()._wants_best(symbol)

    def _publish_best(self, symbol: str, event: dict) -> None:
        super()._publish_best(symbol, event)
        self._hub.publish(ALL_BOOK_TICKERS, event)

    def _depth(self, symbol: str, ids: dict, bids: list[tuple], asks: list[tuple]) -> dict:
        now_ms = self._venue.now_ms()
        head = {"e": "depthUpdate", "E": now_ms, "T": now_ms, "s": symbol, "ps": symbol}
        return head | ids | {"b": levels_json(bids), "a": levels_json(asks)}

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
            "T": self._clock.next_funding_ms(now_ms),
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
