"""Who may send an instruction, and until when?

A claim is committed before the wire: a worker that dies leaves ``PENDING_SUBMIT`` (never sent) or
``SENDING`` past its deadline (doubt), nothing else.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from oms_project.errors import EngineUnavailable
from positions.engine.types import CommandStatus, OrderStatus
from positions.models import Instruction, InstructionKind, InstructionState, Order
from positions.outbox import HeldLane, holding
from positions.projector.progress import fail_instruction, follow, move

LIVE_AT_EXCHANGE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one instruction once. ``fence`` must come back with the outcome."""

    instruction: Instruction
    fence: int

    @property
    def kind(self) -> str:
        """Create, cancel or edit."""
        return self.instruction.kind


def claim(account_id: int, *, most: int) -> list[Claim]:
    """Take at most ``most`` instructions of the account, urgent ones first, else in their order.

    Those too late to send expire here and are not returned. Committed when this returns.
    """
    if not _waiting(account_id).exists():
        return []
    with holding(account_id) as lane:
        claims: list[Claim] = []
        waiting = _waiting(account_id).select_related("order", "exchange_order", "command")
        for instruction in waiting.order_by("-urgent", "id")[: most * 4]:
            if len(claims) == most:
                break
            if _too_late(instruction, lane):
                _expire(lane, instruction)
            elif _ready(instruction):
                claims.append(_take(lane, instruction))
        return claims


def expire_overdue(now=None) -> list[int]:
    """Turn sends whose deadline has passed into doubt; returns the accounts touched.

    A send that was answered and only owes its fills is no doubt: its order is asked again.
    """
    from positions.projector.outcomes import mark_unknown  # Outcomes are booked in one place.

    now = now or timezone.now()
    overdue = Instruction.objects.filter(state=InstructionState.SENDING, deadline__lt=now)
    touched: set[int] = set()
    for instruction in overdue.select_related("exchange_order"):
        touched.add(instruction.account_id)
        if instruction.exchange_order.reported_status is None or (
            instruction.kind != InstructionKind.CREATE
        ):
            mark_unknown(instruction.pk, instruction.fence)
        else:
            Order.objects.filter(pk=instruction.order_id).update(next_check_at=now)
    return sorted(touched)


def _waiting(account_id: int):
    return (
        Instruction.objects.filter(account_id=account_id, state=InstructionState.PENDING)
        .filter(Q(not_before=None) | Q(not_before__lte=timezone.now()))
        .exclude(command__after__status=CommandStatus.ACCEPTED)
    )


def _ready(instruction: Instruction) -> bool:
    """A create is always ready; a cancel or an edit needs an order that the exchange has."""
    return instruction.kind == InstructionKind.CREATE or (
        instruction.order.status in LIVE_AT_EXCHANGE
    )


def _too_late(instruction: Instruction, lane: HeldLane) -> bool:
    return instruction.send_before is not None and instruction.send_before < lane.now


def _take(lane: HeldLane, instruction: Instruction) -> Claim:
    instruction.state = InstructionState.SENDING
    instruction.fence += 1
    instruction.attempts += 1
    instruction.deadline = lane.now + timedelta(seconds=settings.OMS_SEND_DEADLINE_S)
    instruction.save(update_fields=["state", "fence", "attempts", "deadline"])
    order = instruction.order
    if order.status == OrderStatus.PENDING_SUBMIT:
        order.status = OrderStatus.SENDING
        order.updated_at = lane.now
        order.save(update_fields=["status", "updated_at"])
    return Claim(instruction, instruction.fence)


def _expire(lane: HeldLane, instruction: Instruction) -> None:
    order = instruction.order
    if order.status != OrderStatus.PENDING_SUBMIT:
        fail_instruction(lane, instruction, _LATE)  # A cancel or the new leg of a replacement.
    else:
        order.note = "Not sent in time; nothing reached the exchange."
        move(lane, order, OrderStatus.EXPIRED)
        fail_instruction(lane, instruction, _LATE)
    follow(lane, order)


_LATE = EngineUnavailable("It could not be sent in time; nothing reached the exchange.")
