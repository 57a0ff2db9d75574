"""Change price, trigger or quantity of a live order."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings

from accounts.models import Account
from accounts.permissions import Caller, require_strategy_visible, require_trade
from oms_project.errors import Conflict, Invalid, InvalidOrderState, OrderNotFound
from positions import rows
from positions.commands import ChangeOrder
from positions.engine.closing import check_close
from positions.engine.types import EditReplaceState, OrderStatus, OrderType, PositionMode, Side
from positions.models import (
    Command,
    Instruction,
    InstructionKind,
    InstructionState,
    Order,
)
from positions.ports import Intent, risk_gate
from positions.projector import replacing
from positions.projector.replacing import REPLACE
from positions.services import checks
from positions.services.context import Acceptance
from positions.services.send_order import Found, look_up_market
from positions.volumes import free_of

_LIVE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The order's values after the change; ``qty`` is the total, fills included."""

    qty: Decimal
    price: Decimal | None
    trigger_price: Decimal | None

    def as_payload(self) -> dict[str, str | None]:
        """The values as an instruction carries them."""
        return {
            "qty": rows.decimal_text(self.qty),
            "price": rows.decimal_text(self.price),
            "trigger_price": rows.decimal_text(self.trigger_price),
        }


def look_up(command: ChangeOrder, caller: Caller, account: Account) -> Found:
    """The market of the order.

    Raises:
        OrderNotFound: it does not exist for this caller.
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not change it.
    """
    order = Order.objects.filter(pk=command.order_id, account=account).first()
    missing = OrderNotFound(order_id=command.order_id)
    if order is None:
        raise missing
    require_strategy_visible(caller, account.pk, order.strategy_id, missing=missing)
    require_trade(caller, account.pk, order.strategy_id)
    return look_up_market(account, order.symbol)


def book(acceptance: Acceptance, command: ChangeOrder, found: Found) -> Command:
    """Queue an amendment where the exchange can amend, else a cancel to be followed by a new order.

    Raises:
        OmsError, EngineError: it was refused; the order stays as it is.
    """
    order = Order.objects.get(pk=command.order_id)
    checks.check_not_a_leg(order)
    current = order.exchange_orders.get(is_current=True)
    _check_state(order)
    wanted = _wanted(command, order)
    _check_change(acceptance, order, wanted, found)
    if command.new_trigger_price is not None and not replacing.waits(order, current):
        raise Invalid(
            "The order has triggered already.",
            field="new_trigger_price",
            limit="an order that waits for its trigger",
            value=command.new_trigger_price,
        )
    row = acceptance.store()
    # Exchanges amend plain limit orders; a trigger is always replaced.
    in_place = found.rules.edits_in_place and order.order_type == OrderType.LIMIT
    if not in_place:
        order.edit_replace_state = EditReplaceState.CREATE_PENDING
        order.updated_at = acceptance.lane.now
        order.save(update_fields=["edit_replace_state", "updated_at"])
        acceptance.lane.tell(
            "order_change_replace_pending", rows.order_row(order), strategy_id=order.strategy_id
        )
    Instruction.objects.create(
        account=acceptance.account,
        order=order,
        exchange_order=current,
        command=row,
        kind=InstructionKind.EDIT if in_place else InstructionKind.CANCEL,
        payload={REPLACE: wanted.as_payload()},
        send_before=acceptance.lane.now + timedelta(seconds=settings.OMS_SEND_WITHIN_S),
        created_at=acceptance.lane.now,
    )
    row.order_ids = [order.pk]
    row.save(update_fields=["order_ids"])
    acceptance.wake_exchange()
    return row


def _check_state(order: Order) -> None:
    if not order.reconciled:
        raise Invalid(
            "An unassigned external order cannot be changed: reassign it first, or cancel it.",
            field="order_id",
            limit="an assigned order",
            value=order.pk,
        )
    if order.status not in _LIVE:
        raise InvalidOrderState(
            f"A {order.status} order cannot be changed.",
            field="order_id",
            limit=[str(status) for status in _LIVE],
            value=order.status,
        )
    changing = order.instructions.exclude(state=InstructionState.SETTLED)
    if changing.exists() or order.cancel_requested_at is not None:
        raise Conflict(
            "Another change or a cancel of this order is on its way.",
            field="order_id",
            value=order.pk,
        )


def _wanted(command: ChangeOrder, order: Order) -> Wanted:
    wanted = Wanted(
        qty=order.qty if command.new_qty is None else command.new_qty,
        price=order.price if command.new_price is None else command.new_price,
        trigger_price=(
            order.trigger_price if command.new_trigger_price is None else command.new_trigger_price
        ),
    )
    if wanted == Wanted(order.qty, order.price, order.trigger_price):
        raise Invalid(
            "Nothing would change.",
            field="new_price, new_qty, new_trigger_price",
            limit="at least one new value",
        )
    if wanted.qty <= order.filled_qty:
        raise Invalid(
            "The new total is not above what is filled already.",
            field="new_qty",
            limit=order.filled_qty,
            value=wanted.qty,
        )
    return wanted


def _check_change(acceptance: Acceptance, order: Order, wanted: Wanted, found: Found) -> None:
    account = acceptance.account
    mode = PositionMode(account.position_mode)
    side, order_type = Side(order.side), OrderType(order.order_type)
    reduces = order.reduce_only or (order.closes_position and mode is PositionMode.HEDGE)
    remaining = wanted.qty - order.filled_qty
    checks.check_kind(
        found.rules,
        order_type=order_type,
        time_in_force=None,
        price=wanted.price,
        trigger_price=wanted.trigger_price,
    )
    checks.check_amounts(
        found.rules,
        qty=remaining,
        price=wanted.price,
        trigger_price=wanted.trigger_price,
        order_type=order_type,
        last_price=found.last_price,
        qty_field="new_qty",
        price_field="new_price",
        trigger_field="new_trigger_price",
        reduces=reduces,
    )
    if reduces and order.position is not None:
        check_close(
            remaining,
            volume=order.position.qty,
            free=free_of(order.position, except_order=order),
        )
    checks.check_held(account, found.rules, side=side, qty=remaining, instead_of=order)
    moved = (wanted.price, wanted.trigger_price) != (order.price, order.trigger_price)
    if wanted.qty > order.qty or moved:
        if not reduces:
            checks.check_account_active(account)
            checks.check_strategy(account, order.strategy_id)
        risk_gate().check(
            Intent(
                account_id=account.pk,
                strategy_id=order.strategy_id,
                user_id=acceptance.caller.user_id,
                api_key_id=acceptance.caller.api_key_id,
                market=found.rules.engine_market,
                side=side,
                qty=remaining,
                limit_price=wanted.price,
                price=wanted.price or wanted.trigger_price or found.last_price,
                last_price=found.last_price,
                reduces=reduces,
                closes=reduces and order.closes_position,
                position_mode=mode,
                order_id=order.pk,
            )
        )
