"""Change price, trigger or quantity of a live order."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.models import Account
from accounts.rights.permissions import Caller, require_strategy_visible, require_trade
from oms_project.errors import Conflict, Invalid, InvalidOrderState, OmsError, OrderNotFound
from positions.commands import ChangeOrder
from positions.engine.closing import check_close
from positions.engine.errors import EngineError
from positions.engine.stops import check_stops
from positions.engine.types import OrderStatus, OrderType, PositionMode, Side
from positions.models import Command, InstructionState, Order
from positions.ports import Intent, Valued, risk_gate
from positions.projector.orders import replacing
from positions.projector.orders.replacing import Wanted
from positions.services import checks
from positions.services.among_others import require_symbol_to_itself
from positions.services.context import Acceptance
from positions.services.pricing import Found, look_up_market
from positions.volumes import free_of

_LIVE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)


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
    return look_up_market(
        account, order.symbol, needs=_prices_needed(command, caller, account, order)
    )


def _prices_needed(
    command: ChangeOrder, caller: Caller, account: Account, order: Order
) -> frozenset[str]:
    """Of which symbols a price decides whether the changed order may stand."""
    if order.reduce_only or order.closes_position:
        return frozenset()
    wanted = _wanted_of(command, order)
    needed = risk_gate().prices_needed(
        Valued(
            account_id=account.pk,
            strategy_id=order.strategy_id,
            api_key_id=caller.api_key_id,
            symbol=order.symbol,
            side=Side(order.side),
            limit_price=wanted.price,
            trigger_price=wanted.trigger_price,
        )
    )
    has_stops = not (order.stop_loss is order.stop_gain is None)
    return needed | {order.symbol} if has_stops else needed


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
    replacing.request_change(
        acceptance.lane,
        order,
        current,
        wanted,
        # Exchanges amend plain limit orders; a trigger is always replaced.
        in_place=found.rules.edits_in_place and order.order_type == OrderType.LIMIT,
        command=row,
    )
    row.order_ids = [order.pk]
    row.save(update_fields=["order_ids"])
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


def _wanted_of(command: ChangeOrder, order: Order) -> Wanted:
    return Wanted(
        qty=order.qty if command.new_qty is None else command.new_qty,
        price=order.price if command.new_price is None else command.new_price,
        trigger_price=(
            order.trigger_price if command.new_trigger_price is None else command.new_trigger_price
        ),
    )


def _wanted(command: ChangeOrder, order: Order) -> Wanted:
    wanted = _wanted_of(command, order)
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
    mode = PositionMode(acceptance.account.position_mode)
    reduces = order.reduce_only or (order.closes_position and mode is PositionMode.HEDGE)
    moved = (wanted.price, wanted.trigger_price) != (order.price, order.trigger_price)
    with _named_as_given(order):
        _check_fits(acceptance.account, order, wanted, found, reduces=reduces)
    if moved and not (order.stop_loss is order.stop_gain is None):
        side = Side(order.side)
        check_stops(
            side,
            stop_loss=order.stop_loss,
            stop_gain=order.stop_gain,
            mark=found.entry_price(side, wanted.price, wanted.trigger_price),
        )
    if wanted.qty > order.qty or moved:
        _check_allowed(acceptance, order, wanted, found, reduces=reduces)


@contextmanager
def _named_as_given(order: Order) -> Iterator[None]:
    """A refusal names the fields of the change; its quantities are totals, fills included."""
    try:
        yield
    except (OmsError, EngineError) as refusal:
        facts = refusal.details if isinstance(refusal, OmsError) else refusal.facts
        if facts.get("field") == "qty":
            facts["limit"] += order.filled_qty
            facts["value"] += order.filled_qty
        if facts.get("field") in ("qty", "price", "trigger_price"):
            facts["field"] = f"new_{facts['field']}"
        raise


def _check_fits(
    account: Account, order: Order, wanted: Wanted, found: Found, *, reduces: bool
) -> None:
    """The market takes what is left of it, and what it reduces or sells is there."""
    side, order_type = Side(order.side), OrderType(order.order_type)
    remaining = wanted.qty - order.filled_qty
    told = order.exchange_orders.get(is_current=True).reduce_only
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
        told_reduce_only=told,
    )
    if reduces and order.position is not None:
        check_close(
            remaining,
            volume=order.position.qty,
            free=free_of(order.position, except_order=order),
        )
    checks.check_held(account, found.rules, side=side, qty=remaining, instead_of=order)


def _check_allowed(
    acceptance: Acceptance, order: Order, wanted: Wanted, found: Found, *, reduces: bool
) -> None:
    """What grows or moves may be given now as a new order may; the risk desk is asked."""
    account = acceptance.account
    if not reduces:
        require_symbol_to_itself(acceptance.caller, account, order.symbol)
        checks.check_account_active(account)
        checks.check_strategy(account, order.strategy_id)
    risk_gate().check(
        Intent(
            account_id=account.pk,
            strategy_id=order.strategy_id,
            user_id=acceptance.caller.user_id,
            api_key_id=acceptance.caller.api_key_id,
            market=found.rules.engine_market,
            side=Side(order.side),
            qty=wanted.qty - order.filled_qty,
            limit_price=wanted.price,
            price=wanted.price or wanted.trigger_price or found.last_price,
            last_price=found.last_price,
            prices=found.prices,
            unpriced=found.unpriced,
            reduces=reduces,
            closes=reduces and order.closes_position,
            position_mode=PositionMode(account.position_mode),
            order_id=order.pk,
        )
    )
