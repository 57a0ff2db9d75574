"""How does a decided order become rows that will be sent?"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from positions import rows
from positions.engine.types import OrderStatus, OrderType, Reason, Side, TimeInForce
from positions.ids import new_exchange_client_order_id
from positions.models import (
    Command,
    ExchangeOrder,
    Instruction,
    InstructionKind,
    Order,
    Position,
)
from positions.services.context import Acceptance


@dataclass(frozen=True, slots=True)
class Decided:
    """An order as it will be stored and sent."""

    symbol: str
    side: Side
    order_type: OrderType
    qty: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    time_in_force: TimeInForce | None
    expires_at: datetime | None
    strategy_id: int
    reason: Reason
    comment: str
    client_order_id: str | None
    trailing: dict[str, str] | None = None
    position: Position | None = None
    closes_position: bool = False
    asks_for_all: bool = False
    reduce_only: bool = False
    exchange_reduce_only: bool = False
    params: dict[str, Any] = field(default_factory=dict)


def submit(acceptance: Acceptance, decided: Decided) -> Command:
    """Store command, order, its order at the exchange and the instruction to create it."""
    lane = acceptance.lane
    command = acceptance.store()
    our_id = new_exchange_client_order_id()
    order = Order.objects.create(
        account=acceptance.account,
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
        reason=decided.reason,
        comment=decided.comment,
        client_order_id=decided.client_order_id,
        exchange_client_order_id=our_id,
        qty=decided.qty,
        price=decided.price,
        trigger_price=decided.trigger_price,
        trailing=decided.trailing,
        expires_at=decided.expires_at,
        reduce_only=decided.reduce_only,
        params=decided.params,
        created_at=lane.now,
        updated_at=lane.now,
    )
    leg = ExchangeOrder.objects.create(
        account=acceptance.account,
        order=order,
        symbol=decided.symbol,
        client_order_id=our_id,
        qty=decided.qty,
        price=decided.price,
        trigger_price=decided.trigger_price,
        reduce_only=decided.exchange_reduce_only,
        created_at=lane.now,
    )
    Instruction.objects.create(
        account=acceptance.account,
        order=order,
        exchange_order=leg,
        command=command,
        kind=InstructionKind.CREATE,
        urgent=decided.closes_position,
        send_before=lane.now + _patience(decided.order_type),
        created_at=lane.now,
    )
    command.order_ids = [order.pk]
    if decided.position is not None:
        command.position_ids = [decided.position.pk]
    command.save(update_fields=["order_ids", "position_ids"])
    lane.tell("order_accepted", rows.order_row(order), strategy_id=order.strategy_id)
    acceptance.wake_exchange()
    return command


def _patience(order_type: OrderType) -> timedelta:
    """How long an order may wait to be sent: a market order is about the price of now."""
    market = order_type is OrderType.MARKET
    return timedelta(
        seconds=settings.OMS_MARKET_SEND_WITHIN_S if market else settings.OMS_SEND_WITHIN_S
    )
