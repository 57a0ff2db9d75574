"""What does the driver call things, and what does the OMS offer?

``OFFERED`` are the unified methods that the OMS answers at all; what an exchange's class has beyond
them (withdrawals, transfers, borrowing, addresses, implicit endpoints) it never does.
"""

VARIABLES = "CCXT_OMS_"
DEFAULT_BASE_URL = "http://127.0.0.1:8000"
REQUEST = "request:"  # Before the id of an order that the OMS has not confirmed yet.

MARKET_DATA = frozenset(
    "fetchTime fetchStatus fetchUnderlyingAssets loadMarkets fetchMarkets fetchCurrencies "
    "fetchTicker fetchMarkPrice fetchFundingRate fetchFundingInterval fetchOpenInterest "
    "fetchOption fetchGreeks fetchTickers fetchBidsAsks fetchLastPrices fetchMarkPrices "
    "fetchFundingRates fetchFundingIntervals fetchOpenInterests fetchAllGreeks fetchOrderBook "
    "fetchL2OrderBook fetchL3OrderBook fetchOrderBooks fetchTrades fetchLiquidations "
    "fetchFundingRateHistory fetchSettlementHistory fetchOHLCV fetchMarkOHLCV fetchIndexOHLCV "
    "fetchPremiumIndexOHLCV fetchOpenInterestHistory fetchLongShortRatioHistory fetchOptionChain "
    "fetchVolatilityHistory".split()
)
OF_THE_ACCOUNT = frozenset(
    "fetchBalance fetchLedger fetchLedgerEntry fetchFundingHistory fetchMyLiquidations "
    "fetchMySettlementHistory fetchBorrowInterest fetchTradingFees fetchCrossBorrowRates "
    "fetchIsolatedBorrowRates fetchTradingFee fetchLeverage fetchMarketLeverageTiers "
    "fetchMarginMode fetchIsolatedBorrowRate fetchPositionMode fetchLeverages fetchLeverageTiers "
    "fetchMarginModes fetchTradingLimits fetchCrossBorrowRate fetchBorrowRateHistory setLeverage "
    "setMarginMode setPositionMode fetchPositionsRisk".split()
)
# Answered from the OMS's own books, on every exchange.
OWN = frozenset(
    "createOrder createOrders editOrder cancelOrder cancelOrders cancelAllOrders fetchOrder "
    "fetchOpenOrder fetchClosedOrder fetchOrders fetchOpenOrders fetchClosedOrders "
    "fetchCanceledOrders fetchCanceledAndClosedOrders fetchOrderTrades fetchMyTrades fetchPosition "
    "fetchPositions fetchPositionsForSymbol fetchPositionHistory fetchPositionsHistory".split()
)
# ccxt's own methods that end in createOrder; ``has`` stays what the exchange's class says.
ORDER_SHORTHANDS = frozenset(
    "createPostOnlyOrder createReduceOnlyOrder createTriggerOrder createStopOrder "
    "createStopLossOrder createTakeProfitOrder createTrailingAmountOrder "
    "createTrailingPercentOrder createLimitOrder createMarketOrder createStopLimitOrder "
    "createStopMarketOrder createLimitBuyOrder createLimitSellOrder createMarketBuyOrder "
    "createMarketSellOrder".split()
)
STREAMS = frozenset(
    "watchOrders watchMyTrades watchPositions watchBalance watchTicker watchTickers "
    "watchOrderBook watchTrades watchOHLCV".split()
)
OFFERED = MARKET_DATA | OF_THE_ACCOUNT | OWN | ORDER_SHORTHANDS
# What ``has`` says of kinds of markets and of API keys, not of methods.
FACTS = frozenset(
    "publicAPI privateAPI CORS spot margin swap future option sandbox ws signIn".split()
)


def snake(name: str) -> str:
    """ccxt's Python spelling: ``fetchOHLCV`` is ``fetch_ohlcv``."""
    text = ""
    for place, letter in enumerate(name):
        before, after = name[place - 1 : place], name[place + 1 : place + 2]
        if letter.isupper() and (not before.isupper() or after.islower()):
            text += "_"
        text += letter.lower()
    return text
