"""How does the OMS close a position whose trigger was reached?

By a reduce-only market order for what no other close has been promised; what that leaves unfilled
is fired again. It asks no risk control: a blocked account's stops still work.
"""

from decimal import Decimal

from positions.engine.closing import FullClose, plan_full_close
from positions.engine.errors import CloseInProgress, ValidationError
from positions.engine.money import ZERO, floor_to_step
from positions.engine.types import (
    GroupRole,
    MarketKind,
    OrderStatus,
    OrderType,
    PositionState,
    Reason,
    Side,
)
from positions.models import Order, Position, Trigger
from positions.outbox import HeldLane
from positions.ports import MarketRules, exchange
from positions.projector.booking.closable import flag_unclosable, told_reduce_only
from positions.projector.booking.dust import steps_of, write_off
from positions.projector.booking.holdings import tell_position
from positions.projector.hindrances.blocked import open_blocked
from positions.projector.hindrances.elsewhere import open_elsewhere, within_the_net
from positions.projector.orders.cancelling import request_cancel
from positions.projector.orders.caps import is_capped, leg_before, unpromised
from positions.projector.orders.placing import Decided, place
from positions.projector.protection.worth import is_too_small
from positions.volumes import free_of, held_on_spot

REASONS = {GroupRole.STOP_LOSS: Reason.SL, GroupRole.TAKE_PROFIT: Reason.TP}
_CANCELLABLE = (OrderStatus.PENDING_SUBMIT, OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)


def fire(lane: HeldLane, trigger: Trigger, position: Position, rules: MarketRules) -> Order | None:
    """Close what is free of the position, once no other leg of it is at the exchange.

    Closes of the position that rest are cancelled: what they were promised is fired once they
    ended, or at once where reduce-only at the exchange caps all of them together. Returns None
    where nothing can be sold now.
    """
    _cancel_resting_closes(lane, position)
    free = unpromised(position) if is_capped(position, rules) else free_of(position)
    allowed = within_the_net(position, rules, free, promised=position.qty - free)
    if allowed < free:
        open_elsewhere(lane, trigger, position, sold=allowed)
        if allowed <= ZERO:
            return None
    free = allowed
    try:  # Where other closes hold the volume, what they leave is fired once they ended.
        plan = _plan(lane, position, rules, free)
    except CloseInProgress:
        return None
    except ValidationError:
        open_blocked(lane, trigger, position, sold=ZERO)
        return None
    if plan.to_dust:
        write_off(lane, position, plan.to_dust, rules.engine_market)
        return None
    if plan.send < floor_to_step(free, rules.amount_step):
        open_blocked(lane, trigger, position, sold=plan.send)
    most = rules.max_market_amount or rules.max_amount or plan.send
    qty = min(plan.send, most)
    price = exchange().last_price(lane.account_id, rules.symbol)
    if is_too_small(position, rules, qty, price=price):
        flag_unclosable(lane, position, rules, price)  # Nothing is sent that would be refused.
        return None
    return _close(lane, trigger, position, rules, qty=qty)


def _plan(lane: HeldLane, position: Position, rules: MarketRules, free: Decimal) -> FullClose:
    """How to close what is free: on spot no more than is held."""
    held = None
    if rules.kind is MarketKind.SPOT and position.side == Side.BUY:
        held = held_on_spot(lane.account_id, rules.base, protecting=position)
    steps = steps_of(rules, OrderType.MARKET)
    return plan_full_close(free, volume=position.qty, steps=steps, held=held)


def _cancel_resting_closes(lane: HeldLane, position: Position) -> None:
    resting = Order.objects.open().filter(
        position=position,
        closes_position=True,
        cancel_requested_at=None,
        status__in=_CANCELLABLE,
    )
    for order in resting.exclude(order_type=OrderType.MARKET).order_by("id"):
        request_cancel(lane, order)


def _close(
    lane: HeldLane,
    trigger: Trigger,
    position: Position,
    rules: MarketRules,
    *,
    qty: Decimal,
) -> Order:
    side, role = Side(position.side).opposite, GroupRole(trigger.role)
    position.state = PositionState.CLOSE_REQUESTED
    position.updated_at = lane.now
    position.save(update_fields=["state", "updated_at"])
    tell_position(lane, "position_updated", position)
    return place(
        lane,
        Decided(
            symbol=position.symbol,
            side=side,
            order_type=OrderType.MARKET,
            qty=qty,
            strategy_id=position.strategy_id,
            reason=REASONS[role],
            position=position,
            closes_position=True,
            asks_for_all=qty == floor_to_step(position.qty, rules.amount_step),
            reduce_only=True,
            exchange_reduce_only=told_reduce_only(position, rules, qty),
            group_id=position.ticket,
            group_role=role,
            after=leg_before(position, rules),
        ),
    )
