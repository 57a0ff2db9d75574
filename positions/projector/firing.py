"""How does the OMS close a position whose trigger was reached?

By a reduce-only market order for what no other close has been promised; what that leaves unfilled
is fired again. It asks no risk control: a blocked account's stops still work.
"""

from decimal import Decimal

from positions.engine.closing import FullClose, exchange_may_reduce_only, plan_full_close
from positions.engine.errors import CloseInProgress, ValidationError
from positions.engine.money import ZERO, floor_to_step
from positions.engine.types import (
    CaseKind,
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
from positions.ports import MarketRules
from positions.projector.cancelling import request_cancel
from positions.projector.cases import open_case, subject_of
from positions.projector.dust import steps_of, write_off
from positions.projector.holdings import tell_position
from positions.projector.placing import Decided, place
from positions.volumes import exchange_net, free_of, held_on_spot

REASONS = {GroupRole.STOP_LOSS: Reason.SL, GroupRole.TAKE_PROFIT: Reason.TP}
_CANCELLABLE = (OrderStatus.PENDING_SUBMIT, OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)


def fire(
    lane: HeldLane, trigger: Trigger, position: Position, rules: MarketRules, *, after: Order | None
) -> Order | None:
    """Close what is free of the position; ``after`` is a leg that has to end before.

    Closes of the position that rest are cancelled: what they were promised is fired once they
    ended. Returns None where nothing can be sold now.
    """
    _cancel_resting_closes(lane, position)
    free = free_of(position)
    try:
        plan = _plan(lane, position, rules, free)
    except CloseInProgress:
        return None
    except ValidationError:
        open_blocked(lane, trigger, position, sold=ZERO)
        return None
    if plan.to_dust:
        if free == position.qty:  # Else a close is under way, and what it leaves is judged then.
            write_off(lane, position, plan.to_dust, rules.engine_market)
        return None
    if plan.send < floor_to_step(free, rules.amount_step):
        open_blocked(lane, trigger, position, sold=plan.send)
    most = rules.max_market_amount or rules.max_amount or plan.send
    return _close(lane, trigger, position, rules, qty=min(plan.send, most), after=after)


def open_blocked(
    lane: HeldLane, trigger: Trigger, position: Position, *, sold: Decimal, why: str = ""
) -> None:
    """A person has to look: a reached trigger cannot close all of its position."""
    open_case(
        lane,
        CaseKind.PROTECTION_BLOCKED,
        subject_of(position),
        symbol=position.symbol,
        strategy_id=position.strategy_id,
        position=position,
        facts={
            "role": str(trigger.role),
            "volume": position.qty,
            "sold": sold,
            "failures": trigger.failures,
            "why": why or "less is held than the position's volume",
        },
        proposal="Retried whenever the net changes; close or reassign what stands against it.",
    )


def _plan(lane: HeldLane, position: Position, rules: MarketRules, free: Decimal) -> FullClose:
    """How to close what is free: on spot no more than is held."""
    held = None
    if rules.kind is MarketKind.SPOT and position.side == Side.BUY:
        held = held_on_spot(lane.account_id, rules.base, protecting=position)
    return plan_full_close(free, steps=steps_of(rules, OrderType.MARKET), held=held)


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
    after: Order | None,
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
            exchange_reduce_only=exchange_may_reduce_only(
                side,
                qty,
                exchange_net=exchange_net(lane.account_id, position.symbol),
                market=rules.engine_market,
            ),
            group_id=position.ticket,
            group_role=role,
            after=after,
        ),
    )
