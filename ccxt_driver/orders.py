"""How does an order in ccxt's words become a command of the OMS?

Prices and amounts go as texts, rounded as the exchange's own class rounds them; nothing else is
changed. What has no field of its own goes as ``params``, which the OMS checks by name.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ccxt.base.errors import ArgumentsRequired, InvalidOrder, NotSupported

if TYPE_CHECKING:
    from ccxt.base.exchange import Exchange

_FIELDS: Mapping[str, str] = {
    "reduceOnly": "reduce_only",
    "postOnly": "post_only",
    "clientOrderId": "client_order_id",
    "newClientOrderId": "client_order_id",
    "strategy_id": "strategy_id",
    "position_id": "position_id",
    "comment": "comment",
    "expires_at": "expires_at",
    "trigger_by": "trigger_by",
}
_DISTANCES: Mapping[str, str] = {
    "trailingAmount": "trailing_amount",
    "trailingPercent": "trailing_percent",
    "callbackRate": "trailing_percent",
}
_TRIGGERS: Mapping[str, str] = {
    "triggerPrice": "stop",
    "stopPrice": "stop",
    "stopLossPrice": "stop",
    "takeProfitPrice": "take_profit",
}
_ATTACHED: Mapping[str, str] = {"stopLoss": "stop_loss", "takeProfit": "stop_gain"}
_PROTECTION = ("stop_loss", "stop_gain")
# The market is known by its symbol, and an account by its id.
_SAID_ALREADY = ("type", "subType", "defaultType", "settle", "test", "request_id", "tdMode")
_POST_ONLY = ("PO", "GTX")

Params = Mapping[str, Any]


def payload(
    exchange: "Exchange",
    symbol: str,
    kind: str,
    side: str,
    amount: Any,
    price: Any,
    params: Params,
) -> dict[str, Any]:
    """The payload of ``send_order``; ``strategy_id`` is the caller's to add.

    Raises:
        BadSymbol: the exchange has no such market.
        InvalidOrder: the amount or price is below the market's step, or triggers contradict.
        ArgumentsRequired: a limit order without a price.
        NotSupported: it names its cost instead of an amount, or an option of two-way accounts.
    """
    exchange.market(symbol)
    rest = {name: value for name, value in params.items() if value is not None}
    _refuse(exchange, rest, amount)
    words = _words(exchange, kind, price, rest)
    found: dict[str, Any] = {"symbol": symbol, "side": str(side).lower()}
    found["qty"] = exchange.amount_to_precision(symbol, amount)
    found |= _kind_and_prices(exchange, symbol, words, price, rest)
    found |= _protection(exchange, symbol, rest)
    found |= _time_in_force(words, rest)
    for theirs, ours in _FIELDS.items():
        if theirs in rest:
            found[ours] = rest.pop(theirs)
    for name in _SAID_ALREADY:
        rest.pop(name, None)
    return found | ({"params": rest} if rest else {})


def change(
    exchange: "Exchange", symbol: str, amount: Any, price: Any, params: Params
) -> dict[str, Any]:
    """The arguments of an edit, rounded."""
    trigger = params.get("triggerPrice", params.get("stopPrice"))
    given = {
        "amount": None if amount is None else exchange.amount_to_precision(symbol, amount),
        "price": None if price is None else exchange.price_to_precision(symbol, price),
    }
    if trigger is not None:
        given["triggerPrice"] = exchange.price_to_precision(symbol, trigger)
    return {name: value for name, value in given.items() if value is not None}


def _refuse(exchange: "Exchange", params: dict[str, Any], amount: Any) -> None:
    if params.get("cost", params.get("quoteOrderQty")) is not None:
        raise NotSupported(f"{exchange.id} createOrder() through the OMS takes amounts, not cost")
    if amount is None:
        raise ArgumentsRequired(f"{exchange.id} createOrder() requires an amount")
    if params.pop("hedged", False) or params.pop("positionSide", "BOTH") != "BOTH":
        raise NotSupported(f"{exchange.id} accounts of the OMS are one-way")


class _Words:
    """What the type's name says: ``STOP_LOSS_LIMIT`` is a limit order behind a stop."""

    def __init__(self, kind: str, *, priced: bool, has_trigger: bool) -> None:
        text = kind.lower().replace("-", "_")
        self.is_limit = "limit" in text or (text in ("stop", "take_profit") and priced)
        self.is_post_only = text == "limit_maker"
        self.is_trailing = "trailing" in text
        self.is_known = has_trigger or text in ("market", "limit", "limit_maker")
        waits = "stop" in text or "take_profit" in text
        self.family = "take_profit" if "take" in text else "stop" if waits else None
        self.is_known |= waits


def _words(exchange: "Exchange", kind: str, price: Any, params: dict[str, Any]) -> _Words:
    triggered = any(name in params for name in (*_TRIGGERS, *_DISTANCES))
    words = _Words(str(kind), priced=price is not None, has_trigger=triggered)
    if not words.is_known:
        raise InvalidOrder(f"{exchange.id} createOrder() does not know the type {kind}")
    if words.is_limit and price is None:
        raise InvalidOrder(f"{exchange.id} createOrder() requires a price for a {kind} order")
    return words


def _kind_and_prices(
    exchange: "Exchange", symbol: str, words: _Words, price: Any, params: dict[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if words.is_limit:
        found["price"] = exchange.price_to_precision(symbol, price)
    distances = {ours: params.pop(name) for name, ours in _DISTANCES.items() if name in params}
    if distances or words.is_trailing:
        if "trailingTriggerPrice" not in params and "triggerPrice" in params:
            params["trailingTriggerPrice"] = params.pop("triggerPrice")
        texts = {name: str(value) for name, value in distances.items()}
        return found | {"order_type": "trailing_stop"} | texts
    triggers = [name for name in _TRIGGERS if name in params]
    if len(triggers) > 1:
        raise InvalidOrder(f"{exchange.id} an order has one trigger: {', '.join(triggers)}")
    if not triggers:
        if words.family:
            raise ArgumentsRequired(f"{exchange.id} createOrder() requires a triggerPrice")
        return found | {"order_type": "limit" if words.is_limit else "market"}
    (trigger,) = triggers
    family = words.family or _TRIGGERS[trigger]
    found["trigger_price"] = exchange.price_to_precision(symbol, params.pop(trigger))
    return found | {"order_type": f"{family}_limit" if words.is_limit else family}


def _protection(exchange: "Exchange", symbol: str, params: dict[str, Any]) -> dict[str, Any]:
    """The position's stop and take-profit: in our words, or attached in ccxt's."""
    given = {name: params.pop(name) for name in _PROTECTION if name in params}
    for theirs, ours in _ATTACHED.items():
        attached = params.pop(theirs, None)
        if isinstance(attached, Mapping):
            attached = attached.get("triggerPrice", attached.get("stopPrice"))
        if attached is not None:
            given[ours] = attached
    return {name: exchange.price_to_precision(symbol, value) for name, value in given.items()}


def _time_in_force(words: _Words, params: dict[str, Any]) -> dict[str, Any]:
    given = params.pop("timeInForce", None)
    if words.is_post_only or str(given).upper() in _POST_ONLY:
        return {"post_only": True}
    # A market order has none; bots name their default all the same.
    if given is None or not words.is_limit:
        return {}
    return {"time_in_force": str(given).upper()}
