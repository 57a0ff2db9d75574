"""Spot market data over REST: symbols, books, trades, candles and tickers."""

import orjson

from gateway.paper.amounts import ZERO, fixed
from gateway.paper.book import Side
from gateway.paper.calls import Access, Call, Route
from gateway.paper.candles import DAY_MS, INTERVALS_MS, Candle
from gateway.paper.errors import VenueError, bad_symbol, illegal
from gateway.paper.market import Market, Print
from gateway.paper.spot_filters import Kind, filters_json, symbol_of
from gateway.paper.symbols import Spec

SELF_TRADE_MODES = ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"]


class SpotPublic:
    """The endpoints that need no key."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._venue = market.venue

    def routes(self) -> list[Route]:
        base = "/api/v3"
        return [
            Route("GET", f"{base}/ping", lambda call: {}),
            Route("GET", f"{base}/time", lambda call: {"serverTime": call.now_ms}),
            Route("GET", f"{base}/exchangeInfo", self.exchange_info, weight=20),
            Route("GET", f"{base}/depth", self.depth, weight=5),
            Route("GET", f"{base}/trades", self.trades, weight=25),
            Route("GET", f"{base}/historicalTrades", self.trades, Access.KEY, 25),
            Route("GET", f"{base}/aggTrades", self.agg_trades, weight=4),
            Route("GET", f"{base}/klines", self.klines, weight=2),
            Route("GET", f"{base}/uiKlines", self.klines, weight=2),
            Route("GET", f"{base}/avgPrice", self.avg_price, weight=2),
            Route("GET", f"{base}/ticker", self.tickers, weight=4),
            Route("GET", f"{base}/ticker/24hr", self.tickers, weight=_weight_of_tickers),
            Route("GET", f"{base}/ticker/tradingDay", self.tickers, weight=4),
            Route("GET", f"{base}/ticker/price", self.prices, weight=2),
            Route("GET", f"{base}/ticker/bookTicker", self.book_tickers, weight=2),
        ]

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
        end_ms = min(call.number("endTime", call.now_ms), call.now_ms)
        newest = end_ms - end_ms % interval_ms
        start_ms = call.number("startTime")
        if start_ms is None:
            first = newest - (limit - 1) * interval_ms
        else:
            first = -(-start_ms // interval_ms) * interval_ms
        count = max(0, min(limit, (newest - first) // interval_ms + 1))
        series = self._market.candles.series(spec.symbol, interval_ms, first_ms=first, count=count)
        return [_kline(candle, interval_ms) for candle in series]

    def avg_price(self, call: Call) -> dict:
        """GET avgPrice: the last price stands for the average of five minutes."""
        spec = symbol_of(call, self._market.specs)
        last = self._market.last[spec.symbol]
        return {"mins": 5, "price": fixed(last), "closeTime": call.now_ms}

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

    def _symbol(self, spec: Spec) -> dict:
        return {
            "symbol": spec.symbol,
            "status": "TRADING",
            "baseAsset": spec.base,
            "baseAssetPrecision": 8,
            "quoteAsset": spec.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(Kind),
            "icebergAllowed": False,
            "ocoAllowed": True,
            "otoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": True,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": filters_json(spec, max_open_orders=self._venue.options.max_open_orders),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
            "allowedSelfTradePreventionModes": SELF_TRADE_MODES,
        }

    def _ticker(self, spec: Spec, now_ms: int) -> dict:
        day = self._market.candles.day(spec.symbol, now_ms)
        tape = self._market.tape[spec.symbol]
        last_id = tape[-1].trade_id if tape else -1
        best = self._best(spec)
        return {
            "symbol": spec.symbol,
            **_change(day),
            "lastPrice": fixed(day.close),
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


def _weight_of_tickers(call: Call) -> int:
    return 2 if call.text("symbol") else 80
