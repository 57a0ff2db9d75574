"""What becomes of a close that the exchange refused by a rule of its market, or for its net?

Its rules have changed since we read them; by now they were read anew (``gateway.sending.lanes``).
The close is planned again by them, smaller or not at all, and what the new rules leave over is dust
or ``unclosable``, as after any close. Told ``reduce only``, it may have come after another order
that took the net from it: then it is planned again without that word.
"""

from datetime import timedelta
from decimal import Decimal

from django.conf import settings

from oms_project.errors import OmsError, OrderRejected
from positions.engine.money import ZERO, exact, floor_to_step, plain
from positions.engine.orders import Proof
from positions.engine.types import (
    MarketFilter,
    OrderStatus,
    OrderType,
)
from positions.ids import new_exchange_client_order_id
from positions.models import ExchangeOrder, Instruction, InstructionKind, Order
from positions.outbox import HeldLane
from positions.ports import MarketRules, exchange
from positions.projector.booking.closable import told_reduce_only
from positions.projector.booking.dust import settle_remainder
from positions.projector.orders import replacing
from positions.projector.orders.caps import leg_before
from positions.projector.orders.flags import loses_its_cap
from positions.projector.orders.progress import move, settle_instruction


def filter_of(error: OmsError) -> MarketFilter | None:
    """The rule of the market that a refusal speaks of."""
    named = error.details.get("filter") if isinstance(error, OrderRejected) else None
    return None if named is None else MarketFilter(named)


def plan_again(lane: HeldLane, create: Instruction, error: OmsError) -> bool:
    """Send the refused close as the market's rules and the net of now allow; whether it goes on.

    It does only where that is another size, or no longer told ``reduce only``, so it ends.
    """
    order, refused = create.order, create.exchange_order
    is_wanted = order.cancel_requested_at is None
    if not (is_wanted and _is_fresh_close(create)):
        return False
    if filter_of(error) is None:
        return _send_bare(lane, create, error)
    rules = exchange().known_market(lane.account_id, order.symbol)
    if rules is None or not rules.active or not _keeps_tick(order, rules):
        return False
    left = floor_to_step(order.qty - order.filled_qty, rules.amount_step)
    if left >= refused.qty or left < _least(order, rules):
        return False
    _send_again(lane, create, rules, left, why=str(filter_of(error)))
    return True


def settle_refused(lane: HeldLane, order: Order, error: OmsError) -> None:
    """A close of everything that the rules of now do not let pass: dust, or ``unclosable``."""
    if filter_of(error) in (None, MarketFilter.STATUS) or order.is_open or order.filled_qty:
        return
    if not (order.closes_position and order.asks_for_all) or order.position_id is None:
        return
    rules = exchange().known_market(lane.account_id, order.symbol)
    if rules is not None and rules.active:
        too_little = filter_of(error) is MarketFilter.VALUE
        settle_remainder(lane, order, rules, refused_for_value=too_little)


def _send_bare(lane: HeldLane, create: Instruction, error: OmsError) -> bool:
    """Send it without ``reduce only`` where another order took the net from it on the way there."""
    order, refused = create.order, create.exchange_order
    if not isinstance(error, OrderRejected) or not loses_its_cap(create):
        return False
    position = order.position
    rules = exchange().known_market(lane.account_id, order.symbol)
    is_left = position.side != order.side and position.qty >= refused.qty
    if rules is None or not rules.active or not is_left:
        return False
    _send_again(lane, create, rules, refused.qty, why="the net was taken")
    return True


def _is_fresh_close(create: Instruction) -> bool:
    order = create.order
    is_first = create.kind == InstructionKind.CREATE and not replacing.is_replacement(order)
    return is_first and order.closes_position and order.status == OrderStatus.SENDING


@exact
def _keeps_tick(order: Order, rules: MarketRules) -> bool:
    step = rules.price_step
    prices = [price for price in (order.price, order.trigger_price) if price is not None]
    return not step or all(price % step == ZERO for price in prices)


def _least(order: Order, rules: MarketRules) -> Decimal:
    at_market = OrderType(order.order_type).at_market
    least = (rules.min_market_amount if at_market else None) or rules.min_amount or ZERO
    return max(least, rules.amount_step or ZERO)


def _send_again(
    lane: HeldLane, create: Instruction, rules: MarketRules, left: Decimal, *, why: str
) -> None:
    order, refused = create.order, create.exchange_order
    refused.reported_status, refused.is_current = OrderStatus.REJECTED, False
    refused.save(update_fields=["reported_status", "is_current"])
    settle_instruction(lane, create)
    leg = ExchangeOrder.objects.create(
        account_id=lane.account_id,
        order=order,
        symbol=order.symbol,
        client_order_id=new_exchange_client_order_id(),
        qty=left,
        price=refused.price,
        trigger_price=refused.trigger_price,
        reduce_only=order.reduce_only and told_reduce_only(order.position, rules, left),
        created_at=lane.now,
    )
    Instruction.objects.create(
        account_id=lane.account_id,
        order=order,
        exchange_order=leg,
        command=create.command,
        after_order=leg_before(order.position, rules),
        kind=InstructionKind.CREATE,
        urgent=True,
        send_before=lane.now + timedelta(seconds=settings.OMS_SEND_WITHIN_S),
        created_at=lane.now,
    )
    order.note = f"Refused as {plain(refused.qty)} ({why}): planned again as {plain(left)}."
    order.qty = order.filled_qty + left
    order.exchange_client_order_id = leg.client_order_id
    order.exchange_order_id = None
    move(lane, order, OrderStatus.PENDING_SUBMIT, Proof.NOT_EXECUTED)
    lane.touch(order.symbol)
    lane.wake_exchange()
