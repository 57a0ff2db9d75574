"""What becomes of a close that waited for a stop at the exchange to end?

Every close of a position is queued behind the cancel of its stops; if one was faster, the close
takes what that left, or nothing.
"""

from decimal import Decimal

from positions.engine.money import ZERO, exact, floor_to_step
from positions.engine.types import MarketKind, Side
from positions.models import Instruction, InstructionState
from positions.outbox import HeldLane
from positions.ports import MarketRules
from positions.projector.booking.closable import told_reduce_only
from positions.projector.orders.caps import leg_before
from positions.projector.orders.outcomes import cancel_unsent
from positions.volumes import free_of, held_on_spot

_RELATED = ("order__position__account", "exchange_order", "after_order", "command")
_STOPPED = "The position's stop was faster: "
_SHRUNK = "Less was left to close than was asked: "


def release_waiting(lane: HeldLane, rules: MarketRules) -> None:
    """Let go the orders whose legs have ended; they close no more than those left."""
    waiting = Instruction.objects.filter(
        account_id=lane.account_id,
        order__symbol=rules.symbol,
        state=InstructionState.PENDING,
        after_order__is_open=False,
    )
    numbers = list(waiting.order_by("id").values_list("pk", flat=True))
    for number in numbers:  # Few, if any: the wide row is read only where there is one.
        create = Instruction.objects.select_related(*_RELATED).get(pk=number)
        if _waits_on(create, rules) or not _shrink(lane, create, rules):
            continue
        create.after_order = None
        create.save(update_fields=["after_order"])
        lane.wake_exchange()


def _waits_on(create: Instruction, rules: MarketRules) -> bool:
    """Whether another stop of the position is alive: a stop and a take-profit may both rest."""
    position = create.order.position
    if position is None or not _closes(create, rules):
        return False
    leg = leg_before(position, rules)
    if leg is None:
        return False
    create.after_order = leg
    create.save(update_fields=["after_order"])
    return True


def _closes(create: Instruction, rules: MarketRules) -> bool:
    order = create.order
    return order.closes_position or (rules.kind is MarketKind.SPOT and order.side == Side.SELL)


@exact
def _shrink(lane: HeldLane, create: Instruction, rules: MarketRules) -> bool:
    """Whether anything is left to close after what it waited for; no more than that."""
    if not _closes(create, rules):
        return True
    order, leg = create.order, create.exchange_order
    left = floor_to_step(_left(lane, create, rules), rules.amount_step)
    why = _STOPPED if create.after_order.filled_qty else _SHRUNK
    if left <= ZERO or (rules.min_amount is not None and left < rules.min_amount):
        order.note = f"{why}nothing is left to close."
        cancel_unsent(lane, order, create)
        return False
    if left < order.qty:
        order.qty = leg.qty = left
        order.note = f"{why}only what it left is closed."
        order.save(update_fields=["qty", "note"])
    if order.reduce_only and order.position is not None:
        leg.reduce_only = told_reduce_only(order.position, rules, order.qty)
    leg.save(update_fields=["qty", "reduce_only"])
    return True


def _left(lane: HeldLane, create: Instruction, rules: MarketRules) -> Decimal:
    order = create.order
    left = order.qty
    if order.closes_position and order.position is not None:
        is_turned = order.position.side == order.side
        left = ZERO if is_turned else min(left, free_of(order.position, except_order=order))
    if order.side == Side.SELL and rules.kind is MarketKind.SPOT:
        left = min(left, held_on_spot(lane.account_id, rules.base, instead_of=order))
    return max(left, ZERO)
