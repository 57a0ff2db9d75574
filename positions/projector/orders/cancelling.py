"""How is an order taken off the exchange?"""

from datetime import datetime

from positions.engine.orders import CancelStep, cancel_step
from positions.engine.types import OrderStatus
from positions.models import Command, Instruction, InstructionKind, InstructionState, Order
from positions.outbox import HeldLane
from positions.projector.orders.outcomes import cancel_unsent
from positions.projector.orders.progress import follow, move, settle_instruction


def request_cancel(
    lane: HeldLane,
    order: Order,
    command: Command | None = None,
    *,
    why: str = "",
    not_before: datetime | None = None,
) -> None:
    """Queue the cancel; it is settled at once where the exchange need not be asked.

    ``why`` becomes the order's note. The exchange is not asked ``not_before`` that time.

    Raises:
        InvalidOrderState: the order is final otherwise than by a cancel.
    """
    step = cancel_step(OrderStatus(order.status))
    order.cancel_requested_at = lane.now
    leg = order.exchange_orders.get(is_current=True)
    cancel = Instruction.objects.create(
        account_id=lane.account_id,
        order=order,
        exchange_order=leg,
        command=command,
        kind=InstructionKind.CANCEL,
        urgent=True,
        not_before=not_before,
        created_at=lane.now,
    )
    match step:
        case CancelStep.LOCALLY:
            order.note = why or "Cancelled before it was sent."
            move(lane, order, OrderStatus.CANCELED)
            follow(lane, order)
        case CancelStep.ALREADY:
            settle_instruction(lane, cancel)
        case CancelStep.AT_VENUE | CancelStep.WISH:
            if step is CancelStep.WISH:
                order.next_check_at = order.next_check_at or lane.now
            order.note = why or order.note
            order.save(update_fields=["cancel_requested_at", "next_check_at", "note"])
            _drop_replacement(lane, order)
            lane.wake_exchange()


def _drop_replacement(lane: HeldLane, order: Order) -> None:
    """A replacement that was not sent yet will not be: whoever cancels wants nothing to follow."""
    unsent = order.instructions.filter(kind=InstructionKind.CREATE, state=InstructionState.PENDING)
    if create := unsent.select_related("command").first():
        cancel_unsent(lane, order, create)
