"""What became of one order, from who gave it to what it did to positions?"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from accounts.rights.permissions import Caller
from oms_project.errors import OrderNotFound
from positions import rows, selectors
from positions.models import AccountLane, Deal, Event, ExchangeOrder, Execution, Order, Position

# Events are looked for where the order began and where it was last touched, so many each time.
EVENTS_AROUND = 500
_OF_POSITIONS = ("position_opened", "position_closed", "position_merged", "close_by_executed")


def story_of(caller: Caller, order_id: int) -> dict[str, Any]:
    """The order with its giver, legs, executions, deals, positions and events, oldest first.

    ``events_complete`` is false where an order lived through more events than are looked at.

    Raises:
        OrderNotFound: it does not exist for the caller.
    """
    visible = Order.objects.visible_to(caller, caller.account_ids())
    order = visible.select_related("command__user").filter(pk=order_id).first()
    if order is None:
        raise OrderNotFound(order_id=order_id)
    account = [order.account_id]
    deals = Deal.objects.visible_to(caller, account).filter(order=order)
    told = list(deals.order_by("booking_no", "id"))
    numbers = {deal.position_id for deal in told} | {order.position_id} - {None}
    positions = Position.objects.visible_to(caller, account).filter(pk__in=numbers).order_by("id")
    events, complete = _events(caller, order, numbers)
    return {
        "order": rows.order_row(order),
        "given_by": _giver(order),
        "legs": [_leg(each) for each in order.exchange_orders.order_by("id")],
        "executions": [_execution(each) for each in order.executions.order_by("number")],
        "deals": [rows.deal_row(deal) for deal in told],
        "positions": selectors.marked_rows(positions),
        "events": [rows.event_row(event) for event in events],
        "events_complete": complete,
    }


def exchange_order_ids(order_id: int) -> list[str]:
    """All ids that the order has had at its exchange."""
    found = ExchangeOrder.objects.filter(order_id=order_id)
    pairs = found.values_list("exchange_order_id", "conditional_order_id")
    return [number for pair in pairs for number in pair if number]


def _giver(order: Order) -> dict[str, Any] | None:
    """Who asked for it; None where nobody here did."""
    command = order.command
    if command is None:
        return None
    return {
        "user_name": command.user.get_username(),
        "api_key_id": command.api_key_id,
        "command": command.kind,
        "request_id": command.request_id,
        "at": rows.time_text(command.created_at),
    }


def _leg(leg: ExchangeOrder) -> dict[str, Any]:
    return {
        "exchange_order_id": leg.exchange_order_id,
        "conditional_order_id": leg.conditional_order_id,
        "client_order_id": leg.client_order_id,
        "status": leg.reported_status,
        "qty": rows.decimal_text(leg.qty),
        "price": rows.decimal_text(leg.price),
        "trigger_price": rows.decimal_text(leg.trigger_price),
        "filled_qty": rows.decimal_text(leg.reported_filled),
        "is_current": leg.is_current,
        "created_at": rows.time_text(leg.created_at),
    }


def _execution(execution: Execution) -> dict[str, Any]:
    return {
        "number": execution.number,
        "side": execution.side,
        "qty": rows.decimal_text(execution.qty),
        "price": rows.decimal_text(execution.price),
        "fee": rows.decimal_text(execution.fee),
        "fee_currency": execution.fee_currency,
        "exchange_trade_id": execution.exchange_trade_id,
        "provisional": execution.provisional,
        "executed_at": rows.time_text(execution.executed_at),
    }


def _events(caller: Caller, order: Order, positions: Iterable[int]) -> tuple[list[Event], bool]:
    lane = AccountLane.objects.filter(pk=order.account_id).first()
    newest = lane.last_seq if lane else 0
    log = Event.objects.filter(account_id=order.account_id)
    oldest = log.order_by("seq").values_list("seq", flat=True).first() or newest + 1
    seqs = range(oldest, newest + 1)

    def first_at(moment: datetime) -> int:
        """The first event that is not older; found by halving, since times have no index."""
        place = bisect_left(seqs, moment, key=lambda seq: log.get(seq=seq).created_at)
        return oldest + place

    begin, end = first_at(order.created_at), first_at(order.updated_at)
    spans = [(begin, begin + EVENTS_AROUND), (end - EVENTS_AROUND, end + EVENTS_AROUND)]
    complete = spans[1][0] <= spans[0][1]
    visible = Event.objects.visible_to(caller, [order.account_id])
    found: dict[int, Event] = {}
    for low, high in spans:
        for event in visible.filter(seq__gte=max(low, begin), seq__lte=high).order_by("seq"):
            if _is_about(event, order.pk, positions):
                found[event.seq] = event
    return [found[seq] for seq in sorted(found)], complete


def _is_about(event: Event, order_id: int, positions: Iterable[int]) -> bool:
    payload = event.payload
    if event.event.startswith("order_"):
        return payload.get("id") == order_id
    if event.event in _OF_POSITIONS:
        return payload.get("id") in positions
    return payload.get("order_id") == order_id or order_id in (payload.get("order_ids") or ())
