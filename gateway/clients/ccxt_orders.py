"""How does a ccxt order function become a command, and its answer an order as ccxt shows one?

Order functions never go to the exchange by themselves: they are commands of the OMS, stored,
checked and attributed like any other (``positions.api.commands``).
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from gateway.clients import own_orders
from gateway.clients.arguments import Arguments, OrderKind
from gateway.clients.functions import FUNCTIONS, Function
from gateway.exchanges import order_params
from oms_project.errors import Invalid
from positions.engine.money import exact, plain
from positions.engine.types import OrderStatus, OrderType, Side, TimeInForce
from positions.models import Order

Body = dict[str, Any]

_SAID_BY_NAME: Mapping[str, Body] = {
    "createPostOnlyOrder": {"postOnly": True},
    "createReduceOnlyOrder": {"reduceOnly": True},
    "createLimitOrder": {"type": OrderKind.LIMIT},
    "createMarketOrder": {"type": OrderKind.MARKET},
    "createStopLimitOrder": {"type": OrderKind.LIMIT},
    "createStopMarketOrder": {"type": OrderKind.MARKET},
    "createLimitBuyOrder": {"type": OrderKind.LIMIT, "side": Side.BUY},
    "createLimitSellOrder": {"type": OrderKind.LIMIT, "side": Side.SELL},
    "createMarketBuyOrder": {"type": OrderKind.MARKET, "side": Side.BUY},
    "createMarketSellOrder": {"type": OrderKind.MARKET, "side": Side.SELL},
}
_FIELDS: Mapping[str, str] = {
    "symbol": "symbol",
    "side": "side",
    "amount": "amount",
    "postOnly": "post_only",
    "reduceOnly": "reduce_only",
    "timeInForce": "time_in_force",
    "clientOrderId": "client_order_id",
    "strategy_id": "strategy_id",
    "position_id": "position_id",
    "comment": "comment",
}
_STOP = {OrderKind.MARKET: OrderType.STOP, OrderKind.LIMIT: OrderType.STOP_LIMIT}
_TAKE = {OrderKind.MARKET: OrderType.TAKE_PROFIT, OrderKind.LIMIT: OrderType.TAKE_PROFIT_LIMIT}
_TRIGGERS: Mapping[str, Mapping[OrderKind, OrderType]] = {
    "triggerPrice": _STOP,
    "stopPrice": _STOP,
    "stopLossPrice": _STOP,
    "takeProfitPrice": _TAKE,
}
_DISTANCES: Mapping[str, str] = {
    "trailingAmount": "trailing_amount",
    "trailingPercent": "trailing_percent",
}
_TRAILING = dict.fromkeys(OrderKind, OrderType.TRAILING_STOP)
_STATUS: Mapping[OrderStatus, str] = {
    OrderStatus.SUBMITTED: "open",
    OrderStatus.PARTIALLY_FILLED: "open",
    OrderStatus.FILLED: "closed",
    OrderStatus.CANCELED: "canceled",
    OrderStatus.REJECTED: "rejected",
    OrderStatus.EXPIRED: "expired",
}
_KIND: Mapping[OrderType, OrderKind] = (
    {ours: theirs for words in (_STOP, _TAKE) for theirs, ours in words.items()}
    | {OrderType.MARKET: OrderKind.MARKET, OrderType.LIMIT: OrderKind.LIMIT}
    | {OrderType.TRAILING_STOP: OrderKind.MARKET}
)  # fmt: skip


def bodies(
    account_id: int,
    function: Function,
    arguments: Arguments,
    visible: frozenset[int] | None,
) -> list[Body]:
    """The commands that the call stands for, as ``POST /oms/commands`` takes them.

    Orders are looked for among those of the ``visible`` strategies, ``None`` for all.

    Raises:
        Invalid: the arguments contradict each other or the order that they name.
        OrderNotFound: there is no such order here.
    """
    values, params = arguments.values, dict(arguments.params)
    request_id = params.pop("request_id", None)

    def order_named(order_id: str | None) -> Order:
        return own_orders.named(
            account_id,
            visible,
            order_id=order_id,
            client_order_id=params.get("clientOrderId"),
            symbol=values.get("symbol"),
        )

    match function.name:
        case "createOrders":
            return [_one_of_many(account_id, place, each)
                    for place, each in enumerate(values["orders"])]  # fmt: skip
        case "cancelOrder":
            command, payload = "cancel_order", {"order_id": order_named(values.get("id")).pk}
        case "cancelOrders":
            order_ids = [order_named(one).pk for one in values["ids"]]
            command, payload = "cancel_order", {"order_ids": order_ids}
        case "cancelAllOrders":
            command, payload = "cancel_all_orders", dict(values)
        case "editOrder":
            order = order_named(values.get("id"))
            command, payload = "change_order", _change(order, values, params)
        case _:
            command, payload = "send_order", _send(function.name, values, params)
    envelope = {"account_id": account_id, "command": command, "payload": payload}
    return [envelope | ({} if request_id is None else {"request_id": request_id})]


@exact
def order_structure(row: Mapping[str, Any]) -> Body:
    """One of our order rows in ccxt's unified shape; the row itself is its ``info``.

    ``id`` is the exchange's, ``oms:`` and ours while it has given none. ``status`` is null while
    the exchange has not said. Contract sizes are the market's business, so there is no ``cost``
    of contracts.
    """
    qty, filled = Decimal(row["qty"]), Decimal(row["filled_qty"])
    average = None if row["avg_fill_price"] is None else Decimal(row["avg_fill_price"])
    is_spot = ":" not in row["symbol"]
    fees = [{"currency": name, "cost": paid} for name, paid in row["fees_by_currency"].items()]
    return {
        "id": row["exchange_order_id"] or f"{own_orders.OURS}{row['id']}",
        "clientOrderId": row["client_order_id"] or row["exchange_client_order_id"],
        "timestamp": _milliseconds(row["created_at"]),
        "datetime": _iso(row["created_at"]),
        "lastTradeTimestamp": None,
        "lastUpdateTimestamp": _milliseconds(row["updated_at"]),
        "symbol": row["symbol"],
        "type": _KIND[OrderType(row["order_type"])],
        "timeInForce": row["time_in_force"],
        "postOnly": row["time_in_force"] == TimeInForce.PO,
        "reduceOnly": row["reduce_only"],
        "side": row["side"],
        "price": row["price"],
        "triggerPrice": row["trigger_price"],
        "amount": plain(qty),
        "filled": plain(filled),
        "remaining": plain(qty - filled),
        "average": None if average is None else plain(average),
        "cost": plain(filled * (average or 0)) if is_spot else None,
        "status": _STATUS.get(OrderStatus(row["status"])),
        "fee": fees[0] if len(fees) == 1 else None,
        "fees": fees,
        "trades": [],
        "info": dict(row),
    }


def refused_structure(error: Mapping[str, Any]) -> Body:
    """What stands for an order that was not taken, in a list where others were."""
    return {"id": None, "status": "rejected", "info": {"error": dict(error)}}


def _one_of_many(account_id: int, place: int, given: Mapping[str, Any]) -> Body:
    one = FUNCTIONS["createOrder"]
    try:
        (body,) = bodies(account_id, one, one.read([], given), None)
    except Invalid as error:
        facts = error.details | {"field": f"orders.{place}.{error.details.get('field', '')}"}
        raise Invalid(error.message, **facts) from None
    return body


def _send(name: str, values: Mapping[str, Any], params: Mapping[str, Any]) -> Body:
    given = {**params, **values, **_SAID_BY_NAME.get(name, {})}
    kind = given.pop("type")
    # ccxt's callers may name a price beside a market order; it has no meaning there.
    price = given.pop("price", None) if kind is OrderKind.LIMIT else None
    triggers = [word for word in (*_TRIGGERS, *_DISTANCES) if word in given]
    if len(triggers) > 1:
        raise Invalid("An order has one trigger.", field=triggers[1], limit=triggers[0])
    payload = {ours: given[theirs] for theirs, ours in _FIELDS.items() if theirs in given}
    payload["type"] = str(kind)
    if price is not None:
        payload["price"] = price
    for trigger in triggers:
        value, ours = given[trigger], _DISTANCES.get(trigger, "trigger_price")
        in_words = _TRIGGERS.get(trigger, _TRAILING)
        payload |= {"type": str(in_words[kind]), ours: value}
    extras = {word: value for word, value in given.items() if word in order_params.NAMES}
    return payload | ({"params": extras} if extras else {})


def _change(order: Order, values: Mapping[str, Any], params: Mapping[str, Any]) -> Body:
    stands = {"type": _KIND[OrderType(order.order_type)], "side": Side(order.side)}
    for field, now in stands.items():
        if values.get(field, now) != now:
            raise Invalid("An edit cannot change this.", field=field, limit=now,
                          value=values[field])  # fmt: skip
    wanted = {
        "new_qty": values.get("amount"),
        "new_price": values.get("price"),
        "new_trigger_price": params.get("triggerPrice"),
    }
    return {"order_id": order.pk} | {name: v for name, v in wanted.items() if v is not None}


def _milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def _iso(text: str) -> str:
    """ccxt's form, with three digits."""
    return f"{text[:23]}Z"
