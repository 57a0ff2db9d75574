"""How far has a ``close_all_positions`` come?

Its command keeps a plan: ``waiting`` are the positions whose resting closes have to end first,
``left`` those that could not be closed, with the code of the reason. Each position is an order of
its own, so none holds up another.
"""

from collections.abc import Collection, Iterable
from typing import Any

from oms_project.errors import OrderRejected
from positions.commands import CLOSE_ALL
from positions.engine.types import CommandStatus
from positions.models import Command, Instruction, InstructionKind

Left = list[dict[str, Any]]


def waits(command: Command) -> bool:
    """Whether a position of it is still to be closed."""
    return bool(command.plan and command.plan["waiting"])


def left_of(command: Command, instructions: Iterable[Instruction] | None = None) -> Left:
    """The positions that could not be closed, or not wholly, with codes: ours or the exchange's.

    ``instructions`` are the command's, where they were read already, with their orders.
    """
    if command.kind != CLOSE_ALL or command.plan is None:
        return []
    if instructions is None:
        related = command.instructions.select_related("order", "exchange_order")
        instructions = related.order_by("id")
    refused = [
        {"position_id": each.order.position_id, "code": code}
        for each in instructions
        if _closes(each) and (code := _why_left(each))
    ]
    gone = {each["position_id"] for each in refused}
    return [each for each in command.plan["left"] if each["position_id"] not in gone] + refused


def outcome(
    command: Command, instructions: Collection[Instruction]
) -> tuple[CommandStatus, dict[str, Any] | None]:
    """Failed where there were positions and none of them could be closed, else completed."""
    left = left_of(command, instructions)
    partly = {each.order.position_id for each in instructions if _closes(each) and not each.error}
    untouched = {each["position_id"] for each in left} - partly
    if not left or len(untouched) < len(command.position_ids):
        return CommandStatus.COMPLETED, None
    return CommandStatus.FAILED, {
        "code": left[0]["code"],
        "message": "None of the positions could be closed.",
        "details": {"left": left},
    }


def _closes(instruction: Instruction) -> bool:
    return instruction.kind == InstructionKind.CREATE


def _why_left(create: Instruction) -> str | None:
    """The code of what kept a close from closing all that it was to."""
    if create.error:
        return create.error["code"]
    order, leg = create.order, create.exchange_order
    ended_early = not order.is_open and order.filled_qty < order.qty
    return OrderRejected.code if leg.is_current and ended_early else None
