"""What does ccxt have to be told about one of our orders?

From rows to a ccxt method with its arguments. Prices and quantities go as exact plain strings:
ccxt's own formatting (``amount_to_precision``) then works on the decimal digits, never on a float.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, assert_never

from gateway import capabilities
from gateway.normalize import json_number
from gateway.outcomes import Outcome, Refused
from gateway.words import Verdict
from oms_project.errors import Invalid, OmsError
from positions.engine.types import OrderType, Side, TimeInForce, Trailing
from positions.ids import new_exchange_client_order_id
from positions.models import ExchangeOrder, Instruction, InstructionKind, Order

if TYPE_CHECKING:
    from gateway.session import Session

log = logging.getLogger(__name__)

REPLACE = "replace"  # Key of an instruction's new values (positions.projector.replacing).

# Exchange extras a client may give; everything else could change where, how often or for whom an
# order is sent. The distance of a trailing stop is a field of its own.
USER_PARAMS = frozenset(
    {
        "icebergAmount",
        "marginMode",
        "priceProtect",
        "selfTradePrevention",
        "trailingTriggerPrice",
        "triggerPriceType",
        "workingType",
    }
)
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


@dataclass(frozen=True, slots=True)
class Call:
    """A ccxt method and what it is called with."""

    method: str
    args: tuple[Any, ...]
    params: Mapping[str, Any] = field(default_factory=dict)


# One place makes ids; 18 characters is the longest that every exchange takes (kraken).
new_client_order_id = new_exchange_client_order_id


async def carry(session: "Session", instruction: Instruction) -> dict[str, Any]:
    """Send one instruction, once, and give ccxt's answer.

    ``instruction`` comes with its order and exchange order loaded: no query runs here.

    Raises:
        CallFailed: see ``gateway.outcomes``. What we cannot even put into a call is ``Refused``.
    """
    order, leg = instruction.order, instruction.exchange_order
    try:
        call = _call_for(session, instruction, order, leg)
    except OmsError as error:
        # Accepted by the rules, but not sayable: a gap between the two that somebody should close.
        log.warning("call.not_buildable", extra={"order_id": order.pk, "why": error.message})
        raise Refused(Outcome(Verdict.REFUSED, exception="NotSupported")) from error
    match InstructionKind(instruction.kind):
        case InstructionKind.CREATE:
            return await session.create_order(call)
        case InstructionKind.CANCEL:
            return await session.cancel_order(call)
        case InstructionKind.EDIT:
            return await session.edit_order(call)
        case never:
            assert_never(never)


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
    """
    known = capabilities.facts(exchange_id)
    kind = OrderType(order.order_type)
    ccxt_type = _CCXT_TYPE[kind]
    check_params(order.params)
    params: dict[str, Any] = dict(order.params)
    params["clientOrderId"] = exchange_order.client_order_id
    params |= _trigger(kind, Side(order.side), exchange_order.trigger_price, known)
    params |= _distance(order, known, is_spot=is_spot)
    if ccxt_type == "limit":  # Market orders have no time in force (Binance -1106).
        params |= _lifetime(order.time_in_force, order.expires_at, known)
    if not is_spot and exchange_order.reduce_only:
        params["reduceOnly"] = True

    price = _number(exchange_order.price, known) if ccxt_type == "limit" else None
    qty = _number(exchange_order.qty, known)
    return Call("create_order", (order.symbol, ccxt_type, str(order.side), qty, price), params)


def cancel(order: Order, exchange_order: ExchangeOrder, *, exchange_id: str, is_spot: bool) -> Call:
    """``cancel_order``, by the exchange's id, else by ours where the exchange can.

    A trigger that is kept apart is cancelled there, the order that it has placed where orders are.

    Raises:
        Invalid: the exchange's id is not known yet and it does not cancel by ours.
    """
    known = capabilities.facts(exchange_id)
    apart = waits_apart(order, exchange_order, exchange_id=exchange_id, is_spot=is_spot)
    params: dict[str, Any] = {"trigger": True} if apart else {}
    theirs = exchange_order.conditional_order_id if apart else exchange_order.exchange_order_id
    if theirs is not None:
        return Call("cancel_order", (theirs, order.symbol), params)
    if known.cancels_by_client_id is None:
        raise Invalid("The exchange cancels by its own id only.", field="exchange_order_id")
    params[known.cancels_by_client_id] = exchange_order.client_order_id
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


def check_params(params: Mapping[str, Any]) -> None:
    """Accept only exchange extras from the allow-list, with plain values.

    Raises:
        Invalid: names the field and its value.
    """
    for name, value in params.items():
        if name not in USER_PARAMS:
            raise Invalid(
                "This exchange parameter is not offered.",
                field=f"params.{name}",
                limit=sorted(USER_PARAMS),
            )
        if not isinstance(value, str | int | bool | Decimal):
            raise Invalid("Give a plain value.", field=f"params.{name}", value=type(value).__name__)


def plain(value: Decimal) -> str:
    """``value`` exactly, without exponent and without trailing zeros: ``0.0000001``."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _call_for(
    session: "Session", instruction: Instruction, order: Order, leg: ExchangeOrder
) -> Call:
    where: dict[str, Any] = {
        "exchange_id": session.exchange_id,
        "is_spot": session.is_spot(order.symbol),
    }
    match InstructionKind(instruction.kind):
        case InstructionKind.CREATE:
            return create(order, leg, **where)
        case InstructionKind.CANCEL:
            return cancel(order, leg, **where)
        case InstructionKind.EDIT:
            wanted = instruction.payload[REPLACE]
            price = None if wanted["price"] is None else Decimal(wanted["price"])
            return edit(order, leg, qty=Decimal(wanted["qty"]), price=price, **where)
        case never:
            assert_never(never)


def _trigger(
    kind: OrderType, side: Side, price: Decimal | None, known: capabilities.Facts
) -> dict[str, Any]:
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


def _distance(order: Order, known: capabilities.Facts, *, is_spot: bool) -> dict[str, Any]:
    """How far a trailing stop stays behind the price."""
    if order.trailing is None:
        return {}
    said = {_TRAILING_PARAM[kind]: distance for kind, distance in order.trailing.items()}
    return said | (known.spot_trailing if is_spot else {})


def _lifetime(
    word: str | None, expires_at: datetime | None, known: capabilities.Facts
) -> dict[str, Any]:
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


def _number(value: Decimal | None, known: capabilities.Facts) -> Any:
    if value is None:
        return None
    return json_number(value) if known.json_numbers else plain(value)
