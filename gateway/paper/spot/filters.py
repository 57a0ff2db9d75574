"""Reading a new spot order: which words it needs, and the filters it must pass.

Sources: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/trading-endpoints and
https://developers.binance.com/docs/binance-spot-api-docs/filters
"""

import secrets
from decimal import Decimal
from enum import StrEnum

from gateway.paper.calls import CLIENT_ID, Call
from gateway.paper.errors import (
    VenueError,
    filter_failure,
    missing,
    not_required,
    refused,
    too_precise,
)
from gateway.paper.market.symbols import Spec
from gateway.paper.matching.amounts import SATOSHI, ZERO, fixed
from gateway.paper.matching.book import SelfTrade, Side
from gateway.paper.matching.orders import Order


class Kind(StrEnum):
    """Order types."""

    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"


class TimeInForce(StrEnum):
    """How long an order waits."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


CONDITIONAL = frozenset(kind for kind in Kind if kind.startswith(("STOP", "TAKE")))
# Words each type needs, beside symbol, side and type, and words it must not have.
_PRICED = ("timeInForce", "quantity", "price")
NEEDED = {
    Kind.LIMIT: _PRICED,
    Kind.LIMIT_MAKER: ("quantity", "price"),
    Kind.MARKET: (),
    Kind.STOP_LOSS: ("quantity",),
    Kind.STOP_LOSS_LIMIT: _PRICED,
    Kind.TAKE_PROFIT: ("quantity",),
    Kind.TAKE_PROFIT_LIMIT: _PRICED,
}
UNWANTED = {
    Kind.LIMIT: ("stopPrice", "trailingDelta", "quoteOrderQty"),
    Kind.LIMIT_MAKER: ("timeInForce", "stopPrice", "trailingDelta", "quoteOrderQty"),
    Kind.MARKET: ("timeInForce", "price", "stopPrice", "trailingDelta"),
    Kind.STOP_LOSS: ("timeInForce", "price", "quoteOrderQty"),
    Kind.STOP_LOSS_LIMIT: ("quoteOrderQty",),
    Kind.TAKE_PROFIT: ("timeInForce", "price", "quoteOrderQty"),
    Kind.TAKE_PROFIT_LIMIT: ("quoteOrderQty",),
}
FURTHEST_UP = Decimal(5)  # PERCENT_PRICE_BY_SIDE, as a multiple of the last price
FURTHEST_DOWN = Decimal("0.2")
MAX_CONDITIONAL = 5
TRAILING_MIN, TRAILING_MAX = 10, 2000  # basis points


def read_order(call: Call, spec: Spec, *, last: Decimal) -> Order:
    """A new order from a request's words, past all filters that need no look at the account.

    Raises:
        VenueError: a word is missing, unwanted or malformed, or a filter fails.
    """
    side = call.one_of("side", Side, -1117, "Invalid side.")
    kind = call.one_of("type", Kind, -1116, "Invalid orderType.")
    for name in NEEDED[kind]:
        call.need(name)
    for name in UNWANTED[kind]:
        if call.text(name):
            raise not_required(name)
    tif = TimeInForce.GTC
    if call.text("timeInForce"):
        tif = call.one_of("timeInForce", TimeInForce, -1115, "Invalid timeInForce.")
    self_trade = SelfTrade.EXPIRE_MAKER
    if call.text("selfTradePreventionMode"):
        self_trade = call.one_of(
            "selfTradePreventionMode", SelfTrade, -1013, "Invalid selfTradePreventionMode."
        )
    order = Order(
        market="spot",
        symbol=spec.symbol,
        order_id=0,
        login=call.login.api_key,
        client_id=call.matching("newClientOrderId", CLIENT_ID) or secrets.token_urlsafe(16)[:22],
        side=side,
        kind=kind,
        created_ms=call.now_ms,
        updated_ms=call.now_ms,
        tif=tif,
        qty=_amount(call, "quantity"),
        price=_amount(call, "price"),
        budget=_amount(call, "quoteOrderQty"),
        stop_price=_amount(call, "stopPrice"),
        self_trade=self_trade,
        working=kind not in CONDITIONAL,
    )
    _check_quantity(order, spec)
    _check_prices(order, spec, last)
    _check_trigger(call, order, last)
    _check_worth(order, spec, last)
    return order


def filters_json(spec: Spec, *, max_open_orders: int) -> list[dict]:
    """The filters of a symbol as ``exchangeInfo`` tells them."""
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": fixed(spec.tick),
            "maxPrice": fixed(spec.max_price),
            "tickSize": fixed(spec.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": fixed(spec.min_qty),
            "maxQty": fixed(spec.max_qty),
            "stepSize": fixed(spec.step),
        },
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": fixed(spec.max_qty),
            "stepSize": "0.00000000",
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": TRAILING_MIN,
            "maxTrailingAboveDelta": TRAILING_MAX,
            "minTrailingBelowDelta": TRAILING_MIN,
            "maxTrailingBelowDelta": TRAILING_MAX,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": f"{FURTHEST_UP}",
            "bidMultiplierDown": f"{FURTHEST_DOWN}",
            "askMultiplierUp": f"{FURTHEST_UP}",
            "askMultiplierDown": f"{FURTHEST_DOWN}",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": fixed(spec.min_notional),
            "applyMinToMarket": True,
            "maxNotional": fixed(spec.max_notional),
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": max_open_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_CONDITIONAL},
    ]


def check_room(order: Order, *, open_count: int, waiting_count: int, max_open: int) -> None:
    """The login has room for one more order of this symbol.

    Raises:
        VenueError: -1013 MAX_NUM_ORDERS or MAX_NUM_ALGO_ORDERS.
    """
    if open_count >= max_open:
        raise filter_failure("MAX_NUM_ORDERS")
    if not order.working and waiting_count >= MAX_CONDITIONAL:
        raise filter_failure("MAX_NUM_ALGO_ORDERS")


def _amount(call: Call, name: str) -> Decimal:
    value = call.amount(name)
    if value is None:
        return ZERO
    if value % SATOSHI:
        raise too_precise(name)
    if value == 0:
        word = {"stopPrice": "stop price", "quoteOrderQty": "quote order qty"}.get(name, name)
        raise VenueError(-1013, f"Invalid {word}.")
    return value


def _check_quantity(order: Order, spec: Spec) -> None:
    if order.kind == Kind.MARKET and not order.qty and not order.budget:
        raise missing("quantity")
    if order.qty and order.budget:
        raise VenueError(-1128, "Combination of optional parameters invalid.")
    if order.qty and (not spec.min_qty <= order.qty <= spec.max_qty or order.qty % spec.step):
        raise filter_failure("LOT_SIZE")


def _check_prices(order: Order, spec: Spec, last: Decimal) -> None:
    for price in (order.price, order.stop_price):
        if price and (not spec.tick <= price <= spec.max_price or price % spec.tick):
            raise filter_failure("PRICE_FILTER")
    if order.price and not last * FURTHEST_DOWN <= order.price <= last * FURTHEST_UP:
        raise filter_failure("PERCENT_PRICE_BY_SIDE")


def _check_trigger(call: Call, order: Order, last: Decimal) -> None:
    if order.kind not in CONDITIONAL:
        return
    delta = call.number("trailingDelta")
    if delta is not None:
        if not TRAILING_MIN <= delta <= TRAILING_MAX:
            raise filter_failure("TRAILING_DELTA")
        order.extra["trailing_delta"] = delta
        return
    if not order.stop_price:
        raise VenueError(
            -1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"
        )
    falls = (order.side is Side.SELL) == order.kind.startswith("STOP")
    if last <= order.stop_price if falls else last >= order.stop_price:
        raise refused("Stop price would trigger immediately.")


def _check_worth(order: Order, spec: Spec, last: Decimal) -> None:
    worth = order.budget or order.qty * (order.price or order.stop_price or last)
    if worth < spec.min_notional:
        raise filter_failure("NOTIONAL")
    if order.price and worth > spec.max_notional:
        raise filter_failure("NOTIONAL")
