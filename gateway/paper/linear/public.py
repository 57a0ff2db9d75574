"""Futures market data over REST. Books, trades and candles look as they do on spot."""

from decimal import Decimal

from gateway.paper.calls import Access, Call, Route
from gateway.paper.linear.accounts import USDT
from gateway.paper.linear.clock import FUNDING_RATE, LinearClock
from gateway.paper.linear.desk import Desk
from gateway.paper.linear.filters import Kind, TimeInForce, filters_json, price_unit
from gateway.paper.linear.wire import number
from gateway.paper.market.asked import symbol_of
from gateway.paper.market.candles import MINUTE_MS
from gateway.paper.market.public import MarketPublic
from gateway.paper.market.symbols import Spec
from gateway.paper.matching.amounts import ZERO, plain

NEVER_MS = 4_133_404_800_000  # Binance's delivery date of a perpetual
ONBOARD_MS = 1_569_398_400_000
SPOT_TICKER_FIELDS = frozenset({"bidPrice", "bidQty", "askPrice", "askQty", "prevClosePrice"})
INTEREST_RATE = Decimal("0.0001")


class LinearPublic(MarketPublic):
    """The endpoints that need no key."""

    def __init__(self, market: Desk, clock: LinearClock) -> None:
        super().__init__(market)
        self._clock = clock
        self._accounts = market.accounts

    def routes(self) -> list[Route]:
        base = "/fapi/v1"
        return [
            Route("GET", f"{base}/ping", lambda call: {}),
            Route("GET", f"{base}/time", lambda call: {"serverTime": call.now_ms}),
            Route("GET", f"{base}/exchangeInfo", self.exchange_info),
            Route("GET", f"{base}/depth", self.timed_depth, weight=5),
            Route("GET", f"{base}/rpiDepth", self.timed_depth, weight=20),
            Route("GET", f"{base}/trades", self.trades, weight=5),
            Route("GET", f"{base}/historicalTrades", self.trades, Access.KEY, 20),
            Route("GET", f"{base}/aggTrades", self.agg_trades, weight=20),
            Route("GET", f"{base}/klines", self.klines, weight=5),
            Route("GET", f"{base}/markPriceKlines", self.klines, weight=5),
            Route("GET", f"{base}/ticker/24hr", self.tickers, weight=_weight_of_tickers),
            Route("GET", f"{base}/ticker/price", self.timed_prices, weight=2),
            Route("GET", "/fapi/v2/ticker/price", self.timed_prices, weight=2),
            Route("GET", f"{base}/ticker/bookTicker", self.timed_book_tickers, weight=5),
            Route("GET", f"{base}/premiumIndex", self.premium_index, weight=10),
            Route("GET", f"{base}/fundingRate", self.funding_rates),
            Route("GET", f"{base}/fundingInfo", self.funding_info),
            Route("GET", f"{base}/openInterest", self.open_interest),
        ]

    def exchange_info(self, call: Call) -> dict:
        """GET exchangeInfo, with the limits in force."""
        asset = {"asset": USDT, "marginAvailable": True, "autoAssetExchange": "-10000"}
        return super().exchange_info(call) | {"futuresType": "U_MARGINED", "assets": [asset]}

    def timed_depth(self, call: Call) -> dict:
        """GET depth."""
        return self.depth(call) | {"E": call.now_ms, "T": call.now_ms}

    def timed_prices(self, call: Call) -> list[dict] | dict:
        """GET ticker/price."""
        return _timed(self.prices(call), call.now_ms)

    def timed_book_tickers(self, call: Call) -> list[dict] | dict:
        """GET ticker/bookTicker."""
        return _timed(self.book_tickers(call), call.now_ms)

    def premium_index(self, call: Call) -> list[dict] | dict:
        """GET premiumIndex: mark price, index price and funding."""
        rows = [self._premium(spec, call.now_ms) for spec in self._named(call)]
        return rows[0] if call.text("symbol") else rows

    def funding_rates(self, call: Call) -> list[dict]:
        """GET fundingRate: what was paid at every funding time; the rate never changes."""
        period_ms, limit = self._clock.period_ms, call.limit(100, 1000)
        end_ms = min(call.number("endTime", call.now_ms), call.now_ms)
        newest = end_ms - end_ms % period_ms
        start_ms = call.number("startTime")
        if start_ms is None:
            first = newest - (limit - 1) * period_ms
        else:
            first = -(-start_ms // period_ms) * period_ms
        count = max(0, min(limit, (newest - first) // period_ms + 1))
        return [
            {
                "symbol": spec.symbol,
                "fundingTime": first + place * period_ms,
                "fundingRate": number(FUNDING_RATE),
                "markPrice": number(self._price_at(spec, first + place * period_ms)),
            }
            for spec in self._named(call)
            for place in range(count)
        ]

    def funding_info(self, call: Call) -> list[dict]:
        """GET fundingInfo."""
        hours = max(1, self._clock.period_ms // 3_600_000)
        return [
            {
                "symbol": symbol,
                "adjustedFundingRateCap": "0.02",
                "adjustedFundingRateFloor": "-0.02",
                "fundingIntervalHours": hours,
                "disclaimer": False,
            }
            for symbol in self._market.specs
        ]

    def open_interest(self, call: Call) -> dict:
        """GET openInterest: what the venue's own logins hold long."""
        symbol = symbol_of(call, self._market.specs).symbol
        held = (
            position.qty
            for login in self._accounts.holders()
            for position in self._accounts.positions(login)
            if position.symbol == symbol and position.qty > 0
        )
        return {"symbol": symbol, "openInterest": number(sum(held, ZERO)), "time": call.now_ms}

    def _premium(self, spec: Spec, now_ms: int) -> dict:
        mark = number(self._accounts.mark(spec.symbol))
        return {
            "symbol": spec.symbol,
            "markPrice": mark,
            "indexPrice": mark,
            "estimatedSettlePrice": mark,
            "lastFundingRate": number(FUNDING_RATE),
            "interestRate": number(INTEREST_RATE),
            "nextFundingTime": self._clock.next_funding_ms(now_ms),
            "time": now_ms,
        }

    def _price_at(self, spec: Spec, time_ms: int) -> Decimal:
        return self._market.candles.running(spec.symbol, time_ms, MINUTE_MS).open

    def _ticker(self, spec: Spec, now_ms: int) -> dict:
        """Futures tickers have no best prices; clients tell them from spot's by that."""
        row = super()._ticker(spec, now_ms)
        return {name: value for name, value in row.items() if name not in SPOT_TICKER_FIELDS}

    def _symbol(self, spec: Spec) -> dict:
        return {
            "symbol": spec.symbol,
            "pair": spec.symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": NEVER_MS,
            "onboardDate": ONBOARD_MS,
            "status": "TRADING",
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": spec.base,
            "quoteAsset": spec.quote,
            "marginAsset": spec.quote,
            "pricePrecision": _digits(price_unit(spec)),
            "quantityPrecision": _digits(spec.step),
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": [],
            "triggerProtect": "0.0500",
            "liquidationFee": "0",
            "marketTakeBound": "0.05",
            "maxMoveOrderLimit": 10_000,
            "filters": filters_json(spec, max_open_orders=self._venue.options.max_open_orders),
            "orderTypes": list(Kind),
            "timeInForce": list(TimeInForce),
            "permissionSets": [],
        }


def _timed(rows: list[dict] | dict, now_ms: int) -> list[dict] | dict:
    if isinstance(rows, dict):
        return rows | {"time": now_ms}
    return [row | {"time": now_ms} for row in rows]


def _digits(unit: Decimal) -> int:
    """How many decimals a unit has: 0.001 has three."""
    return len(plain(unit).partition(".")[2])


def _weight_of_tickers(call: Call) -> int:
    return 1 if call.text("symbol") else 40
