"""Is the exchange still to be told, when a close leaves, that it may only reduce?

That was decided when the close was accepted. Where strategies share the exchange's net, another
market order on its side may have been accepted since, and whichever fills first takes the net from
the other: told ``reduce only``, that one would be cut or refused. So it is told only where the net
is enough for both; else the OMS alone keeps it from closing more than its position holds.
"""

from positions.engine.types import OrderType
from positions.models import Instruction, InstructionKind
from positions.outbox import HeldLane
from positions.ports import exchange, is_worth_too_little
from positions.projector.booking.closable import told_reduce_only
from positions.projector.orders.caps import leg_before


def may_go(lane: HeldLane, instruction: Instruction) -> bool:
    """Take the word off a close for which the net is not enough any more; whether it can be sent.

    Not where a stop of its position lives, which only the exchange's cap let it go beside: then it
    waits for the stop's end.
    """
    if not loses_its_cap(instruction):
        return True
    order, leg = instruction.order, instruction.exchange_order
    leg.reduce_only = False
    leg.save(update_fields=["reduce_only"])
    lane.touch(order.symbol)
    rules = exchange().known_market(lane.account_id, order.symbol)
    assert rules is not None
    assert order.position is not None
    instruction.after_order = leg_before(order.position, rules)
    instruction.save(update_fields=["after_order"])
    return instruction.after_order is None


def loses_its_cap(create: Instruction) -> bool:
    """Whether a close is told ``reduce only``, and the exchange's net does not allow that any more.

    Never what the exchange takes only because it is told so: without, it is worth too little.
    """
    order, leg = create.order, create.exchange_order
    is_told = create.kind == InstructionKind.CREATE and leg.reduce_only
    if not is_told or order.is_leg or OrderType(order.order_type).is_conditional:
        return False
    rules = exchange().known_market(create.account_id, order.symbol)
    if rules is None or order.position is None:
        return False
    if told_reduce_only(order.position, rules, leg.qty):
        return False
    price = order.price or exchange().last_price(create.account_id, order.symbol)
    return not is_worth_too_little(rules, leg.qty, price=price, told_reduce_only=False)
