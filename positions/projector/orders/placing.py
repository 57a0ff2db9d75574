"""How does a decided order become rows that will be sent?"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from positions import rows
from positions.engine.types import (
    Expiry,
    GroupRole,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    TimeInForce,
    TriggerBy,
)
from positions.ids import new_exchange_client_order_id
from positions.models import (
    Command,
    ExchangeOrder,
    Instruction,
    InstructionKind,
    Order,
    Position,
)
from positions.outbox import HeldLane
from positions.projector.orders.caps import leg_of_a_closing_position


@dataclass(frozen=True, slots=True)
class Decided:
    """An order as it will be stored and sent.

    ``after`` is an order that has to end first: a stop at the exchange that holds what this one
    sells.
    """

    symbol: str
    side: Side
    order_type: OrderType
    qty: Decimal
    strategy_id: int
    reason: Reason
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    trailing: dict[str, str] | None = None
    trigger_by: TriggerBy | None = None
    time_in_force: TimeInForce | None = None
    expires_at: datetime | None = None
    expiry: Expiry | None = None
    comment: str = ""
    client_order_id: str | None = None
    stop_loss: Decimal | None = None
    stop_gain: Decimal | None = None
    position: Position | None = None
    closes_position: bool = False
    asks_for_all: bool = False
    reduce_only: bool = False
    exchange_reduce_only: bool = False
    group_id: int | None = None
    group_role: GroupRole | None = None
    after: Order | None = None
    params: dict[str, Any] = field(default_factory=dict)


def place(lane: HeldLane, decided: Decided, *, command: Command | None = None) -> Order:
    """Store an order, its order at the exchange and the instruction to create it; ring the bell.

    An order that brings stops begins a group of its own.
    """
    order = _order(lane, decided, command)
    leg = ExchangeOrder.objects.create(
        account_id=lane.account_id,
        order=order,
        symbol=decided.symbol,
        client_order_id=order.exchange_client_order_id,
        qty=decided.qty,
        price=decided.price,
        trigger_price=decided.trigger_price,
        reduce_only=decided.exchange_reduce_only,
        created_at=lane.now,
    )
    Instruction.objects.create(
        account_id=lane.account_id,
        order=order,
        exchange_order=leg,
        command=command,
        after_order=decided.after or _ending(lane, decided),
        kind=InstructionKind.CREATE,
        urgent=decided.closes_position or decided.group_role is not None,
        send_before=min(lane.now + _patience(decided.order_type), decided.expires_at or _NEVER),
        created_at=lane.now,
    )
    lane.tell("order_accepted", rows.order_row(order), strategy_id=order.strategy_id)
    if decided.closes_position or decided.side is Side.SELL:
        lane.touch(decided.symbol)  # What it promises is not there for a stop.
    lane.wake_exchange()
    return order


def _order(lane: HeldLane, decided: Decided, command: Command | None) -> Order:
    order = Order.objects.create(
        account_id=lane.account_id,
        command=command,
        symbol=decided.symbol,
        side=decided.side,
        order_type=decided.order_type,
        time_in_force=decided.time_in_force,
        status=OrderStatus.PENDING_SUBMIT,
        strategy_id=decided.strategy_id,
        position=decided.position,
        closes_position=decided.closes_position,
        asks_for_all=decided.asks_for_all,
        group_id=decided.group_id,
        group_role=decided.group_role,
        reason=decided.reason,
        comment=decided.comment,
        client_order_id=decided.client_order_id,
        exchange_client_order_id=new_exchange_client_order_id(),
        qty=decided.qty,
        price=decided.price,
        trigger_price=decided.trigger_price,
        trailing=decided.trailing,
        trigger_by=decided.trigger_by or _default_trigger(decided.order_type),
        expires_at=decided.expires_at,
        expiry=decided.expiry,
        stop_loss=decided.stop_loss,
        stop_gain=decided.stop_gain,
        reduce_only=decided.reduce_only,
        params=decided.params,
        created_at=lane.now,
        updated_at=lane.now,
    )
    if not (decided.stop_loss is decided.stop_gain is None):
        order.group_id, order.group_role = order.pk, GroupRole.ENTRY
        order.save(update_fields=["group_id", "group_role"])
    return order


def _default_trigger(order_type: OrderType) -> TriggerBy | None:
    return TriggerBy.LAST if order_type.is_conditional else None


_NEVER = datetime.max.replace(tzinfo=UTC)


def _ending(lane: HeldLane, decided: Decided) -> Order | None:
    """A stop that is being taken back beside a close: what adds to its net waits for its end."""
    if decided.closes_position or decided.group_role is not None:
        return None
    return leg_of_a_closing_position(lane.account_id, decided.symbol, decided.side)


def _patience(order_type: OrderType) -> timedelta:
    """How long an order may wait to be sent: a market order is about the price of now."""
    market = order_type is OrderType.MARKET
    return timedelta(
        seconds=settings.OMS_MARKET_SEND_WITHIN_S if market else settings.OMS_SEND_WITHIN_S
    )
