"""Where do the reports leave an order, its instructions and its command?

Called under the account's lane after anything about an order changed. A final state is entered
only once every fill that the exchange reports is booked, so a client that reads ``FILLED`` finds
all deals.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from oms_project.errors import InvalidOrderState, OmsError, OrderRejected
from positions import rows
from positions.commands import CLOSE_ALL, GONE_IS_DONE
from positions.engine.money import ZERO, plain
from positions.engine.orders import FINAL, Progress, Proof, may_move, status_after
from positions.engine.types import (
    CaseKind,
    CommandStatus,
    OrderStatus,
    PositionState,
)
from positions.models import (
    Command,
    ExchangeOrder,
    Instruction,
    InstructionKind,
    InstructionState,
    Order,
    Position,
)
from positions.outbox import HeldLane
from positions.projector.booking.holdings import tell_position
from positions.projector.cases import resolve_case
from positions.projector.orders import close_all, replacing

PRESUMED = "presumed"  # The note for people; `presumed_at` decides.
_EVENTS = {
    OrderStatus.SUBMITTED: "order_submitted",
    OrderStatus.CANCELED: "order_canceled",
    OrderStatus.REJECTED: "order_rejected",
    OrderStatus.EXPIRED: "order_expired",
    OrderStatus.UNKNOWN: "order_unknown",
}


def owes_fills(legs: Iterable[ExchangeOrder]) -> bool:
    """Whether the exchange reported more filled than is booked."""
    return any(leg.reported_filled > leg.booked_filled for leg in legs)


def progress(
    lane: HeldLane, order: Order, *, changed: bool = False, streamed: bool = False
) -> None:
    """Bring status, instructions and commands of ``order`` up to what is known of it.

    ``changed`` says that something visible changed already, so that it is told even where the
    status stays. ``streamed``: it is no answer, and one may still be on its way.
    """
    legs = list(order.exchange_orders.order_by("id"))
    current = legs[-1]
    changed |= replacing.consolidate(lane, order, current)
    owing = owes_fills(legs) or current.is_unseen
    said = current.reported_status
    if owing and (said in FINAL or current.is_unseen):
        said = OrderStatus.SUBMITTED
    if said == OrderStatus.REJECTED and replacing.is_replacement(order):
        replacing.fail_replacement(lane, order)
        said = OrderStatus.CANCELED
    if said == OrderStatus.CANCELED and order.expired_at is not None:
        said = OrderStatus.EXPIRED
    if said in FINAL and replacing.continue_with_new_leg(lane, order, current):
        said, changed = None, True
    if said == OrderStatus.FILLED and order.filled_qty < order.qty:
        order.note = f"The exchange cut it to {plain(order.filled_qty)}."
        said = OrderStatus.CANCELED
    was_presumed = is_presumed(order)
    after = status_after(
        Progress(OrderStatus(order.status), _accounted_for(order)),
        qty=order.qty,
        reported=None if said is None else OrderStatus(said),
        reported_filled=order.filled_qty,
        presumed=was_presumed,
    )
    order.next_check_at = lane.now if owing else _next_check(order, after.status)
    if after.status is OrderStatus.REJECTED and not was_presumed:
        order.reject_code = order.reject_code or OrderRejected.code
    if after.status != order.status:
        move(lane, order, after.status, after.proof)
    else:
        _save(lane, order)
        if changed:
            lane.tell("order_updated", rows.order_row(order), strategy_id=order.strategy_id)
    follow(lane, order, owing=owing, streamed=streamed)
    if was_presumed and not is_presumed(order):
        _believe_again(lane, order)


def move(lane: HeldLane, order: Order, status: OrderStatus, proof: Proof = Proof.NONE) -> None:
    """Set a new state that the life cycle allows, and tell it.

    Raises:
        InvalidOrderState: the table in ``engine.orders`` has no such move on this proof.
    """
    if not may_move(OrderStatus(order.status), status, proof):
        raise InvalidOrderState(order_id=order.pk, status=order.status, asked=status)
    if is_presumed(order):
        order.presumed_at = None
        order.note = "Presumed rejected, then found at the exchange."
        order.reject_code = None
    if order.status == OrderStatus.UNKNOWN:
        resolve_case(lane, CaseKind.UNKNOWN_ORDER, f"order {order.pk}")
    order.status = status
    order.is_open = status not in FINAL
    order.closed_at = lane.now if status in FINAL else None
    if status is OrderStatus.UNKNOWN:
        order.doubt_since = order.doubt_since or lane.now
        order.next_check_at = lane.now
    else:
        order.doubt_since, order.checks = None, 0
    _save(lane, order)
    lane.tell(
        _EVENTS.get(status, "order_updated"), rows.order_row(order), strategy_id=order.strategy_id
    )
    if status in FINAL:
        release_position(lane, order)
    if status in FINAL or order.is_leg:
        lane.touch(order.symbol, fully=order.is_leg)
    if status in FINAL:
        for successor in _successors:
            successor(lane, order)


Successor = Callable[[HeldLane, Order], None]
_successors: list[Successor] = []


def when_ended(successor: Successor) -> None:
    """Call ``successor(lane, order)`` whenever an order has come to its end."""
    _successors.append(successor)


def release_position(lane: HeldLane, order: Order) -> None:
    """A close that ended leaves its position ``open`` again unless another close is pending."""
    if not order.closes_position or order.position_id is None:
        return
    position = Position.objects.get(pk=order.position_id)
    pending = Order.objects.open().filter(
        position_id=position.pk, closes_position=True, reduce_only=True
    )
    if position.state == PositionState.CLOSE_REQUESTED and not pending.exists():
        position.state = PositionState.OPEN
        position.updated_at = lane.now
        position.save(update_fields=["state", "updated_at"])
        tell_position(lane, "position_updated", position)


def _believe_again(lane: HeldLane, order: Order) -> None:
    """The exchange has the order after all: the commands that gave it up did not fail."""
    creates = order.instructions.filter(kind=InstructionKind.CREATE)
    for instruction in creates.select_related("command"):
        instruction.error = None
        settle_instruction(lane, instruction)
        if instruction.command is not None:
            settle_command(lane, instruction.command)


def follow(lane: HeldLane, order: Order, *, owing: bool = False, streamed: bool = False) -> None:
    """Settle the instructions that the order's present state answers, then their commands."""
    if not owing:
        unsettled = order.instructions.exclude(state=InstructionState.SETTLED)
        for instruction in unsettled.select_related("exchange_order", "command").order_by("id"):
            if not (streamed and order.is_open and instruction.state == InstructionState.SENDING):
                _follow_one(lane, order, instruction)
    for command in _commands_of(order):
        settle_command(lane, command)


def _follow_one(lane: HeldLane, order: Order, instruction: Instruction) -> None:
    match instruction.kind:
        case InstructionKind.CREATE:
            if instruction.exchange_order.reported_status == OrderStatus.REJECTED:
                fail_instruction(lane, instruction, OrderRejected(order_id=order.pk))
            elif replacing.is_shown(instruction.exchange_order) or not order.is_open:
                settle_instruction(lane, instruction)
        case InstructionKind.CANCEL:
            replaces = replacing.REPLACE in instruction.payload
            if order.status == OrderStatus.CANCELED and not replaces:
                settle_instruction(lane, instruction)
            elif not order.is_open:
                fail_instruction(lane, instruction, _ended(order))
        case InstructionKind.EDIT:
            if not order.is_open:
                fail_instruction(lane, instruction, _ended(order))


def _ended(order: Order) -> InvalidOrderState:
    return InvalidOrderState(
        f"The order was {order.status} before this reached the exchange.",
        field="order_id",
        limit="an order that is not final",
        value=order.pk,
        status=order.status,
    )


def settle_instruction(lane: HeldLane, instruction: Instruction) -> None:
    """The instruction is done."""
    instruction.state = InstructionState.SETTLED
    instruction.settled_at = lane.now
    instruction.save(update_fields=["state", "settled_at", "error"])
    if instruction.order.closes_position:
        lane.touch(instruction.order.symbol)  # Its position may have shrunk meanwhile.


def fail_instruction(lane: HeldLane, instruction: Instruction, error: OmsError) -> None:
    """The instruction is over without effect; its command will carry ``error``."""
    body = error.body("")
    instruction.error = {key: body[key] for key in ("code", "message", "details")}
    settle_instruction(lane, instruction)


def settle_command(lane: HeldLane, command: Command) -> None:
    """Move a command to the state that its instructions and orders add up to."""
    instructions = list(command.instructions.select_related("order", "exchange_order"))
    status, error = _command_state(command, instructions)
    if status == command.status:
        return
    position_ids = [i.order.position_id for i in instructions if i.order.position_id]
    command.position_ids = list(dict.fromkeys([*command.position_ids, *position_ids]))
    lane.settle(command, status, error)


def _command_state(
    command: Command, instructions: list[Instruction]
) -> tuple[CommandStatus, dict[str, Any] | None]:
    states = {instruction.state for instruction in instructions}
    failed = [
        instruction
        for instruction in instructions
        if instruction.error and (instruction.order.is_open or command.kind not in GONE_IS_DONE)
    ]
    doubtful = InstructionState.DOUBTFUL in states or any(
        instruction.order.status == OrderStatus.UNKNOWN for instruction in instructions
    )
    if doubtful:
        return CommandStatus.UNKNOWN, None
    settled = not states - {InstructionState.SETTLED}
    if not settled or _awaits_fills(instructions) or close_all.waits(command):
        return CommandStatus.ACCEPTED, None
    if command.kind == CLOSE_ALL:
        return close_all.outcome(command, instructions)
    if failed:
        return CommandStatus.FAILED, failed[0].error
    return CommandStatus.COMPLETED, None


def _awaits_fills(instructions: list[Instruction]) -> bool:
    """Whether an order filled as it was amended, and its fills are not booked yet."""
    amended = (i for i in instructions if i.kind == InstructionKind.EDIT and i.error is None)
    return owes_fills(edit.exchange_order for edit in amended)


def _commands_of(order: Order) -> list[Command]:
    return list(
        Command.objects.filter(
            instructions__order=order,
            status__in=(CommandStatus.ACCEPTED, CommandStatus.UNKNOWN),
        )
        .distinct()
        .order_by("id")
    )


def is_presumed(order: Order) -> bool:
    """Whether it was concluded from silence that the exchange never took the order."""
    return order.status == OrderStatus.REJECTED and order.presumed_at is not None


def _accounted_for(order: Order) -> Decimal:
    """How much of the booked fills the status shows already."""
    ended = not order.is_open and not is_presumed(order)
    shown = order.status == OrderStatus.PARTIALLY_FILLED or ended
    return order.filled_qty if shown else ZERO


def _next_check(order: Order, status: OrderStatus) -> datetime | None:
    """Keep asking while the order, or a cancel or a change of it, is in doubt."""
    if order.next_check_at is None or status in FINAL:
        return None
    doubtful = order.instructions.filter(state=InstructionState.DOUBTFUL)
    in_doubt = (
        status is OrderStatus.UNKNOWN or doubtful.exclude(kind=InstructionKind.CREATE).exists()
    )
    return order.next_check_at if in_doubt else None


def _save(lane: HeldLane, order: Order) -> None:
    order.updated_at = lane.now
    order.save()
