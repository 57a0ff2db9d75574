"""What does the outcome of a send mean for the order?

Every function takes the instruction's fence: an answer that comes after the claim was given up is
booked only where it is still proof.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings

from oms_project.errors import (
    Conflict,
    EngineUnavailable,
    ExchangeTimeout,
    OmsError,
    OrderRejected,
)
from positions.engine.orders import Proof
from positions.engine.types import OrderStatus
from positions.models import Instruction, InstructionKind, InstructionState, Order
from positions.outbox import HeldLane, holding
from positions.projector.orders import replacing
from positions.projector.orders.progress import (
    PRESUMED,
    fail_instruction,
    follow,
    move,
    progress,
    settle_command,
    settle_instruction,
)
from positions.projector.orders.replanning import plan_again, settle_refused

_DOUBLINGS = 30  # Enough to reach any longest pause, few enough to stay a number.
_IN_FLIGHT = (InstructionState.SENDING, InstructionState.DOUBTFUL)


def refuse(instruction_id: int, fence: int, error: OmsError) -> None:
    """Book the exchange's no: nothing of this instruction was executed.

    A close that broke a rule of its market is planned again by the rules of now.
    """
    with _held(instruction_id, fence) as (lane, instruction):
        if instruction is None or plan_again(lane, instruction, error):
            return
        reject_unsent(lane, instruction, error)
        settle_refused(lane, instruction.order, error)


def not_sent(instruction_id: int, fence: int, *, retry_at: datetime) -> None:
    """Put an instruction back in the queue: it is proven that nothing was executed.

    An order is not sent again where somebody asked to cancel it meanwhile, or where the proof comes
    after the send was given up as doubtful: then it ends here.
    """
    with _held(instruction_id, fence) as (lane, instruction):
        if instruction is None:
            return
        order = instruction.order
        creates = instruction.kind == InstructionKind.CREATE
        if creates and order.cancel_requested_at is not None:
            order.note = "Cancelled before it was sent."
            cancel_unsent(lane, order, instruction)
        elif creates and instruction.state == InstructionState.DOUBTFUL:
            fail_instruction(lane, instruction, _NEVER_SENT)
            _refuse_create(lane, order, instruction, _NEVER_SENT)
        else:
            instruction.state = InstructionState.PENDING
            instruction.not_before = retry_at
            instruction.save(update_fields=["state", "not_before"])
            if order.status == OrderStatus.SENDING:
                move(lane, order, OrderStatus.PENDING_SUBMIT, Proof.NOT_EXECUTED)


def cancel_unsent(lane: HeldLane, order: Order, create: Instruction) -> None:
    """End an order, or a replacement, that never left the house and now never will."""
    if replacing.is_replacement(order):
        fail_instruction(lane, create, Conflict("The order was cancelled.", order_id=order.pk))
        replacing.give_up(lane, order)
    else:
        settle_instruction(lane, create)
    move(lane, order, OrderStatus.CANCELED)
    follow(lane, order)


def reject_unsent(lane: HeldLane, instruction: Instruction, error: OmsError) -> None:
    """End what was not sent and must not be any more: no order comes to be, or no change."""
    order = instruction.order
    fail_instruction(lane, instruction, error)
    if instruction.kind == InstructionKind.CREATE:
        _refuse_create(lane, order, instruction, error)
    else:
        _forget(lane, order, instruction)
        progress(lane, order)


def mark_unknown(instruction_id: int, fence: int) -> None:
    """Book that the exchange did not say: the order is looked up until there is proof.

    A creation that the exchange has shown, and that only owes its fills, is no doubt: it is asked.
    """
    with _held(instruction_id, fence) as (lane, instruction):
        if instruction is None or instruction.state == InstructionState.DOUBTFUL:
            return
        order = instruction.order
        creates = instruction.kind == InstructionKind.CREATE
        if creates and replacing.is_shown(instruction.exchange_order):
            instruction.deadline = None
        else:
            instruction.state = InstructionState.DOUBTFUL
        instruction.save(update_fields=["state", "deadline"])
        if creates and instruction.state == InstructionState.DOUBTFUL:
            move(lane, order, OrderStatus.UNKNOWN)
        else:
            order.next_check_at = order.next_check_at or lane.now
            order.save(update_fields=["next_check_at"])
        follow(lane, order, owing=order.is_open)


def still_live(order_id: int) -> None:
    """The exchange shows the order alive: cancels and edits in doubt may be asked again.

    Both are safe to repeat: a cancel cancels once, an edit sets absolute values.
    """
    with holding(Order.objects.values_list("account_id", flat=True).get(pk=order_id)) as lane:
        order = Order.objects.get(pk=order_id)
        doubtful = order.instructions.filter(state=InstructionState.DOUBTFUL)
        for instruction in doubtful.exclude(kind=InstructionKind.CREATE):
            instruction.state = InstructionState.PENDING
            instruction.save(update_fields=["state"])
        progress(lane, order)


def check_later(order_id: int, now: datetime) -> None:
    """Ask again after 0.5, 1, 2, 4… 60 seconds; steadily where a close waits for the answer."""
    order = Order.objects.get(pk=order_id)
    doubled = 1 if holds_up_a_close(order) else 2 ** min(order.checks, _DOUBLINGS)
    wait_s = min(settings.OMS_LOOKUP_FIRST_S * doubled, settings.OMS_LOOKUP_MOST_S)
    Order.objects.filter(pk=order_id, is_open=True).update(
        checks=order.checks + 1, next_check_at=now + timedelta(seconds=wait_s)
    )


def holds_up_a_close(order: Order) -> bool:
    """Whether it is a stop whose end is waited for: nothing else may close its volume till then."""
    return order.is_open and order.is_leg and order.cancel_requested_at is not None


def is_waited_for(order_id: int) -> bool:
    """Whether the order is in doubt and holds up a close."""
    order = Order.objects.get(pk=order_id)
    return order.next_check_at is not None and holds_up_a_close(order)


def presume_rejected(order_id: int) -> None:
    """Conclude that the exchange never took the order: it was in none of its lists for too long.

    It can still be adopted later, if the exchange shows it after all.
    """
    with holding(Order.objects.values_list("account_id", flat=True).get(pk=order_id)) as lane:
        order = Order.objects.get(pk=order_id)
        if order.status == OrderStatus.UNKNOWN:
            give_up(lane, order, note=PRESUMED)


def give_up(lane: HeldLane, order: Order, *, note: str) -> None:
    """End an order in doubt as never taken, with this note; its volume is free again.

    It can still be adopted later, if the exchange shows it after all.
    """
    error = ExchangeTimeout(
        "The exchange never showed the order; it is presumed rejected.", order_id=order.pk
    )
    creates = order.instructions.filter(
        kind=InstructionKind.CREATE, state=InstructionState.DOUBTFUL
    )
    for instruction in creates.select_related("exchange_order", "command"):
        fail_instruction(lane, instruction, error)
        _refuse_create(lane, order, instruction, error, note=note)


def _refuse_create(
    lane: HeldLane,
    order: Order,
    instruction: Instruction,
    error: OmsError,
    *,
    note: str = PRESUMED,
) -> None:
    leg = instruction.exchange_order
    leg.reported_status = OrderStatus.REJECTED
    leg.save(update_fields=["reported_status"])
    order.reject_code = error.code
    if isinstance(error, ExchangeTimeout):
        order.note, order.presumed_at = note, lane.now
    else:
        order.note = _refusal(error)
    if replacing.is_replacement(order):
        replacing.fail_replacement(lane, order)
        move(lane, order, OrderStatus.CANCELED)
    elif order.is_open:
        move(lane, order, OrderStatus.CANCELED if order.filled_qty else OrderStatus.REJECTED)
    follow(lane, order)
    if instruction.command is not None:
        settle_command(lane, instruction.command)


def _refusal(error: OmsError) -> str:
    """The exchange's no in a few words; its own text could carry a signature."""
    if not isinstance(error, OrderRejected):
        return error.message[:255]
    told = ("exception", "exchange_code", "filter")
    facts = [str(error.details.get(key) or "") for key in told]
    return " ".join(fact for fact in facts if fact)[:255]


def _forget(lane: HeldLane, order: Order, refused: Instruction) -> None:
    """A refused change or cancel leaves the order as it was; another cancel still counts."""
    if replacing.REPLACE in refused.payload:
        replacing.give_up(lane, order)
        return
    cancels = order.instructions.filter(kind=InstructionKind.CANCEL).exclude(
        state=InstructionState.SETTLED
    )
    if all(replacing.REPLACE in cancel.payload for cancel in cancels):
        order.cancel_requested_at = None


@contextmanager
def _held(instruction_id: int, fence: int) -> Iterator[tuple[HeldLane, Instruction | None]]:
    """The lane of an instruction and the instruction itself, ``None`` where the fence is old."""
    sent = Instruction.objects.filter(pk=instruction_id, fence=fence, state__in=_IN_FLIGHT)
    account_id = Instruction.objects.values_list("account_id", flat=True).get(pk=instruction_id)
    with holding(account_id) as lane:
        yield lane, sent.select_related("order", "exchange_order", "command").first()


_NEVER_SENT = EngineUnavailable("It could not be sent; nothing reached the exchange.")
