"""Reading a new futures order: which words it needs, and the filters it must pass.

Sources: https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api and
https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
"""

import secrets
from decimal import Decimal
from enum import StrEnum

from gateway.paper.calls import Call
from gateway.paper.errors import VenueError, missing, not_required
from gateway.paper.linear.desk import Desk
from gateway.paper.linear.positions import PositionSide
from gateway.paper.market.symbols import Spec
from gateway.paper.matching.amounts import ZERO, plain
from gateway.paper.matching.book import SelfTrade, Side
from gateway.paper.matching.orders import Order

CLIENT_ID = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"


class Kind(StrEnum):
    """Order types; all but the first two are conditional."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"


class TimeInForce(StrEnum):
    """How long an order waits; GTX is post-only."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"


class SelfTradeMode(StrEnum):
    """Self-trade modes of this market."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"


PRICED = frozenset({Kind.LIMIT, Kind.STOP, Kind.TAKE_PROFIT})
FURTHEST_UP = Decimal("1.05")  # PERCENT_PRICE, as multiples of the mark price
FURTHEST_DOWN = Decimal("0.95")
MAX_CONDITIONAL = 200
SHORTEST_GTD_MS = 600_000
LONGEST_GTD_MS = 253_402_300_799_000


def read_order(call: Call, spec: Spec, market: Desk) -> Order:
    """A new order from a request's words, past all filters that need no look at positions.

    Raises:
        VenueError: a word is missing, unwanted or malformed, or a filter fails.
    """
    kind = call.one_of("type", Kind, -1116, "Invalid orderType.")
    if kind not in (Kind.LIMIT, Kind.MARKET):
        raise VenueError(
            -4120,
            "Order type not supported for this endpoint. Please use the Algo Order API endpoints"
            " instead.",
        )
    order = read_terms(call, spec, kind, client_name="newClientOrderId")
    if not order.qty:
        raise missing("quantity")
    check_quantity(order.qty, spec)
    check_terms(order, spec, market)
    return order


def read_terms(call: Call, spec: Spec, kind: Kind, *, client_name: str) -> Order:
    """The words that plain and conditional orders share, as an order without an id."""
    side = call.one_of("side", Side, -1117, "Invalid side.")
    tif = TimeInForce.GTC
    if kind is Kind.LIMIT or call.text("timeInForce"):
        tif = call.one_of("timeInForce", TimeInForce, -1115, "Invalid timeInForce.")
    if kind in PRICED:
        call.need("price")
    elif kind is Kind.MARKET and call.text("price"):
        raise not_required("price")
    self_trade = SelfTradeMode.EXPIRE_MAKER
    if call.text("selfTradePreventionMode"):
        self_trade = call.one_of(
            "selfTradePreventionMode", SelfTradeMode, -1102, "Invalid selfTradePreventionMode."
        )
    return Order(
        market="linear",
        symbol=spec.symbol,
        order_id=0,
        login=call.login.api_key,
        client_id=call.matching(client_name, CLIENT_ID) or secrets.token_urlsafe(16)[:22],
        side=side,
        kind=kind,
        created_ms=call.now_ms,
        updated_ms=call.now_ms,
        tif=tif,
        qty=read_quantity(call, spec),
        price=read_price(call, "price", spec) if kind in PRICED else ZERO,
        self_trade=SelfTrade(self_trade),
        extra={
            "position_side": _position_side(call),
            "reduce_only": flag(call, "reduceOnly"),
            "closes": False,
            "good_till_ms": _good_till_ms(call, tif),
            "original_kind": kind,
        },
    )


def check_terms(order: Order, spec: Spec, market: Desk) -> None:
    """Price and worth of an order against the market now.

    Raises:
        VenueError: a filter fails.
    """
    mark = market.accounts.mark(spec.symbol)
    if order.price:
        _check_distance(order.side, order.price, mark)
    worth = order.qty * (order.price or mark)
    if worth < spec.min_notional and not order.extra["reduce_only"]:
        raise VenueError(
            -4164,
            f"Order's notional must be no smaller than {plain(spec.min_notional)}"
            " (unless you choose reduce only).",
        )


def check_quantity(qty: Decimal, spec: Spec) -> None:
    """LOT_SIZE.

    Raises:
        VenueError: -4004 too small, -4005 too large.
    """
    if qty < spec.min_qty:
        raise VenueError(-4004, "Quantity less than min quantity.")
    if qty > spec.max_qty:
        raise VenueError(-4005, "Quantity greater than max quantity.")


def read_quantity(call: Call, spec: Spec) -> Decimal:
    """The quantity, a multiple of its step; zero when not sent.

    Raises:
        VenueError: -4003 zero, -1111 more digits than the symbol has.
    """
    qty = call.amount("quantity")
    if qty is None:
        return ZERO
    if qty == 0:
        raise VenueError(-4003, "Quantity less than or equal to zero.")
    if qty % spec.step:
        raise VenueError(-1111, "Precision is over the maximum defined for this asset.")
    return qty


def read_price(call: Call, name: str, spec: Spec) -> Decimal:
    """A price that passes PRICE_FILTER; zero when not sent.

    Raises:
        VenueError: -1111 too many digits, -4001, -4002, -4013 or -4014 outside the filter.
    """
    price = call.amount(name)
    if price is None:
        return ZERO
    if price == 0:
        raise VenueError(-4001, "Price less than or equal to zero.")
    if price % price_unit(spec):
        raise VenueError(-1111, "Precision is over the maximum defined for this asset.")
    if price < spec.tick:
        raise VenueError(-4013, f"Price less than min price {plain(spec.tick)}.")
    if price > spec.max_price:
        raise VenueError(-4002, f"Price greater than max price {plain(spec.max_price)}.")
    if price % spec.tick:
        raise VenueError(-4014, "Price not increased by tick size.")
    return price


def price_unit(spec: Spec) -> Decimal:
    """The last digit a price may have: one digit finer than the tick, as on Binance."""
    return spec.tick / 10


def flag(call: Call, name: str) -> bool:
    """A yes or no; no when not sent.

    Raises:
        VenueError: -1102, another word.
    """
    word = call.text(name, "false").lower()
    if word not in ("true", "false"):
        raise missing(name)
    return word == "true"


def crosses(market: Desk, order: Order, price: Decimal) -> bool:
    """Would an order at ``price`` trade at once?"""
    best = market.books[order.symbol].best(order.side.opposite)
    if best is None:
        return False
    return price >= best[0] if order.side is Side.BUY else price <= best[0]


def filters_json(spec: Spec, *, max_open_orders: int) -> list[dict]:
    """The filters of a symbol as ``exchangeInfo`` tells them."""
    lot = {"minQty": plain(spec.min_qty), "stepSize": plain(spec.step)}
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": plain(spec.tick),
            "maxPrice": plain(spec.max_price),
            "tickSize": plain(spec.tick),
        },
        {"filterType": "LOT_SIZE", "maxQty": plain(spec.max_qty), **lot},
        {"filterType": "MARKET_LOT_SIZE", "maxQty": plain(spec.max_qty), **lot},
        {"filterType": "MAX_NUM_ORDERS", "limit": max_open_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": MAX_CONDITIONAL},
        {"filterType": "MIN_NOTIONAL", "notional": plain(spec.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": plain(FURTHEST_UP),
            "multiplierDown": plain(FURTHEST_DOWN),
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def _position_side(call: Call) -> PositionSide:
    if not call.text("positionSide"):
        return PositionSide.BOTH
    return call.one_of("positionSide", PositionSide, -4060, "Invalid position side.")


def _good_till_ms(call: Call, tif: TimeInForce) -> int:
    if tif is not TimeInForce.GTD:
        return 0
    call.need("goodTillDate")
    until_ms = call.number("goodTillDate")
    if not call.now_ms + SHORTEST_GTD_MS < until_ms < LONGEST_GTD_MS:
        raise VenueError(
            -5040,
            "Invalid goodTillDate: it must be more than 600 seconds away and smaller than"
            f" {LONGEST_GTD_MS}.",
        )
    return until_ms - until_ms % 1000


def _check_distance(side: Side, price: Decimal, mark: Decimal) -> None:
    """PERCENT_PRICE: a buy not too far above the mark price, a sell not too far below it."""
    if side is Side.BUY and price > mark * FURTHEST_UP:
        top = plain((mark * FURTHEST_UP).quantize(Decimal("0.01")))
        raise VenueError(-4016, f"Limit price can't be higher than {top}.")
    if side is Side.SELL and price < mark * FURTHEST_DOWN:
        bottom = plain((mark * FURTHEST_DOWN).quantize(Decimal("0.01")))
        raise VenueError(-4024, f"Limit price can't be lower than {bottom}.")
