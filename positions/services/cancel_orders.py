"""Take orders off the exchange."""

from accounts.models import Account
from accounts.permissions import (
    Caller,
    require_cancel,
    require_strategy_visible,
    tradable_strategies,
)
from accounts.words import Right
from oms_project.errors import OrderNotFound
from positions.commands import CancelAllOrders, CancelOrder
from positions.engine.orders import CancelStep, cancel_step
from positions.engine.types import CommandStatus, OrderStatus
from positions.models import (
    Command,
    Instruction,
    InstructionKind,
    InstructionState,
    Order,
)
from positions.projector.outcomes import cancel_unsent
from positions.projector.progress import follow, move, settle_command, settle_instruction
from positions.projector.stopping import can_open
from positions.services.context import Acceptance


def look_up(command: CancelOrder | CancelAllOrders, caller: Caller, account: Account) -> None:
    """Nothing is needed from outside.

    Raises:
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not cancel here.
    """
    if isinstance(command, CancelAllOrders):
        for strategy_id in command.strategy_ids or ():
            require_cancel(caller, account.pk, strategy_id)
        if not (
            caller.may(account.pk, Right.TRADE) or caller.may(account.pk, Right.CLOSE_POSITION)
        ):
            require_cancel(caller, account.pk, 0)


def book_some(acceptance: Acceptance, command: CancelOrder, found: None) -> Command:
    """Cancel the orders named; an order never sent is cancelled at once, without the exchange.

    Raises:
        OrderNotFound: one of them does not exist for this caller.
        InvalidOrderState: one of them ended otherwise than by a cancel.
    """
    caller, account = acceptance.caller, acceptance.account
    by_id = Order.objects.filter(account=account).in_bulk(command.order_ids)
    orders = []
    for order_id in command.order_ids:
        order = by_id.get(order_id)
        if order is None:
            raise OrderNotFound(order_id=order_id)
        require_strategy_visible(
            caller, account.pk, order.strategy_id, missing=OrderNotFound(order_id=order_id)
        )
        require_cancel(caller, account.pk, order.strategy_id)
        cancel_step(OrderStatus(order.status))
        orders.append(order)
    return _cancel(acceptance, orders)


def book_all(acceptance: Acceptance, command: CancelAllOrders, _: None) -> Command:
    """Cancel every open order of the account that the caller may cancel, or a part of them.

    Those of unassigned external orders stay: whoever wants them gone names them.
    """
    orders = Order.objects.open().filter(account=acceptance.account, reconciled=True)
    if command.symbol is not None:
        orders = orders.filter(symbol=command.symbol)
    if command.strategy_ids is not None:
        orders = orders.filter(strategy_id__in=command.strategy_ids)
    if command.given_by is not None:
        orders = orders.filter(command__user_id=command.given_by)
    own = tradable_strategies(acceptance.caller, acceptance.account.pk)
    if own is not None:
        orders = orders.filter(strategy_id__in=own)
    found = list(orders.select_related("account").order_by("id"))
    if command.openings_only:
        found = [each for each in found if can_open(each) and each.cancel_requested_at is None]
    return _cancel(acceptance, found)


def _cancel(acceptance: Acceptance, orders: list[Order]) -> Command:
    lane = acceptance.lane
    command = acceptance.store()
    for order in orders:
        _cancel_one(acceptance, command, order)
    command.order_ids = [order.pk for order in orders]
    command.save(update_fields=["order_ids"])
    if not orders:
        lane.settle(command, CommandStatus.COMPLETED)
        return command
    if command.kind == "cancel_all_orders":
        lane.tell(
            "orders_canceled_batch",
            {"command_id": command.pk, "order_ids": command.order_ids},
        )
    settle_command(lane, command)
    acceptance.wake_exchange()
    return command


def _cancel_one(acceptance: Acceptance, command: Command, order: Order) -> None:
    """Queue the cancel; it is settled at once where the exchange need not be asked."""
    lane = acceptance.lane
    step = cancel_step(OrderStatus(order.status))
    order.cancel_requested_at = lane.now
    leg = order.exchange_orders.get(is_current=True)
    cancel = Instruction.objects.create(
        account=acceptance.account,
        order=order,
        exchange_order=leg,
        command=command,
        kind=InstructionKind.CANCEL,
        urgent=True,
        created_at=lane.now,
    )
    match step:
        case CancelStep.LOCALLY:
            order.note = "Cancelled before it was sent."
            move(lane, order, OrderStatus.CANCELED)
            follow(lane, order)
        case CancelStep.ALREADY:
            settle_instruction(lane, cancel)
        case CancelStep.AT_VENUE | CancelStep.WISH:
            if step is CancelStep.WISH:
                order.next_check_at = order.next_check_at or lane.now
            order.save(update_fields=["cancel_requested_at", "next_check_at"])
            _drop_replacement(acceptance, order)


def _drop_replacement(acceptance: Acceptance, order: Order) -> None:
    """A replacement that was not sent yet will not be: whoever cancels wants nothing to follow."""
    unsent = order.instructions.filter(kind=InstructionKind.CREATE, state=InstructionState.PENDING)
    if create := unsent.select_related("command").first():
        cancel_unsent(acceptance.lane, order, create)
