"""Which rules has a market, as ccxt describes it?"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.exchanges import capabilities
from gateway.exchanges.numbers import ZERO, Unreadable, exact, positive
from positions.engine.types import MarketKind, OrderType, TimeInForce, Trailing, TriggerBy
from positions.ports import MarketRules

DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4  # ccxt.base.decimal_to_precision


def market_rules(
    market: Mapping[str, Any],
    *,
    precision_mode: int,
    order_types: frozenset[OrderType],
    times_in_force: frozenset[TimeInForce],
    exchange_id: str,
    trailing_by: frozenset[Trailing] = frozenset(),
    trigger_by: frozenset[TriggerBy] = frozenset({TriggerBy.LAST}),
    triggers_reduce: bool = False,
    buys_money: bool = False,
) -> MarketRules | None:
    """One ccxt market; ``None`` for kinds that we do not trade (options, indices)."""
    kind = _market_kind(market)
    if kind is None:
        return None
    limits, precision = market.get("limits") or {}, market.get("precision") or {}
    amount, price, cost = (limits.get(name) or {} for name in ("amount", "price", "cost"))
    at_market = limits.get("market") or {}
    significant = precision_mode == SIGNIFICANT_DIGITS
    price_digits = precision.get("price") if significant else None
    amount_mode = DECIMAL_PLACES if significant else precision_mode
    return MarketRules(
        symbol=market["symbol"],
        kind=kind,
        base=market.get("base") or "",
        quote=market.get("quote") or "",
        settle=market.get("settle"),
        active=market.get("active") is not False,
        contract_size=positive(market.get("contractSize"), "contractSize") or Decimal(1),
        # ccxt: where prices have significant digits, amounts still have decimal places.
        amount_step=_step(precision.get("amount"), amount_mode),
        price_step=None if significant else _step(precision.get("price"), precision_mode),
        price_digits=int(price_digits) if price_digits is not None else None,
        min_amount=positive(amount.get("min"), "limits"),
        max_amount=positive(amount.get("max"), "limits"),
        min_market_amount=positive(at_market.get("min"), "limits"),
        max_market_amount=positive(at_market.get("max"), "limits"),
        min_price=positive(price.get("min"), "limits"),
        max_price=positive(price.get("max"), "limits"),
        min_cost=positive(cost.get("min"), "limits"),
        max_cost=positive(cost.get("max"), "limits"),
        order_types=order_types,
        times_in_force=times_in_force,
        trailing_by=trailing_by,
        trigger_by=trigger_by,
        triggers_reduce=triggers_reduce,
        buys_money=buys_money,
        taker_rate=_listed_rate(market, "taker"),
        maker_rate=_listed_rate(market, "maker"),
        edits_in_place=capabilities.edits_in_place(exchange_id, kind),
        keeps_expiry_after_s=(
            capabilities.facts(exchange_id).expiry_after_s
            if TimeInForce.GTD in times_in_force
            else None
        ),
    )


def _listed_rate(market: Mapping[str, Any], name: str) -> Decimal | None:
    """The fee as a part of the value; what is no such part, or no number, is not told."""
    try:
        return None if market.get("percentage") is False else exact(market.get(name), name)
    except Unreadable:
        return None


def _market_kind(market: Mapping[str, Any]) -> MarketKind | None:
    if market.get("option") or not market.get("symbol"):
        return None
    if market.get("contract"):
        if market.get("linear"):
            return MarketKind.LINEAR
        return MarketKind.INVERSE if market.get("inverse") else None
    return MarketKind.SPOT if market.get("spot") else None


def _step(value: Any, precision_mode: int) -> Decimal | None:
    """The smallest increment: given as such (tick size) or as a number of decimal places."""
    if value is None:
        return None
    if precision_mode == TICK_SIZE:
        return positive(value, "precision")
    return Decimal(1).scaleb(-int(exact(value, "precision") or ZERO))
