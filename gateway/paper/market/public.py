"""What every market answers over REST without a key: symbols, books, trades, candles, tickers.

The paths, weights and the symbols' own words are each exchange's.
"""

from abc import ABC, abstractmethod

import orjson

from gateway.paper.calls import Call, Route
from gateway.paper.errors import VenueError, bad_symbol, illegal
from gateway.paper.market.asked import symbol_of
from gateway.paper.market.candles import DAY_MS, INTERVALS_MS, Candle, floored
from gateway.paper.market.market import Market, Print
from gateway.paper.market.symbols import Spec
from gateway.paper.matching.amounts import ZERO, fixed
from gateway.paper.matching.book import Side


class MarketPublic(ABC):
    """The answers that exchanges share."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._venue = market.venue

    @abstractmethod
    def routes(self) -> list[Route]:
        """Which paths give them."""

    @abstractmethod
    def _symbol(self, spec: Spec) -> dict:
        """A symbol's row of exchangeInfo."""

    def exchange_info(self, call: Call) -> dict:
        """GET exchangeInfo, with the limits in force."""
        return {
            "timezone": "UTC",
            "serverTime": call.now_ms,
            "rateLimits": self._venue.limiters[self._market.name].told(),
            "exchangeFilters": [],
            "symbols": [self._symbol(spec) for spec in self._named(call)],
        }

    def depth(self, call: Call) -> dict:
        """GET depth."""
        spec = symbol_of(call, self._market.specs)
        book, limit = self._market.books[spec.symbol], call.limit(100, 5000)
        return {
            "lastUpdateId": book.update_id,
            "bids": levels_json(book.depth(Side.BUY, limit)),
            "asks": levels_json(book.depth(Side.SELL, limit)),
        }

    def trades(self, call: Call) -> list[dict]:
        """GET trades and historicalTrades, oldest first."""
        return [
            {
                "id": trade.trade_id,
                "price": fixed(trade.price),
                "qty": fixed(trade.qty),
                "quoteQty": fixed(trade.price * trade.qty),
                "time": trade.time_ms,
                "isBuyerMaker": trade.buyer_maker,
                "isBestMatch": True,
            }
            for trade in self._tape(call)
        ]

    def agg_trades(self, call: Call) -> list[dict]:
        """GET aggTrades; each stands for one trade."""
        return [
            {
                "a": trade.trade_id,
                "p": fixed(trade.price),
                "q": fixed(trade.qty),
                "f": trade.trade_id,
                "l": trade.trade_id,
                "T": trade.time_ms,
                "m": trade.buyer_maker,
                "M": True,
            }
            for trade in self._tape(call)
        ]

    def klines(self, call: Call) -> list[list]:
        """GET klines: from ``startTime`` on, or the newest up to ``endTime``."""
        spec = symbol_of(call, self._market.specs)
        name = call.need("interval")
        if name not in INTERVALS_MS:
            raise VenueError(-1120, "Invalid interval.")
        interval_ms = INTERVALS_MS[name]
        limit = call.limit(500, 1000)
        now_ms = self._market.candles.time_ms(call.now_ms)
        newest = floored(min(call.number("endTime", now_ms), now_ms), interval_ms)
        start_ms = call.number("startTime")
        if start_ms is None:
            first = newest - (limit - 1) * interval_ms
        else:
            first = -(-start_ms // interval_ms) * interval_ms
        count = max(0, min(limit, (newest - first) // interval_ms + 1))
        series = self._market.candles.series(spec.symbol, interval_ms, first_ms=first, count=count)
        return [_kline(candle, interval_ms) for candle in series]

    def tickers(self, call: Call) -> list[dict] | dict:
        """GET ticker/24hr of one, several or all symbols."""
        rows = [self._ticker(spec, call.now_ms) for spec in self._named(call)]
        return rows[0] if call.text("symbol") else rows

    def prices(self, call: Call) -> list[dict] | dict:
        """GET ticker/price."""
        rows = [
            {"symbol": spec.symbol, "price": fixed(self._market.last[spec.symbol])}
            for spec in self._named(call)
        ]
        return rows[0] if call.text("symbol") else rows

    def book_tickers(self, call: Call) -> list[dict] | dict:
        """GET ticker/bookTicker."""
        rows = [{"symbol": spec.symbol} | self._best(spec) for spec in self._named(call)]
        return rows[0] if call.text("symbol") else rows

    def _named(self, call: Call) -> list[Spec]:
        """The symbols a call names by ``symbol`` or ``symbols``; all when it names none."""
        if call.text("symbol"):
            return [symbol_of(call, self._market.specs)]
        if not (listed := call.text("symbols")):
            return list(self._market.specs.values())
        try:
            names = orjson.loads(listed)
            return [self._market.specs[name] for name in names]
        except (orjson.JSONDecodeError, TypeError):
            raise illegal(
                "symbols", r'^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\]$'
            ) from None
        except KeyError:
            raise bad_symbol() from None

    def _ticker(self, spec: Spec, now_ms: int) -> dict:
        day = self._market.candles.day(spec.symbol, now_ms)
        tape = self._market.tape[spec.symbol]
        last_id = tape[-1].trade_id if tape else -1
        best = self._best(spec)
        return {
            "symbol": spec.symbol,
            **_change(day),
            "lastPrice": fixed(self._market.last[spec.symbol]),
            "lastQty": fixed(tape[-1].qty if tape else ZERO),
            **best,
            "openPrice": fixed(day.open),
            "highPrice": fixed(day.high),
            "lowPrice": fixed(day.low),
            "volume": fixed(day.volume),
            "quoteVolume": fixed(day.turnover),
            "openTime": now_ms - DAY_MS,
            "closeTime": now_ms,
            "firstId": max(last_id - day.trades + 1, -1),
            "lastId": last_id,
            "count": day.trades,
        }

    def _best(self, spec: Spec) -> dict:
        return best_json(self._market, spec.symbol)

    def _tape(self, call: Call) -> list[Print]:
        """The public trades that a call asks for; only the last thousand are kept."""
        spec = symbol_of(call, self._market.specs)
        limit = call.limit(500, 1000)
        from_id, start_ms = call.number("fromId"), call.number("startTime")
        end_ms = call.number("endTime")
        found = [
            trade
            for trade in self._market.tape[spec.symbol]
            if (from_id is None or trade.trade_id >= from_id)
            and (start_ms is None or trade.time_ms >= start_ms)
            and (end_ms is None or trade.time_ms <= end_ms)
        ]
        forward = from_id is not None or start_ms is not None
        return found[:limit] if forward else found[-limit:]


def best_json(market: Market, symbol: str) -> dict:
    """Best prices and quantities of a book, zero on an empty side."""
    book = market.books[symbol]
    bid, ask = (book.best(side) or (ZERO, ZERO) for side in Side)
    return {
        "bidPrice": fixed(bid[0]),
        "bidQty": fixed(bid[1]),
        "askPrice": fixed(ask[0]),
        "askQty": fixed(ask[1]),
    }


def levels_json(levels: list[tuple]) -> list[list[str]]:
    return [[fixed(price), fixed(qty)] for price, qty in levels]


def _change(day: Candle) -> dict:
    change = day.close - day.open
    return {
        "priceChange": fixed(change),
        "priceChangePercent": f"{change * 100 / day.open:.3f}",
        "weightedAvgPrice": fixed(day.turnover / day.volume if day.volume else day.close),
        "prevClosePrice": fixed(day.open),
    }


def _kline(candle: Candle, interval_ms: int) -> list:
    return [
        candle.open_ms,
        fixed(candle.open),
        fixed(candle.high),
        fixed(candle.low),
        fixed(candle.close),
        fixed(candle.volume),
        candle.open_ms + interval_ms - 1,
        fixed(candle.turnover),
        candle.trades,
        fixed(candle.taker_volume),
        fixed(candle.taker_turnover),
        "0",
    ]
