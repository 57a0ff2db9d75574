"""How does an order change?

Where the exchange amends in place, the answer that shows the new values settles it. Elsewhere its order at the exchange is cancelled with confirmation, then a new one is created for what is left
of the new quantity. A fill in between only makes the new one smaller, so the total never exceeds
what was intended. The OMS order keeps its id all the while.
"""

from decimal import Decimal
from typing import Any

from positions import rows
from positions.engine.types import EditReplaceState, OrderStatus
from positions.ids import new_exchange_client_order_id
from positions.models import ExchangeOrder, Instruction, InstructionKind, InstructionState, Order
from positions.outbox import HeldLane
from positions.reports import OrderReport

REPLACE = "replace"


def consolidate(lane: HeldLane, order: Order, current: ExchangeOrder) -> bool:
    """Take over the new values once the exchange shows the replacement; whether it did so."""
    if order.edit_replace_state != EditReplaceState.CREATE_PENDING:
        return False
    shown = current.reported_status is not None or current.booked_filled > 0
    wanted = _wanted(order, current)
    if _pending_replacement(order, current) is not None:
        return False  # It is being replaced itself: what it was created for is an earlier change.
    if wanted is None or not shown or current.reported_status == OrderStatus.REJECTED:
        return False
    order.qty = Decimal(wanted["qty"])
    order.price = _decimal(wanted["price"])
    order.trigger_price = _decimal(wanted["trigger_price"])
    order.edit_replace_state = EditReplaceState.CONSOLIDATED
    _tell(lane, "order_change_replace_consolidated", order)
    _tell(lane, "order_changed", order)
    return True


def amend(lane: HeldLane, order: Order, leg: ExchangeOrder, report: OrderReport) -> bool:
    """Take over values that the exchange amended in place; whether it did so."""
    edits = order.instructions.filter(
        kind=InstructionKind.EDIT,
        exchange_order=leg,
        state__in=(InstructionState.SENDING, InstructionState.DOUBTFUL),
    )
    edit = edits.order_by("id").first()
    if edit is None or not _shows(report, edit.payload[REPLACE]):
        return False
    leg.qty = order.qty = Decimal(edit.payload[REPLACE]["qty"])
    leg.price = order.price = _decimal(edit.payload[REPLACE]["price"])
    leg.save(update_fields=["qty", "price"])
    edit.state = InstructionState.SETTLED
    edit.settled_at = lane.now
    edit.save(update_fields=["state", "settled_at"])
    _tell(lane, "order_changed", order)
    return True


def _shows(report: OrderReport, wanted: dict[str, Any]) -> bool:
    price = _decimal(wanted["price"])
    return report.qty == Decimal(wanted["qty"]) and (price is None or report.price == price)


def continue_with_new_leg(lane: HeldLane, order: Order, current: ExchangeOrder) -> bool:
    """Queue the replacement of a leg whose cancel is confirmed; False where there is none to make.

    None is made when the leg ended otherwise, someone asked to cancel meanwhile, or the fills have
    reached the new quantity already.
    """
    if order.edit_replace_state != EditReplaceState.CREATE_PENDING:
        return False
    cancel = _pending_replacement(order, current)
    if cancel is None:
        return False
    wanted = cancel.payload[REPLACE]
    remaining = Decimal(wanted["qty"]) - order.filled_qty
    gone = current.reported_status == OrderStatus.CANCELED
    if not gone or order.cancel_requested_at is not None or remaining <= 0:
        order.edit_replace_state = None
        return False
    _create_leg(lane, order, current, cancel, remaining)
    return True


def _create_leg(
    lane: HeldLane,
    order: Order,
    current: ExchangeOrder,
    cancel: Instruction,
    remaining: Decimal,
) -> None:
    wanted = cancel.payload[REPLACE]
    current.is_current = False
    current.save(update_fields=["is_current"])
    leg = ExchangeOrder.objects.create(
        account_id=order.account_id,
        order=order,
        symbol=order.symbol,
        client_order_id=new_exchange_client_order_id(),
        qty=remaining,
        price=_decimal(wanted["price"]),
        trigger_price=_decimal(wanted["trigger_price"]),
        created_at=lane.now,
    )
    order.exchange_client_order_id = leg.client_order_id
    order.exchange_order_id = None
    Instruction.objects.create(
        account_id=order.account_id,
        order=order,
        exchange_order=leg,
        command=cancel.command,
        kind=InstructionKind.CREATE,
        urgent=order.closes_position,
        payload=cancel.payload,
        created_at=lane.now,
    )
    cancel.state = InstructionState.SETTLED
    cancel.settled_at = lane.now
    cancel.save(update_fields=["state", "settled_at"])


def fail_replacement(lane: HeldLane, order: Order) -> None:
    """The exchange refused the replacement: what was cancelled stays cancelled."""
    order.edit_replace_state = EditReplaceState.CREATE_FAILED
    _tell(lane, "order_change_replace_failed", order)


def _pending_replacement(order: Order, current: ExchangeOrder) -> Instruction | None:
    """The cancel of ``current`` that is to be followed by a new order."""
    cancels = order.instructions.filter(
        kind=InstructionKind.CANCEL, exchange_order=current, payload__has_key=REPLACE
    )
    return cancels.order_by("-id").first()


def _wanted(order: Order, current: ExchangeOrder) -> dict[str, Any] | None:
    """The new values that ``current`` was created for."""
    creates = order.instructions.filter(
        kind=InstructionKind.CREATE, exchange_order=current, payload__has_key=REPLACE
    )
    create = creates.first()
    return None if create is None else create.payload[REPLACE]


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _tell(lane: HeldLane, event: str, order: Order) -> None:
    lane.tell(event, rows.order_row(order), strategy_id=order.strategy_id)
