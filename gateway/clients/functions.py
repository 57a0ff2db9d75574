"""Which functions of ccxt may a client call, and what may it give them?

Deny by default: what is not in ``FUNCTIONS`` cannot be called, in no spelling. A name that a client
sends is only ever looked up here; the Python method that is called comes from the table. Money
movement (withdraw, transfer, borrow, deposit addresses), implicit endpoints and everything that
changes an instance (``sign``, ``request``, ``set_sandbox_mode`` …) are not in it.

``exchange.has`` then says what the exchange offers of it. All classes of the installed ccxt share
the arguments written here; a test compares them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.clients import arguments as form
from gateway.clients.arguments import Arguments, Form
from oms_project.errors import FunctionNotAllowed
from positions.forms.fields import shown


class Kind(StrEnum):
    """Whose business a function is; decides which rights it needs and which way it goes.

    ``public``: market data, fetched once for all. ``private``: reads of the account. ``trade``:
    becomes a command of the OMS. ``config``: changes how the account trades, audited.
    """

    PUBLIC = "public"
    PRIVATE = "private"
    TRADE = "trade"
    CONFIG = "config"


class Sight(StrEnum):
    """What a key that is restricted to strategies gets of a private read.

    ``facts``: everything but ``info``, in which an exchange may say more than was asked for.
    ``own``: the rows of its own strategies' orders. ``money``: quote and settle money, and its own
    coins. ``positions``: its own ones of the OMS. ``none``: it would tell of others, refused.
    """

    FACTS = "facts"
    OWN = "own"
    MONEY = "money"
    POSITIONS = "positions"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Function:
    """One unified method.

    ``arguments`` are in ccxt's order; ``params`` the extras that are let through. ``needs`` is the
    name to which ``exchange.has`` must say yes.
    """

    name: str
    kind: Kind
    arguments: Mapping[str, Form]
    params: Mapping[str, Form]
    needs: str
    sight: Sight = Sight.NONE
    method: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", snake(self.name))

    def read(self, args: Any, kwargs: Any) -> Arguments:
        """The arguments of a call; see ``gateway.clients.arguments.read``."""
        return form.read(self.arguments, self.params, args, kwargs)

    def require_core(self) -> None:
        """It is one of those with a typed body.

        Raises:
            FunctionNotAllowed: it is not.
        """
        if self.name not in CORE:
            raise FunctionNotAllowed(
                "This function has no typed body; call it without core.", function=self.name
            )

    def require(self, has: Mapping[str, Any], exchange_id: str) -> None:
        """The exchange offers it.

        Raises:
            FunctionNotAllowed: it does not, as far as ccxt knows.
        """
        if has.get(self.needs) not in (True, "emulated"):
            raise FunctionNotAllowed(
                "The exchange does not offer this function.",
                function=self.name,
                exchange_id=exchange_id,
            )


def find(spelling: str) -> Function:
    """The function of that name, written as ccxt does in JavaScript or in Python.

    Raises:
        FunctionNotAllowed: there is none of that name here, whatever ccxt may have.
    """
    function = _BY_SPELLING.get(spelling)
    if function is None:
        raise FunctionNotAllowed(function=shown(spelling))
    return function


def snake(name: str) -> str:
    """ccxt's Python spelling: ``fetchL2OrderBook`` → ``fetch_l2_order_book``."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", words).lower()


def _public(names: str, *arguments: str) -> list[Function]:
    return [
        Function(name, Kind.PUBLIC, form.pick(arguments), form.MARKET_PARAMS, name, Sight.FACTS)
        for name in names.split()
    ]


def _catalogue(names: str) -> list[Function]:
    """Answered from the markets that sessions work with, so no extras can change the question."""
    return [
        Function(name, Kind.PUBLIC, {}, {}, "fetchMarkets", Sight.FACTS) for name in names.split()
    ]


def _private(names: str, *arguments: str, sight: Sight) -> list[Function]:
    return [
        Function(name, Kind.PRIVATE, form.pick(arguments), form.ACCOUNT_PARAMS, name, sight)
        for name in names.split()
    ]


def _one_order(names: str, *arguments: str) -> list[Function]:
    forms = form.pick(("id?", *arguments))
    return [
        Function(name, Kind.PRIVATE, forms, form.NAMED_PARAMS, name, Sight.OWN)
        for name in names.split()
    ]


def _config(name: str, *arguments: str) -> list[Function]:
    return [Function(name, Kind.CONFIG, form.pick(arguments), form.CONFIG_PARAMS, name)]


def _create(names: str, *arguments: str) -> list[Function]:
    return [
        Function(name, Kind.TRADE, form.pick(arguments), form.ORDER_PARAMS, "createOrder")
        for name in names.split()
    ]


def _trailing(name: str, distance: str) -> list[Function]:
    order = ("symbol", "type", "side", "amount", "price?")
    return _create(name, *order, distance, "trailingTriggerPrice?")


def _change(name: str, *arguments: str, needs: str, params: Mapping[str, Form]) -> list[Function]:
    return [Function(name, Kind.TRADE, form.pick(arguments), params, needs)]


_PERIOD = ("since", "limit")
_LISTED = ("symbol?", *_PERIOD)
_SIZED = ("amount", "price?")

_ALL = [
    *_public("fetchTime fetchStatus fetchUnderlyingAssets"),
    *_catalogue("loadMarkets fetchMarkets fetchCurrencies"),
    *_public(
        "fetchTicker fetchMarkPrice fetchFundingRate fetchFundingInterval fetchOpenInterest "
        "fetchOption fetchGreeks",
        "symbol",
    ),
    *_public(
        "fetchTickers fetchBidsAsks fetchLastPrices fetchMarkPrices fetchFundingRates "
        "fetchFundingIntervals fetchOpenInterests fetchAllGreeks",
        "symbols",
    ),
    *_public("fetchOrderBook fetchL2OrderBook fetchL3OrderBook", "symbol", "limit"),
    *_public("fetchOrderBooks", "symbols", "limit"),
    *_public("fetchTrades fetchLiquidations", "symbol", *_PERIOD),
    *_public("fetchFundingRateHistory fetchSettlementHistory", *_LISTED),
    *_public(
        "fetchOHLCV fetchMarkOHLCV fetchIndexOHLCV fetchPremiumIndexOHLCV fetchOpenInterestHistory",
        "symbol",
        "timeframe",
        *_PERIOD,
    ),
    *_public("fetchLongShortRatioHistory", "symbol?", "timeframe", *_PERIOD),
    *_public("fetchOptionChain fetchVolatilityHistory", "code"),
    *_one_order("fetchOrder fetchOpenOrder fetchClosedOrder", "symbol?"),
    *_one_order("fetchOrderTrades", *_LISTED),
    *_private(
        "fetchOrders fetchOpenOrders fetchClosedOrders fetchCanceledOrders "
        "fetchCanceledAndClosedOrders fetchMyTrades",
        *_LISTED,
        sight=Sight.OWN,
    ),
    *_private("fetchBalance", sight=Sight.MONEY),
    *_private("fetchPosition fetchPositionsForSymbol", "symbol", sight=Sight.POSITIONS),
    *_private("fetchPositions fetchPositionsRisk", "symbols", sight=Sight.POSITIONS),
    *_private("fetchPositionHistory", "symbol", *_PERIOD, sight=Sight.NONE),
    *_private("fetchPositionsHistory", "symbols", *_PERIOD, sight=Sight.NONE),
    *_private("fetchLedger", "code?", *_PERIOD, sight=Sight.NONE),
    *_private("fetchLedgerEntry", "id", "code?", sight=Sight.NONE),
    *_private(
        "fetchFundingHistory fetchMyLiquidations fetchMySettlementHistory",
        *_LISTED,
        sight=Sight.NONE,
    ),
    *_private("fetchBorrowInterest", "code?", *_LISTED, sight=Sight.NONE),
    *_private("fetchTradingFees fetchCrossBorrowRates fetchIsolatedBorrowRates", sight=Sight.FACTS),
    *_private(
        "fetchTradingFee fetchLeverage fetchMarketLeverageTiers fetchMarginMode "
        "fetchIsolatedBorrowRate",
        "symbol",
        sight=Sight.FACTS,
    ),
    *_private("fetchPositionMode", "symbol?", sight=Sight.FACTS),
    *_private(
        "fetchLeverages fetchLeverageTiers fetchMarginModes fetchTradingLimits",
        "symbols",
        sight=Sight.FACTS,
    ),
    *_private("fetchCrossBorrowRate", "code", sight=Sight.FACTS),
    *_private("fetchBorrowRateHistory", "code", *_PERIOD, sight=Sight.FACTS),
    *_config("setLeverage", "leverage", "symbol?"),
    *_config("setMarginMode", "marginMode", "symbol?"),
    *_config("setPositionMode", "hedged", "symbol?"),
    *_create(
        "createOrder createPostOnlyOrder createReduceOnlyOrder", "symbol", "type", "side", *_SIZED
    ),
    *_create(
        "createTriggerOrder createStopOrder", "symbol", "type", "side", *_SIZED, "triggerPrice"
    ),
    *_create("createStopLossOrder", "symbol", "type", "side", *_SIZED, "stopLossPrice"),
    *_create("createTakeProfitOrder", "symbol", "type", "side", *_SIZED, "takeProfitPrice"),
    *_trailing("createTrailingAmountOrder", "trailingAmount"),
    *_trailing("createTrailingPercentOrder", "trailingPercent"),
    *_create("createLimitOrder", "symbol", "side", "amount", "price"),
    *_create("createMarketOrder", "symbol", "side", *_SIZED),
    *_create("createStopLimitOrder", "symbol", "side", "amount", "price", "triggerPrice"),
    *_create("createStopMarketOrder", "symbol", "side", "amount", "triggerPrice"),
    *_create("createLimitBuyOrder createLimitSellOrder", "symbol", "amount", "price"),
    *_create("createMarketBuyOrder createMarketSellOrder", "symbol", "amount"),
    *_change("createOrders", "orders", needs="createOrder", params={}),
    *_change(
        "editOrder",
        "id?",
        "symbol?",
        "type?",
        "side?",
        "amount?",
        "price?",
        needs="cancelOrder",
        params=form.EDIT_PARAMS,
    ),
    *_change("cancelOrder", "id?", "symbol?", needs="cancelOrder", params=form.CANCEL_PARAMS),
    *_change("cancelOrders", "ids", "symbol?", needs="cancelOrder", params=form.GIVE_PARAMS),
    *_change("cancelAllOrders", "symbol?", needs="cancelOrder", params=form.GIVE_PARAMS),
]
FUNCTIONS: Mapping[str, Function] = {function.name: function for function in _ALL}
_BY_SPELLING: Mapping[str, Function] = FUNCTIONS | {each.method: each for each in _ALL}

# The functions that also have an address with a typed body (contract, section 4).
CORE = (
    "createOrder",
    "cancelOrder",
    "fetchOrder",
    "fetchOpenOrders",
    "fetchBalance",
    "fetchTicker",
    "fetchTickers",
    "fetchMarkets",
    "loadMarkets",
)
