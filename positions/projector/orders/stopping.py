"""Which orders that wait to be sent may not be sent any more?

The risk desk is asked in every claim, in the transaction that would commit it: whoever stopped
something before that is obeyed, whatever was accepted earlier. What reduces a position always
goes: closes, reduce-only orders and protection; so do cancels.
"""

from collections.abc import Iterable

from oms_project.errors import RiskBlocked
from positions.engine.types import GroupRole, PositionMode
from positions.models import Instruction, InstructionKind, InstructionState, Order
from positions.outbox import HeldLane, holding
from positions.ports import Waiting, risk_gate
from positions.projector.orders.outcomes import reject_unsent

_OPENING_KINDS = (InstructionKind.CREATE, InstructionKind.EDIT)
_PROTECTION = (GroupRole.STOP_LOSS, GroupRole.TAKE_PROFIT)
_REJECTED_AT_ONCE = 100


def can_open(order: Order) -> bool:
    """Whether the order may raise exposure; in hedge, an order that names the other side cannot."""
    if order.reduce_only or order.group_role in _PROTECTION:
        return False
    return not (order.closes_position and order.account.position_mode == PositionMode.HEDGE)


def stopped(account_id: int, instructions: Iterable[Instruction]) -> dict[int, RiskBlocked]:
    """Why some of these instructions may not be sent, by their id."""
    creating = [each for each in instructions if each.kind in _OPENING_KINDS]
    opening = [each for each in creating if can_open(each.order)]
    if not opening:
        return {}
    why = risk_gate().stopped(account_id, [_waiting(each) for each in opening])
    return {each.pk: why[each.order_id] for each in opening if each.order_id in why}


def reject_stopped(account_id: int) -> int:
    """End what waits and may not be sent any more; returns how many instructions that were.

    One transaction for every hundred, so that nobody waits long for the lane.
    """
    rejected = 0
    while True:
        with holding(account_id) as lane:
            found = reject_some(lane)
        rejected += found
        if found < _REJECTED_AT_ONCE:
            return rejected


def reject_some(lane: HeldLane) -> int:
    """``reject_stopped`` for at most a hundred, by whoever holds the lane."""
    waiting = Instruction.objects.filter(
        account_id=lane.account_id, state=InstructionState.PENDING, kind__in=_OPENING_KINDS
    )
    instructions = list(
        waiting.select_related("order__account", "exchange_order", "command").order_by("id")
    )
    why = stopped(lane.account_id, instructions)
    doomed = [each for each in instructions if each.pk in why][:_REJECTED_AT_ONCE]
    for instruction in doomed:
        reject_unsent(lane, instruction, why[instruction.pk])
    return len(doomed)


def _waiting(instruction: Instruction) -> Waiting:
    order, command = instruction.order, instruction.command
    return Waiting(
        order_id=order.pk,
        strategy_id=order.strategy_id,
        user_id=command.user_id if command else None,
        api_key_id=command.api_key_id if command else None,
        symbol=order.symbol,
    )
