"""Which orders does a market take?

What ccxt's ``features`` and ``has`` claim, as far as the class was seen to carry it
(``gateway.exchanges.seen``) and the exchange's own list of markets allows it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.exchanges import seen
from gateway.exchanges.capabilities import facts
from positions.engine.types import MarketKind, OrderType, TimeInForce, Trailing, TriggerBy


def order_types(exchange: Any, market: Mapping[str, Any]) -> frozenset[OrderType]:
    """The order types that ``market`` takes."""
    can = _feature_reader(exchange, market)
    found = {OrderType.LIMIT}
    if exchange.has.get("createMarketOrder") is not False:
        found.add(OrderType.MARKET)
    # Only in the words that gateway.sending.calls will use: a word that ccxt does not read is left
    # out, and a market order without its trigger would execute at once.
    by_direction = facts(exchange.id).trigger_style == "direction"
    both = by_direction and can("triggerPrice") and can("triggerDirection")
    if both or (not by_direction and can("stopLossPrice")):
        found |= {OrderType.STOP, OrderType.STOP_LIMIT}
    if both or (not by_direction and can("takeProfitPrice")):
        found |= {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT}
    if trailing_by(exchange, market):
        found.add(OrderType.TRAILING_STOP)
    if not _finds_triggers(exchange, market):
        found = {kind for kind in found if not kind.is_conditional}
    carried = seen.of(exchange.id, _kind(market)).order_types
    return frozenset(found & carried & _listed_types(market)) or frozenset({OrderType.LIMIT})


def trailing_by(exchange: Any, market: Mapping[str, Any]) -> frozenset[Trailing]:
    """In what a trailing stop of ``market`` may give its distance; nothing: there is none."""
    info = market.get("info")
    listed = isinstance(info, Mapping) and info.get("allowTrailingStop") is True
    if not (listed or _feature_reader(exchange, market)("trailing")):
        return frozenset()
    ways = {
        Trailing.AMOUNT: "createTrailingAmountOrder",
        Trailing.PERCENT: "createTrailingPercentOrder",
    }
    claimed = {way for way, name in ways.items() if exchange.has.get(name) is True}
    return seen.of(exchange.id, _kind(market)).trailing_by & claimed


def trigger_by(exchange: Any, market: Mapping[str, Any]) -> frozenset[TriggerBy]:
    """The prices that a trigger of ``market`` may wait for; the last always."""
    others = () if market.get("spot") else facts(exchange.id).trigger_by
    return frozenset({TriggerBy.LAST, *others})


def _finds_triggers(exchange: Any, market: Mapping[str, Any]) -> bool:
    """Whether resting triggers, and what they place, can be found again.

    Where ccxt asks for them apart, one must know how the exchange names them: otherwise the order
    that a trigger places would be nobody's, and its fills with it.
    """
    known = facts(exchange.id)
    apart = any(
        exchange.feature_value_by_type(market["type"], market.get("subType"), method, "trigger")
        for method in ("fetchOrder", "fetchOpenOrders")
    )
    return not apart or known.lists_triggers or bool(known.conditional_id_keys)


def triggers_reduce(exchange: Any, market: Mapping[str, Any]) -> bool:
    """Whether triggers of ``market`` are reduce-only, whatever is said."""
    return seen.of(exchange.id, _kind(market)).triggers_reduce


def buys_money(exchange: Any, market: Mapping[str, Any]) -> bool:
    """Whether a market buy of ``market`` takes money for its quantity, or wants a price."""
    return not seen.of(exchange.id, _kind(market)).buys_base


def times_in_force(exchange: Any, market: Mapping[str, Any]) -> frozenset[TimeInForce]:
    """The times in force that ``market`` takes; GTC always."""
    known = facts(exchange.id)
    can = _feature_reader(exchange, market)
    offered = can("timeInForce") or {}
    found = {word for word in TimeInForce if offered.get(word.value)}
    if exchange.has.get("createPostOnlyOrder") is True:
        found.add(TimeInForce.PO)
    if known.expiry_param is None:
        found.discard(TimeInForce.GTD)  # The OMS keeps it then.
    carried = seen.of(exchange.id, _kind(market)).times_in_force
    return frozenset((found & carried) | {TimeInForce.GTC})


def _kind(market: Mapping[str, Any]) -> MarketKind:
    if market["type"] == "spot":
        return MarketKind.SPOT
    return MarketKind.INVERSE if market.get("subType") == "inverse" else MarketKind.LINEAR


def _feature_reader(exchange: Any, market: Mapping[str, Any]) -> Callable[[str], Any]:
    def can(name: str) -> Any:
        return exchange.feature_value_by_type(
            market["type"], market.get("subType"), "createOrder", name
        )

    return can


_LISTED = {
    "LIMIT": {OrderType.LIMIT},
    "MARKET": {OrderType.MARKET},
    "STOP_LOSS": {OrderType.STOP},
    "STOP_MARKET": {OrderType.STOP},
    "STOP_LOSS_LIMIT": {OrderType.STOP_LIMIT},
    "STOP": {OrderType.STOP_LIMIT},
    "TAKE_PROFIT": {OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT},
    "TAKE_PROFIT_MARKET": {OrderType.TAKE_PROFIT},
    "TAKE_PROFIT_LIMIT": {OrderType.TAKE_PROFIT_LIMIT},
    "TRAILING_STOP_MARKET": {OrderType.TRAILING_STOP},
}


def _listed_types(market: Mapping[str, Any]) -> set[OrderType]:
    """What the market's own ``orderTypes`` list allows (Binance has one); else everything."""
    info = market.get("info")
    listed = info.get("orderTypes") if isinstance(info, Mapping) else None
    if not isinstance(listed, list) or not set(map(str, listed)) & set(_LISTED):
        return set(OrderType)
    allowed: set[OrderType] = set()
    for name in map(str, listed):
        allowed |= _LISTED.get(name, set())
    if info.get("allowTrailingStop") is True:  # On spot: a STOP_LOSS with a distance.
        allowed.add(OrderType.TRAILING_STOP)
    if "TAKE_PROFIT_MARKET" in listed:  # Derivatives: TAKE_PROFIT there is the one with a limit.
        allowed.add(OrderType.TAKE_PROFIT_LIMIT)
    return allowed
