"""Give orders, with all that they did, to another strategy.

All or nothing: every account concerned is held, in the order of the ids, until all is booked.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any

from accounts import audit
from accounts.audit import Actor
from accounts.models import Account
from accounts.rights.permissions import (
    Caller,
    require_read_all,
    require_reassign,
    require_strategy_visible,
)
from oms_project.errors import (
    AccountNotFound,
    Conflict,
    Invalid,
    InvalidPositionId,
    OrderNotFound,
    error_class,
)
from positions.commands import OrderFilter, Reassign
from positions.engine.errors import EngineError
from positions.engine.types import PositionMode
from positions.models import Order, Position
from positions.outbox import HeldLane, holding
from positions.projector.reassign.rebooking import Outcome, Target, book_reassign
from positions.querysets import LIVE_POSITION_STATES
from positions.services import checks
from positions.services.among_others import require_symbol_to_itself

MOST_ORDERS = 500


@dataclass(slots=True)
class _Before:
    """An order as it was, for the answer and the audit trail."""

    order: Order
    strategy_id: int
    position_id: int | None


class _Previewed(Exception):
    """Carries the answer of a preview out of the transaction, which is undone by that."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self.answer = answer


def reassign(wish: Reassign, caller: Caller, *, request_id: str = "") -> dict[str, Any]:
    """Move the orders and book anew what follows from it; a preview answers and changes nothing.

    Raises:
        OrderNotFound, AccountNotFound: one of them does not exist for this caller.
        PermissionDenied, StrategyPermissionDenied: the caller may not trade one of the strategies,
            or overrides without being an admin.
        InvalidStrategyId, InvalidPositionId: the target is none.
        Conflict: an order is somebody's already, or something in the range cannot be booked anew.
    """
    wanted = [order.pk for order in _wanted(wish, caller)]
    try:
        with ExitStack() as held:
            account_ids = Order.objects.filter(pk__in=wanted).values_list("account_id", flat=True)
            lanes = {
                account_id: held.enter_context(holding(account_id))
                for account_id in sorted(set(account_ids))
            }
            orders = list(
                Order.objects.filter(pk__in=wanted)
                .select_related("account")
                .order_by("account_id", "symbol", "id")
            )
            _check_orders(wish, caller, orders)
            answer = _book(wish, orders, lanes, Actor.from_caller(caller, request_id))
            if wish.preview:
                raise _Previewed(answer)
            return answer
    except _Previewed as preview:
        return preview.answer
    except EngineError as refusal:
        raise error_class(refusal.code)(refusal.message, **refusal.facts) from None


def _wanted(wish: Reassign, caller: Caller) -> list[Order]:
    """The orders that the caller means, which all exist for it."""
    if wish.filters is not None:
        return _matching(wish.filters, caller, override=wish.override)
    by_id = Order.objects.in_bulk(wish.order_ids)
    for order_id in wish.order_ids:
        missing = OrderNotFound(order_id=order_id)
        if order_id not in by_id:
            raise missing
        if not caller.is_admin:
            order = by_id[order_id]
            require_strategy_visible(caller, order.account_id, order.strategy_id, missing=missing)
    return [by_id[order_id] for order_id in wish.order_ids]


def _matching(filters: OrderFilter, caller: Caller, *, override: bool) -> list[Order]:
    """The orders of a filter: those that are nobody's, all of them with ``override``."""
    if caller.is_admin:
        known = set(Account.objects.filter(pk__in=filters.account_ids).values_list("pk", flat=True))
        for account_id in filters.account_ids:
            if account_id not in known:
                raise AccountNotFound(account_id=account_id)
        found = Order.objects.filter(account_id__in=filters.account_ids)
    else:
        require_read_all(caller, filters.account_ids)
        found = Order.objects.visible_to(caller, filters.account_ids)
    if not override:
        found = found.filter(reconciled=False)
    if filters.symbol is not None:
        found = found.filter(symbol=filters.symbol)
    if filters.strategy_id is not None:
        found = found.filter(strategy_id=filters.strategy_id)
    if filters.start_date is not None:
        start = datetime.combine(filters.start_date, time(), UTC)
        found = found.filter(created_at__gte=start)
    if filters.end_date is not None:
        after = datetime.combine(filters.end_date + timedelta(days=1), time(), UTC)
        found = found.filter(created_at__lt=after)
    orders = list(found.order_by("id")[: MOST_ORDERS + 1])
    if len(orders) > MOST_ORDERS:
        raise Invalid("More orders match than can be moved at once.", field="filters",
                      limit=MOST_ORDERS)  # fmt: skip
    return orders


def _check_orders(wish: Reassign, caller: Caller, orders: list[Order]) -> None:
    """The caller may move each of them, each is free to go, and the target takes them."""
    for account_id, of_account in groupby(orders, lambda order: order.account_id):
        rows = list(of_account)
        strategies = {order.strategy_id for order in rows} | {wish.target_strategy_id}
        require_reassign(caller, account_id, sorted(strategies), override=wish.override)
        checks.check_strategy(rows[0].account, wish.target_strategy_id)
        for symbol in sorted({order.symbol for order in rows}):
            require_symbol_to_itself(caller, rows[0].account, symbol)
    for order in orders:
        if order.reconciled and not wish.override:
            raise Conflict(
                "The order is assigned already; an admin may override.",
                field="order_ids",
                limit="unassigned orders",
                value=order.pk,
                strategy_id=order.strategy_id,
            )


def _book(
    wish: Reassign, orders: list[Order], lanes: dict[int, HeldLane], by: Actor
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "preview": wish.preview,
        "orders_updated": len(orders),
        "deals_relinked": 0,
        "positions_rebuilt": 0,
        "items": [],
    }
    target = _target_position(wish, orders)
    for (account_id, _), some in groupby(orders, lambda order: (order.account_id, order.symbol)):
        rows = list(some)
        before = [_Before(order, order.strategy_id, order.position_id) for order in rows]
        outcome = book_reassign(
            lanes[account_id],
            rows,
            Target(wish.target_strategy_id, target),
            mode=PositionMode(rows[0].account.position_mode),
        )
        answer["deals_relinked"] += outcome.deals
        answer["positions_rebuilt"] += len(outcome.position_ids)
        answer["items"] += [_item(each, outcome, preview=wish.preview) for each in before]
        _record(before, outcome, wish, account_id, by)
    return answer


def _target_position(wish: Reassign, orders: Iterable[Order]) -> Position | None:
    """The position that is named, which has to be one that all the orders can go to.

    Raises:
        InvalidPositionId: it is not open, not the target strategy's, or of another market.
    """
    if not wish.target_position_id:
        return None
    position = Position.objects.filter(pk=wish.target_position_id).first()
    for order in orders:
        if position is None or not _fits(position, order, wish.target_strategy_id):
            raise InvalidPositionId(
                "The orders cannot go to this position.",
                field="target_position_id",
                limit="an open, assigned position of the orders' market and the target strategy",
                value=wish.target_position_id,
            )
    return position


def _fits(position: Position, order: Order, strategy_id: int) -> bool:
    same_market = (position.account_id, position.symbol) == (order.account_id, order.symbol)
    netted = order.account.position_mode == PositionMode.NETTING
    is_current = position.state in LIVE_POSITION_STATES and not position.is_external
    return same_market and is_current and (netted or position.strategy_id == strategy_id)


def _item(before: _Before, outcome: Outcome, *, preview: bool) -> dict[str, Any]:
    """One order; a preview knows no id of a position that is not there yet."""
    order, position_id = before.order, outcome.landed.get(before.order.pk)
    unborn = preview and position_id in outcome.created
    return {
        "account_id": order.account_id,
        "order_id": order.pk,
        "symbol": order.symbol,
        "previous_strategy_id": before.strategy_id,
        "strategy_id": order.strategy_id,
        "previous_position_id": before.position_id,
        "position_id": None if unborn else position_id,
        "superseded_by": None if preview else outcome.reassign_no,
    }


def _record(
    before: list[_Before], outcome: Outcome, wish: Reassign, account_id: int, by: Actor
) -> None:
    audit.record(
        by=by,
        action="orders_reassigned",
        object_type="account",
        object_id=account_id,
        before={
            "orders": [
                {
                    "order_id": each.order.pk,
                    "strategy_id": each.strategy_id,
                    "position_id": each.position_id,
                }
                for each in before
            ]
        },
        after={
            "strategy_id": wish.target_strategy_id,
            "position_id": wish.target_position_id or None,
            "override": wish.override,
            "reassign_no": outcome.reassign_no,
            "deals_relinked": outcome.deals,
        },
    )
