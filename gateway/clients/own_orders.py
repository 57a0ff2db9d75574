"""Which of our orders does a client's call mean, and whose are the rows that came back?

An order is named by the exchange's id, by ``oms:`` and ours, or by the id that its owner gave it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from gateway.clients.arguments import Arguments
from gateway.clients.functions import Function
from oms_project.errors import Invalid, OrderNotFound
from positions.models import ExchangeOrder, Order

OURS = "oms:"
LONGEST_NUMBER = 18
_OF_TRADES = ("fetchMyTrades", "fetchOrderTrades")

Row = dict[str, Any]


def named(
    account_id: int,
    visible: frozenset[int] | None,
    *,
    order_id: str | None = None,
    client_order_id: str | None = None,
    symbol: str | None = None,
) -> Order:
    """The order that is called so, among those of the ``visible`` strategies (``None``: all).

    Raises:
        Invalid: no name is given, or the id fits orders of several symbols.
        OrderNotFound: there is none.
    """
    orders = Order.objects.filter(account_id=account_id)
    if visible is not None:
        orders = orders.filter(strategy_id__in=visible)
    if symbol is not None:
        orders = orders.filter(symbol=symbol)
    if order_id is not None and order_id.startswith(OURS):
        found = list(orders.filter(pk=_number(order_id)))
    elif order_id is not None:
        # A trigger has an id of its own; where the same number stands for both, "oms:" tells.
        is_it = Q(exchange_order_id=order_id) | Q(conditional_order_id=order_id)
        legs = ExchangeOrder.objects.filter(is_it, account_id=account_id)
        found = list(orders.filter(pk__in=legs.values("order_id"))[:2])
    elif client_order_id is not None:
        # A used id may be used again once the order has ended: the newest is meant.
        found = list(orders.filter(client_order_id=client_order_id).order_by("-id")[:1])
    else:
        raise Invalid("Give id or params.clientOrderId.", field="id", limit="required")
    if len(found) > 1:
        raise Invalid("Several orders have this id; name the symbol.", field="symbol",
                      limit="required")  # fmt: skip
    if not found:
        raise OrderNotFound(id=order_id or client_order_id)
    return found[0]


def located(
    account_id: int, arguments: Arguments, visible: frozenset[int] | None
) -> tuple[Arguments, Order | None]:
    """The arguments with the exchange's id and the symbol in them, and our order where it is one.

    An id that is not known here is passed on as it is, unless the key sees only some strategies
    (``visible``): then it does not exist.

    Raises:
        OrderNotFound: it is no order of ours, or not one that the key may see.
        Invalid: see ``named``.
    """
    values, params = dict(arguments.values), dict(arguments.params)
    order_id, client_order_id = values.get("id"), params.pop("clientOrderId", None)
    symbol = values.get("symbol")
    try:
        order = named(
            account_id, visible, order_id=order_id, client_order_id=client_order_id, symbol=symbol
        )
    except OrderNotFound:
        is_theirs = order_id is not None and not order_id.startswith(OURS)
        if visible is not None or not is_theirs:
            raise
        return Arguments(values, params), None
    values["symbol"] = order.symbol
    if order_id is None or order_id.startswith(OURS):
        values["id"] = order.exchange_order_id
    return Arguments(values, params), order


def tidied(account_id: int, function: Function, answer: Any, visible: frozenset[int] | None) -> Any:
    """Orders or trades with their owners' ``clientOrderId``, and only those that may be seen.

    Raises:
        OrderNotFound: the one order that was asked for is not to be seen.
    """
    rows = [answer] if isinstance(answer, Mapping) else list(answer)
    kept = _tidied(account_id, rows, "order" if function.name in _OF_TRADES else "id", visible)
    if not isinstance(answer, Mapping):
        return kept
    if not kept:
        raise OrderNotFound(id=answer.get("id"))
    return kept[0]


def _tidied(
    account_id: int, rows: Iterable[Row], name: str, visible: frozenset[int] | None
) -> list[Row]:
    rows = list(rows)
    legs = ExchangeOrder.objects.filter(
        account_id=account_id, exchange_order_id__in={str(row.get(name)) for row in rows}
    )
    facts = legs.values_list(
        "symbol", "exchange_order_id", "order__strategy_id", "order__client_order_id"
    )
    ours = {(symbol, our_id): (strategy, given) for symbol, our_id, strategy, given in facts}
    kept = []
    for row in rows:
        strategy, given = ours.get((row.get("symbol"), str(row.get(name))), (None, None))
        if visible is None or strategy in visible:
            kept.append(row | {"clientOrderId": given} if given else row)
    return kept


def _number(order_id: str) -> int:
    digits = order_id.removeprefix(OURS)
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER
    if not is_number:
        raise OrderNotFound(id=order_id)
    return int(digits)
