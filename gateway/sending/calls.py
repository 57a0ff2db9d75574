"""What does ccxt have to be told about one of our orders?

From rows to a ccxt method with its arguments. Prices and quantities go as exact plain strings:
ccxt's own formatting (``amount_to_precision``) then works on the decimal digits, never on a float.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from gateway.exchanges import capabilities, order_params, seen
from gateway.exchanges.facts import Facts
from gateway.exchanges.numbers import json_number
from gateway.sessions.call import Call
from oms_project.errors import Invalid
from positions.engine.types import Expiry, OrderType, Side, TimeInForce, Trailing, TriggerBy
from positions.models import ExchangeOrder, Order

_TRAILING_PARAM: Mapping[str, str] = {
    Trailing.PERCENT: "trailingPercent",
    Trailing.AMOUNT: "trailingAmount",
}
_CCXT_TYPE: Mapping[OrderType, str] = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.STOP: "market",
    OrderType.STOP_LIMIT: "limit",
    OrderType.TAKE_PROFIT: "market",
    OrderType.TAKE_PROFIT_LIMIT: "limit",
    OrderType.TRAILING_STOP: "market",
}
_TRIGGER_PARAM: Mapping[OrderType, str] = {
    OrderType.STOP: "stopLossPrice",
    OrderType.STOP_LIMIT: "stopLossPrice",
    OrderType.TAKE_PROFIT: "takeProfitPrice",
    OrderType.TAKE_PROFIT_LIMIT: "takeProfitPrice",
}
_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)


def create(
    order: Order,
    exchange_order: ExchangeOrder,
    *,
    exchange_id: str,
    is_spot: bool,
) -> Call:
    """``create_order`` for ``exchange_order``, with our client order id.

    The exchange is told reduce-only where ``exchange_order`` says so, not where the order does: its
    net may be smaller than our position. On spot it never is.

    Raises:
        Invalid: the exchange's class would leave out what makes the order this one.
    """
    known = capabilities.facts(exchange_id)
    kind = OrderType(order.order_type)
    ccxt_type = _CCXT_TYPE[kind]
    _require_carried(order, exchange_order, exchange_id=exchange_id, is_spot=is_spot)
    order_params.check(exchange_id, order.params)
    params: dict[str, Any] = dict(order.params)
    params["clientOrderId"] = exchange_order.client_order_id
    params |= _trigger(kind, Side(order.side), exchange_order.trigger_price, known)
    params |= _trigger_by(order, known)
    params |= _distance(order, known, is_spot=is_spot)
    if ccxt_type == "limit":  # Market orders have no time in force (Binance -1106).
        params |= _lifetime(_word_on_the_wire(order), order.expires_at, known)
    if not is_spot and exchange_order.reduce_only:
        params["reduceOnly"] = True

    price = _number(exchange_order.price, known) if ccxt_type == "limit" else None
    qty = _number(exchange_order.qty, known)
    return Call("create_order", (order.symbol, ccxt_type, str(order.side), qty, price), params)


def _require_carried(
    order: Order, exchange_order: ExchangeOrder, *, exchange_id: str, is_spot: bool
) -> None:
    """The last look, whatever the rules by which the order was accepted have known."""
    known = seen.of(exchange_id, seen.kind_of(order.symbol, is_spot=is_spot))
    kind, word = OrderType(order.order_type), _word_on_the_wire(order)
    if kind not in known.order_types:
        raise Invalid("The exchange's class does not carry this order type.", field="order_type",
                      limit=sorted(known.order_types), value=kind)  # fmt: skip
    for way in order.trailing or {}:
        if way not in known.trailing_by:
            raise Invalid("The exchange's class does not carry this distance.",
                          field=f"trailing_{way}", limit=sorted(known.trailing_by),
                          value=order.trailing[way])  # fmt: skip
    if kind.is_conditional and known.triggers_reduce and not exchange_order.reduce_only:
        raise Invalid("A trigger there may only reduce.", field="order_type",
                      limit="reduce_only", value=kind)  # fmt: skip
    if kind is OrderType.MARKET and order.side == Side.BUY and not known.buys_base:
        raise Invalid("A market buy there takes money, not a quantity.", field="order_type",
                      limit="limit", value=kind)  # fmt: skip
    if _CCXT_TYPE[kind] == "limit" and word is not None and word not in known.times_in_force:
        raise Invalid("The exchange's class does not carry this time in force.",
                      field="time_in_force", limit=sorted(known.times_in_force),
                      value=word)  # fmt: skip


def _trigger_by(order: Order, known: Facts) -> Mapping[str, str]:
    """Nothing for the last price, which is what exchanges take where nothing is said."""
    if order.trigger_by is None or order_params.trigger_by(order.params) is not None:
        return {}
    return known.trigger_by.get(TriggerBy(order.trigger_by), {})


def cancel(order: Order, exchange_order: ExchangeOrder, *, exchange_id: str, is_spot: bool) -> Call:
    """``cancel_order``, by the exchange's id, else by ours where the exchange can.

    A trigger that is kept apart is cancelled there, the order that it has placed where orders are.

    Raises:
        Invalid: the exchange's id is not known yet and it does not cancel by ours.
    """
    apart = waits_apart(order, exchange_order, exchange_id=exchange_id, is_spot=is_spot)
    params: dict[str, Any] = {"trigger": True} if apart else {}
    theirs = exchange_order.conditional_order_id if apart else exchange_order.exchange_order_id
    if theirs is not None:
        return Call("cancel_order", (theirs, order.symbol), params)
    kind = seen.kind_of(order.symbol, is_spot=is_spot)
    if not seen.of(exchange_id, kind).cancels_by_client_id:
        raise Invalid("The exchange cancels by its own id only.", field="exchange_order_id")
    params["clientOrderId"] = exchange_order.client_order_id
    return Call("cancel_order", ("", order.symbol), params)


def edit(  # Keywords, each a value of the changed order.
    order: Order,
    exchange_order: ExchangeOrder,
    *,
    exchange_id: str,
    is_spot: bool,
    qty: Decimal,
    price: Decimal | None,
) -> Call:
    """``edit_order`` in place: ``qty`` is the new total, what is filled included.

    Raises:
        Invalid: the exchange does not change such an order in place; cancel and create instead.
    """
    known = capabilities.facts(exchange_id)
    if not edits_in_place(order, exchange_order, exchange_id=exchange_id, is_spot=is_spot):
        raise Invalid("The exchange does not change this order in place.", field="order_id")
    return Call(
        "edit_order",
        (
            exchange_order.exchange_order_id,
            order.symbol,
            _CCXT_TYPE[OrderType(order.order_type)],
            str(order.side),
            _number(qty, known),
            _number(price, known),
        ),
    )


def edits_in_place(
    order: Order, exchange_order: ExchangeOrder, *, exchange_id: str, is_spot: bool
) -> bool:
    """Whether a change keeps the order at the exchange: only known plain limit orders do."""
    return (
        capabilities.facts(exchange_id).edits_in_place
        and not is_spot
        and order.order_type == OrderType.LIMIT
        and exchange_order.exchange_order_id is not None
    )


def waits_apart(
    order: Order, exchange_order: ExchangeOrder, *, exchange_id: str, is_spot: bool
) -> bool:
    """Whether ``exchange_order`` is a trigger that the exchange keeps apart from its orders.

    No longer once it has placed an order, and never where it was made without a trigger, to go on
    with what an earlier one had placed.
    """
    if is_spot or not capabilities.facts(exchange_id).conditional_apart:
        return False
    has_trigger = exchange_order.trigger_price is not None or order.trailing is not None
    return has_trigger and exchange_order.exchange_order_id is None


def plain(value: Decimal) -> str:
    """``value`` exactly, without exponent and without trailing zeros: ``0.0000001``."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _trigger(kind: OrderType, side: Side, price: Decimal | None, known: Facts) -> dict[str, Any]:
    if kind not in _TRIGGER_PARAM or price is None:
        return {}
    if known.trigger_style == "kind":
        return {_TRIGGER_PARAM[kind]: plain(price)}
    # A buy stop waits for a rise, a buy take-profit for a fall; a sell the other way round.
    rising = (kind in _STOPS) is (side is Side.BUY)
    return {
        "triggerPrice": plain(price),
        "triggerDirection": "ascending" if rising else "descending",
    }


def _distance(order: Order, known: Facts, *, is_spot: bool) -> dict[str, Any]:
    """How far a trailing stop stays behind the price."""
    if order.trailing is None:
        return {}
    said = {_TRAILING_PARAM[kind]: distance for kind, distance in order.trailing.items()}
    return said | (known.spot_trailing if is_spot else {})


def _word_on_the_wire(order: Order) -> str | None:
    """Where the OMS keeps the expiry, the exchange is not told of it."""
    kept_here = order.expiry == Expiry.OMS and order.time_in_force == TimeInForce.GTD
    return TimeInForce.GTC if kept_here else order.time_in_force


def _lifetime(word: str | None, expires_at: datetime | None, known: Facts) -> dict[str, Any]:
    """Time in force; GTC is every exchange's own default and is not said."""
    match word:
        case None | TimeInForce.GTC:
            return {}
        case TimeInForce.PO:
            return {"postOnly": True}
        case TimeInForce.GTD:
            if known.expiry_param is None or expires_at is None:
                raise Invalid("The exchange has no good-till-date.", field="time_in_force")
            expires_ms = int(expires_at.timestamp()) * 1000
            return {"timeInForce": "GTD", known.expiry_param: expires_ms}
        case _:
            return {"timeInForce": str(word)}


def _number(value: Decimal | None, known: Facts) -> Any:
    if value is None:
        return None
    return json_number(value) if known.json_numbers else plain(value)
