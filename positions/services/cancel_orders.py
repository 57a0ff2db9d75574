"""Take orders off the exchange."""

from accounts.models import Account
from accounts.rights.permissions import (
    Caller,
    require_cancel,
    require_strategy_visible,
    tradable_strategies,
)
from accounts.words import Right
from oms_project.errors import OrderNotFound
from positions.commands import CANCEL_ALL, CancelAllOrders, CancelOrder
from positions.engine.errors import InvalidOrderState
from positions.engine.orders import cancel_step
from positions.engine.types import CommandStatus, OrderStatus
from positions.models import Command, Order
from positions.projector.orders.cancelling import request_cancel
from positions.projector.orders.progress import settle_command
from positions.projector.orders.stopping import can_open
from positions.services import checks
from positions.services.context import Acceptance
from positions.services.targets import check_narrowing, narrowed


def look_up(command: CancelOrder | CancelAllOrders, caller: Caller, account: Account) -> None:
    """Nothing is needed from outside.

    Raises:
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not cancel here.
        Invalid, InvalidStrategyId: it names what the account does not have.
    """
    if isinstance(command, CancelAllOrders):
        for strategy_id in command.strategy_ids or ():
            require_cancel(caller, account.pk, strategy_id)
        if not (
            caller.may(account.pk, Right.TRADE) or caller.may(account.pk, Right.CLOSE_POSITION)
        ):
            require_cancel(caller, account.pk, 0)
        check_narrowing(command, account)


def book_some(acceptance: Acceptance, command: CancelOrder, found: None) -> Command:
    """Cancel the orders named; an order never sent is cancelled at once, without the exchange.

    Raises:
        OrderNotFound: one of them does not exist for this caller.
        InvalidOrderState: one of them ended otherwise than by a cancel.
        Conflict: one of them is a position's stop.
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
        _check_state(order)
        checks.check_not_a_leg(order)
        orders.append(order)
    return _cancel(acceptance, orders)


def _check_state(order: Order) -> None:
    try:
        cancel_step(OrderStatus(order.status))
    except InvalidOrderState as refusal:
        refusal.facts["order_id"] = order.pk  # One of many, perhaps.
        raise


def book_all(acceptance: Acceptance, command: CancelAllOrders, _: None) -> Command:
    """Cancel every open order of the account that the caller may cancel, or a part of them.

    The stops of its positions stay: they belong to the positions. Those of unassigned external
    orders stay: whoever wants them gone names them, or pulls a kill switch.
    """
    orders = Order.objects.open().without_legs().filter(narrowed(command, acceptance.account))
    if not command.openings_only:
        orders = orders.filter(reconciled=True)
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
        request_cancel(lane, order, command)
    command.order_ids = [order.pk for order in orders]
    command.save(update_fields=["order_ids"])
    if not orders:
        lane.settle(command, CommandStatus.COMPLETED)
        return command
    if command.kind == CANCEL_ALL:
        lane.tell(
            "orders_canceled_batch",
            {"command_id": command.pk, "order_ids": command.order_ids},
        )
    settle_command(lane, command)
    return command
