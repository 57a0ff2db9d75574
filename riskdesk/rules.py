"""Does an order keep the limits?

Pure: an order as asked, what counts already, and limits go in; the first limit that would be broken
comes out, or nothing. Every limit is off until it is set.

An order is refused only where it makes worse what the limit measures, and never where it closes a
position of the account: whoever is over a limit must be able to get back under it.

Totals over several symbols add up those quoted in the same currency as the order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from positions.engine.money import ZERO, exact
from positions.engine.types import Side
from riskdesk.measures import (
    Asked,
    Exposure,
    Measure,
    Working,
    gross_of_symbol,
    gross_qty,
    net_of_symbol,
    net_qty,
    notional,
    priced_of,
    total_of,
    with_order,
)

_PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one account, strategy or key; ``None`` is off.

    Quantities are in the market's units (base, or contracts), values in the quote currency, the
    collar in percent of the last price. ``max_orders`` counts within ``orders_interval_s`` seconds.
    """

    max_order_qty: Decimal | None = None
    max_order_notional: Decimal | None = None
    price_collar_percent: Decimal | None = None
    max_open_orders: int | None = None
    max_net_qty: Decimal | None = None
    max_gross_qty: Decimal | None = None
    max_net_notional: Decimal | None = None
    max_gross_notional: Decimal | None = None
    max_daily_loss: Decimal | None = None
    max_daily_turnover: Decimal | None = None
    max_orders: int | None = None
    orders_interval_s: int | None = None
    repeat_within_s: int | None = None
    symbols: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which limit would be broken; ``value`` is what it would come to, ``None`` if unknown."""

    rule: str
    field: str
    limit: object
    value: object
    message: str
    is_unpriced: bool = False


@exact
def judge(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    """Return the first limit that the order would break, ``None`` where it may pass."""
    if asked.reduces:
        return None
    for rule in _RULES:
        if refusal := rule(asked, exposure, limits):
            return refusal
    return None


# --- one order --------------------------------------------------------------------------------


def _symbol(asked: Asked, _: Exposure, limits: Limits) -> Refusal | None:
    if limits.symbols is None or asked.market.symbol in limits.symbols:
        return None
    return Refusal("symbols", "symbol", list(limits.symbols), asked.market.symbol,
                   "The symbol is not on the allow-list.")  # fmt: skip


def _order_qty(asked: Asked, _: Exposure, limits: Limits) -> Refusal | None:
    return _above("max_order_qty", limits.max_order_qty, asked.qty, "The order is too large.")


def _order_notional(asked: Asked, _: Exposure, limits: Limits) -> Refusal | None:
    limit = limits.max_order_notional
    if limit is None:
        return None
    value = notional(asked.qty, _worth_at(asked), asked.market)
    if value is None:
        return _unpriced("max_order_notional", limit)
    return _above("max_order_notional", limit, value, "The order's value is too large.")


def _worth_at(asked: Asked) -> Decimal | None:
    """The most that a unit can be traded at: a sell below the market's price trades at that."""
    if asked.limit_price is None or asked.side is Side.BUY:
        return asked.price
    if asked.last_price is None:
        return None
    return max(asked.limit_price, asked.last_price)


def _collar(asked: Asked, _: Exposure, limits: Limits) -> Refusal | None:
    """A buy may not be priced too far above the last price, a sell not too far below."""
    limit = limits.price_collar_percent
    if limit is None or asked.limit_price is None:
        return None
    if not asked.last_price:
        return _unpriced("price_collar_percent", limit)
    worse = asked.side.sign * (asked.limit_price - asked.last_price)
    if worse * _PERCENT <= limit * asked.last_price:
        return None
    bound = asked.last_price * (_PERCENT + asked.side.sign * limit) / _PERCENT
    return Refusal("price_collar_percent", "price", bound, asked.limit_price,
                   "The price is too far beyond the last price.")  # fmt: skip


def _repeat(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    within_s = limits.repeat_within_s
    if within_s is None or asked.is_change:
        return None
    wanted = (asked.market.symbol, asked.side, asked.qty, asked.limit_price)
    ages = [
        recent.age_s
        for recent in exposure.recent
        if (recent.symbol, recent.side, recent.qty, recent.limit_price) == wanted
    ]
    if not ages or min(ages) >= within_s:
        return None
    return Refusal("repeat_within_s", "qty", within_s, min(ages),
                   "The same order was given a moment ago.")  # fmt: skip


# --- many orders ------------------------------------------------------------------------------


def _rate(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    limit, interval_s = limits.max_orders, limits.orders_interval_s
    if limit is None or interval_s is None or asked.is_change:
        return None
    count = 1 + sum(recent.age_s < interval_s for recent in exposure.recent)
    return _above("max_orders", limit, count, "Too many orders in too short a time.", "orders")


def _open_orders(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    if asked.is_change:
        return None
    count = len(exposure.working) + 1
    return _above(
        "max_open_orders", limits.max_open_orders, count, "Too many open orders.", "orders"
    )


# --- exposure ---------------------------------------------------------------------------------


def _net_qty(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    return _grows("max_net_qty", limits.max_net_qty, asked, exposure, net_of_symbol)


def _gross_qty(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    return _grows("max_gross_qty", limits.max_gross_qty, asked, exposure, gross_of_symbol)


def _net_notional(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    return _grows("max_net_notional", limits.max_net_notional, asked, exposure, total_of(net_qty))


def _gross_notional(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    return _grows(
        "max_gross_notional", limits.max_gross_notional, asked, exposure, total_of(gross_qty)
    )


def _grows(
    rule: str, limit: Decimal | None, asked: Asked, exposure: Exposure, measure: Measure
) -> Refusal | None:
    """A refusal where the order takes ``measure`` beyond the limit, and further than it was."""
    if limit is None:
        return None
    before, after = measure(asked, exposure), measure(asked, with_order(asked, exposure))
    if before is None or after is None:
        return _unpriced(rule, limit)
    if after <= before:
        return None
    return _above(rule, limit, after, "The exposure would be too large.")


# --- a day ------------------------------------------------------------------------------------


def _daily_loss(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    """Once today's loss has reached the limit, nothing opens until midnight UTC."""
    limit, loss = limits.max_daily_loss, -exposure.profit_today
    if limit is None or loss < limit or loss <= ZERO:
        return None
    return Refusal("max_daily_loss", "loss", limit, loss, "Today's loss has reached its limit.")


def _daily_turnover(asked: Asked, exposure: Exposure, limits: Limits) -> Refusal | None:
    """What was traded today, what waits to be, and this order."""
    limit = limits.max_daily_turnover
    if limit is None:
        return None
    total = exposure.turnover_today
    own = Working(asked.market.symbol, asked.book, asked.side, asked.qty, asked.price)
    for order in (own, *exposure.working):
        is_own = order.symbol == asked.market.symbol
        priced = priced_of(asked, exposure) if is_own else exposure.priced.get(order.symbol)
        if priced is None:
            return _unpriced("max_daily_turnover", limit)
        if priced.market.quote != asked.market.quote:
            continue
        value = notional(order.qty, order.price or priced.price, priced.market)
        if value is None:
            return _unpriced("max_daily_turnover", limit)
        total += value
    return _above("max_daily_turnover", limit, total, "Today's turnover would be too large.")


def _above(
    rule: str, limit: Decimal | int | None, value: Decimal | int, why: str, field: str = "qty"
) -> Refusal | None:
    if limit is None or value <= limit:
        return None
    return Refusal(rule, field, limit, value, why)


def _unpriced(rule: str, limit: Decimal) -> Refusal:
    return Refusal(rule, "price", limit, None,
                   "No price is known to hold against the limit.",
                   is_unpriced=True)  # fmt: skip


Rule = Callable[[Asked, Exposure, Limits], Refusal | None]
_RULES: tuple[Rule, ...] = (
    _symbol,
    _order_qty,
    _order_notional,
    _collar,
    _repeat,
    _rate,
    _open_orders,
    _net_qty,
    _gross_qty,
    _net_notional,
    _gross_notional,
    _daily_loss,
    _daily_turnover,
)
