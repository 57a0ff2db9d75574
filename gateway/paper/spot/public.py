"""Spot market data over REST: symbols, books, trades, candles and tickers."""

from gateway.paper.calls import Access, Call, Route
from gateway.paper.market.asked import symbol_of
from gateway.paper.market.public import MarketPublic
from gateway.paper.market.symbols import Spec
from gateway.paper.matching.amounts import fixed
from gateway.paper.spot.filters import Kind, filters_json

SELF_TRADE_MODES = ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"]


class SpotPublic(MarketPublic):
    """The endpoints that need no key."""

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

    def avg_price(self, call: Call) -> dict:
        """GET avgPrice: the last price stands for the average of five minutes."""
        spec = symbol_of(call, self._market.specs)
        last = self._market.last[spec.symbol]
        return {"mins": 5, "price": fixed(last), "closeTime": call.now_ms}

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


def _weight_of_tickers(call: Call) -> int:
    return 2 if call.text("symbol") else 80
