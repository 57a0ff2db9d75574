"""What becomes of a sell that waited for a stop at the exchange to end?

On spot a stop holds the coins it would sell. Every close of its position is queued behind its
cancel; if the stop was faster, the close sells what that left, or nothing.
"""

from positions.engine.money import ZERO, exact, floor_to_step
from positions.engine.types import MarketKind, Side
from positions.models import Instruction, InstructionState
from positions.outbox import HeldLane
from positions.ports import MarketRules
from positions.projector.outcomes import cancel_unsent
from positions.volumes import free_of, held_on_spot

_RELATED = ("order", "exchange_order", "after_order", "command")


def release_waiting(lane: HeldLane, rules: MarketRules) -> None:
    """Let go the orders whose leg has ended; where it filled, they close what it left."""
    waiting = Instruction.objects.filter(
        account_id=lane.account_id,
        order__symbol=rules.symbol,
        state=InstructionState.PENDING,
        after_order__is_open=False,
    )
    numbers = list(waiting.order_by("id").values_list("pk", flat=True))
    for number in numbers:  # Few, if any: the wide row is read only where there is one.
        create = Instruction.objects.select_related(*_RELATED).get(pk=number)
        if create.after_order.filled_qty and not _shrink(lane, create, rules):
            continue
        create.after_order = None
        create.save(update_fields=["after_order"])
        lane.wake_exchange()


@exact
def _shrink(lane: HeldLane, create: Instruction, rules: MarketRules) -> bool:
    """Whether anything is left to close after a stop that was faster; no more than that."""
    order, leg = create.order, create.exchange_order
    left = order.qty
    if order.closes_position and order.position is not None:
        left = min(left, free_of(order.position, except_order=order))
    if order.side == Side.SELL and rules.kind is MarketKind.SPOT:
        left = min(left, held_on_spot(lane.account_id, rules.base, instead_of=order))
    left = floor_to_step(max(left, ZERO), rules.amount_step)
    if left <= ZERO or (rules.min_amount is not None and left < rules.min_amount):
        order.note = "The position's stop was faster: nothing is left to close."
        cancel_unsent(lane, order, create)
        return False
    if left < order.qty:
        order.qty = leg.qty = left
        order.note = "The position's stop was faster: only what it left is closed."
        order.save(update_fields=["qty", "note"])
        leg.save(update_fields=["qty"])
    return True
