"""Who may send an instruction, and until when?

A claim is committed before the wire: a worker that dies leaves ``PENDING_SUBMIT`` (never sent) or
``SENDING`` past its deadline (doubt), nothing else.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from oms_project.errors import EngineUnavailable
from positions.engine.types import CommandStatus, OrderStatus
from positions.models import Instruction, InstructionKind, InstructionState
from positions.outbox import HeldLane, holding
from positions.projector.orders import replacing
from positions.projector.orders.flags import may_go
from positions.projector.orders.outcomes import mark_unknown
from positions.projector.orders.progress import fail_instruction, follow, move, progress
from positions.projector.orders.stopping import reject_some, stopped

log = logging.getLogger(__name__)

LIVE_AT_EXCHANGE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)
_EXPIRED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one instruction once. ``fence`` must come back with the outcome."""

    instruction: Instruction
    fence: int

    @property
    def kind(self) -> str:
        """Create, cancel or edit."""
        return self.instruction.kind


def claim(account_id: int, *, most: int, fence: int, most_urgent: int | None = None) -> list[Claim]:
    """Take at most ``most`` instructions of the account, urgent ones first, else in their order.

    Of urgent ones ``most_urgent`` may be taken, where that is more: what fills the wire, or waits
    for an exchange's limits, must not be in a cancel's way.

    Those too late to send expire here, those that the risk desk has stopped are rejected; neither
    is returned. Nothing is given to a worker whose lease (``fence``) somebody else has taken since.
    Committed when this returns.
    """
    waiting = _pending(account_id).aggregate(
        count=Count("pk"), urgent=Count("pk", filter=Q(urgent=True)), until=Min("send_before")
    )
    if not waiting["count" if most else "urgent"]:
        return []
    with holding(account_id) as lane:
        if lane.fence != fence:
            return []
        if waiting["until"] is not None and waiting["until"] < lane.now:
            _expire_late(lane)
        ready = _first_ready(lane, most, most_urgent or most)
        if stopped(account_id, ready):
            reject_some(lane)
            ready = _first_ready(lane, most, most_urgent or most)
            why = stopped(account_id, ready)
            ready = [each for each in ready if each.pk not in why]
        return [_take(lane, each) for each in ready if may_go(lane, each)]


def may_still_be_sent(instruction_id: int) -> bool:
    """Whether the risk desk has stopped a claimed instruction since; for sends that had to wait."""
    claimed = Instruction.objects.select_related("order__account", "command")
    instruction = claimed.get(pk=instruction_id)
    return not stopped(instruction.account_id, [instruction])


def expire_overdue(now: datetime | None = None) -> list[int]:
    """Turn sends whose deadline has passed into doubt; returns the accounts touched."""
    overdue = Instruction.objects.filter(
        state=InstructionState.SENDING, deadline__lt=now or timezone.now()
    )
    touched: set[int] = set()
    for instruction in overdue:
        touched.add(instruction.account_id)
        try:
            mark_unknown(instruction.pk, instruction.fence)
        except Exception:
            # It stays overdue and is tried again; the others must not wait for it.
            log.exception("claims.not_marked_unknown", extra={"instruction_id": instruction.pk})
    return sorted(touched)


def _pending(account_id: int) -> QuerySet[Instruction]:
    return Instruction.objects.filter(account_id=account_id, state=InstructionState.PENDING)


def _expire_late(lane: HeldLane) -> None:
    """What is too late to send, whether or not something else held it up."""
    late = _pending(lane.account_id).filter(send_before__lt=lane.now).order_by("id")
    related = late.select_related("order", "exchange_order", "command")
    for instruction in related[:_EXPIRED_AT_ONCE]:
        _expire(lane, instruction)


def _first_ready(lane: HeldLane, most: int, most_urgent: int) -> list[Instruction]:
    ready = _ready(lane.account_id, lane.now).order_by("-urgent", "id")
    first = ready.select_related("order__account", "exchange_order", "command")
    found = list(first[:most])
    if all(instruction.urgent for instruction in found) and most_urgent > most:
        found += first.filter(urgent=True)[most:most_urgent]
    return found


def _ready(account_id: int, now: datetime) -> QuerySet[Instruction]:
    """What can be sent now.

    A cancel or an edit needs an order that the exchange has, which is not known while the creation
    of that order is still on its way.
    """
    being_created = Instruction.objects.filter(
        exchange_order=OuterRef("exchange_order"), kind=InstructionKind.CREATE
    ).exclude(state=InstructionState.SETTLED)
    return (
        _pending(account_id)
        .filter(Q(not_before=None) | Q(not_before__lte=now))
        .filter(
            Q(kind=InstructionKind.CREATE)
            | Q(~Exists(being_created), order__status__in=LIVE_AT_EXCHANGE)
        )
        .exclude(command__after__status=CommandStatus.ACCEPTED)
        .exclude(after_order__is_open=True)
    )


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
    """What was too late to send did not happen: no order, no new leg, or no change."""
    order = instruction.order
    fail_instruction(lane, instruction, _LATE)
    if instruction.kind != InstructionKind.CREATE:
        replacing.give_up(lane, order)
        progress(lane, order)
        return
    order.note = "Not sent in time; nothing reached the exchange."
    if replacing.is_replacement(order):
        replacing.fail_replacement(lane, order)
        move(lane, order, OrderStatus.CANCELED)
    else:
        move(lane, order, OrderStatus.EXPIRED)
    follow(lane, order)


_LATE = EngineUnavailable("It could not be sent in time; nothing reached the exchange.")
