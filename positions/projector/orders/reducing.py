"""How do closes and reduce-only orders follow their position?

Contract section 5: they close no more than it holds, for as long as they live. Whatever made it
smaller, at the end of the transaction the newest of them are cut to what is left, or cancelled.
What is on its way is left alone until its answer is there, which touches the symbol again.

An external order that stands against the position makes it no smaller, but may have closed it at
the exchange. What the exchange caps may rest on; the rest closes no more than its net allows, as a
new close would.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Q

from accounts.models import Account
from positions import rows
from positions.engine.closing import RestingClose, fit_closes
from positions.engine.money import ZERO, exact, floor_to_step, plain
from positions.engine.types import (
    GroupRole,
    OrderStatus,
    OrderType,
    PositionMode,
)
from positions.models import (
    ExchangeOrder,
    Instruction,
    InstructionKind,
    InstructionState,
    Order,
)
from positions.outbox import HeldLane
from positions.ports import MarketRules, exchange, is_worth_too_little
from positions.projector.hindrances.elsewhere import within_the_net
from positions.projector.orders import replacing
from positions.projector.orders.cancelling import request_cancel
from positions.projector.orders.replacing import CUT, REPLACE, Wanted
from positions.volumes import halves_of

_LIVE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)
_UNANSWERED = (InstructionState.SENDING, InstructionState.DOUBTFUL)
_ELSEWHERE = "an order that nobody here gave may have closed the rest of its position"
_LONGEST_PAUSE_S = 60
_DOUBLINGS = 6


def follow_positions(lane: HeldLane, symbol: str, fully: bool) -> None:
    """Cut or cancel what would close more of a position of ``symbol`` than it holds."""
    closes = _closes_of(lane.account_id, symbol)
    if not closes:
        return
    rules = exchange().known_market(lane.account_id, symbol)
    same: dict[tuple[int | None, str], list[_Close]] = {}
    for close in closes:
        same.setdefault((close.order.position_id, close.order.side), []).append(close)
    for found in same.values():
        _fit(lane, rules, found)


@dataclass(frozen=True, slots=True)
class _Close:
    """A live order that may only reduce a position, and where its changes lead.

    ``change`` is the unsettled instruction that will give it another quantity.
    """

    order: Order
    leg: ExchangeOrder
    create: Instruction | None
    change: Instruction | None
    half: GroupRole | None

    @property
    def room(self) -> Decimal:
        """How much there is to close: nothing where a reassign took it from its position."""
        position = self.order.position
        counts = position is not None and self.order.closes_position
        return position.qty if counts and position.side != self.order.side else ZERO

    @property
    def left(self) -> Decimal:
        """What it would still fill once everything on its way is done."""
        if self.order.cancel_requested_at is not None:
            return ZERO
        total = self.order.qty
        if self.change is not None:
            total = Decimal(self.change.payload[REPLACE]["qty"])
        return max(total - self.order.filled_qty, ZERO)

    @property
    def is_movable(self) -> bool:
        """A market order that has left will have filled before anything could reach it."""
        sent = self.order.status != OrderStatus.PENDING_SUBMIT
        return not (sent and self.order.order_type == OrderType.MARKET)

    @property
    def as_resting(self) -> RestingClose:
        """The same as the engine sees it."""
        return RestingClose(self.order.pk, self.left, self.is_movable, self.half)


def _closes_of(account_id: int, symbol: str) -> list[_Close]:
    """Reduce-only orders, and in hedge whatever names the other side of a position."""
    live = Order.objects.open().without_legs().filter(account_id=account_id, symbol=symbol)
    live = live.filter(Q(closes_position=True) | Q(reduce_only=True))
    orders = list(live.select_related("position").order_by("id"))
    if not orders:
        return []
    modes = Account.objects.values_list("position_mode", flat=True)
    if modes.get(pk=account_id) != PositionMode.HEDGE:
        orders = [order for order in orders if order.reduce_only]
    legs = ExchangeOrder.objects.filter(order__in=orders, is_current=True)
    leg_of = {leg.order_id: leg for leg in legs}
    unsettled = Instruction.objects.filter(order__in=orders).exclude(state=InstructionState.SETTLED)
    creates, changes = {}, {}
    for each in unsettled.order_by("id"):
        if REPLACE in each.payload:
            changes[each.order_id] = each
        elif each.kind == InstructionKind.CREATE:
            creates[each.order_id] = each
    halves = halves_of(orders)
    return [
        _Close(
            order=order,
            leg=leg_of[order.pk],
            create=creates.get(order.pk),
            change=changes.get(order.pk),
            half=halves.get(order.pk),
        )
        for order in orders
    ]


@exact
def _fit(lane: HeldLane, rules: MarketRules | None, closes: list[_Close]) -> None:
    """Bring the closes on one side of one position down to what it holds.

    One in doubt takes no room from others: who was let pass beside it knew of it. It is looked at
    again once it is known.
    """
    room = closes[0].room
    known = [close for close in closes if close.order.status != OrderStatus.UNKNOWN]
    allowed = dict.fromkeys((close.order.pk for close in closes), room)
    allowed |= fit_closes(room, [close.as_resting for close in known])
    held_back = {} if rules is None else _held_back(rules, known, allowed)
    for close in reversed(closes):  # The newest first.
        most = held_back.get(close.order.pk, allowed[close.order.pk])
        if most < close.left:
            why = _ELSEWHERE if most < allowed[close.order.pk] else ""
            _bring_down(lane, rules, close, most, why)


def _held_back(
    rules: MarketRules, closes: list[_Close], allowed: dict[int, Decimal]
) -> dict[int, Decimal]:
    """What of the closes that no reduce-only caps may fill beside external positions."""
    bare = [close for close in closes if not close.leg.reduce_only and close.room]
    if not bare:
        return {}
    position = bare[0].order.position
    assert position is not None
    capped = sum(
        (min(close.left, allowed[close.order.pk]) for close in closes if close.leg.reduce_only),
        ZERO,
    )
    room = within_the_net(position, rules, position.qty, promised=capped)
    fitting = fit_closes(room, [close.as_resting for close in bare])
    return {number: min(most, allowed[number]) for number, most in fitting.items()}


def _bring_down(
    lane: HeldLane, rules: MarketRules | None, close: _Close, most: Decimal, why: str
) -> None:
    """Cut ``close`` so that it fills no more than ``most``, or cancel it where it cannot be cut.

    ``why`` where it is not that its position became smaller.
    """
    left = floor_to_step(most, None if rules is None else rules.amount_step)
    if _is_too_small(rules, close, left) or _was_refused(close.order):
        _cancel(lane, close, why)
        return
    total = close.order.filled_qty + left
    if close.change is not None:
        _lower_change(lane, close, total)
    elif close.create is not None:
        _cut_unsent(lane, close, total, why)
    elif close.order.status in _LIVE and rules is not None:
        _cut_live(lane, rules, close, total, why)


def _is_too_small(rules: MarketRules | None, close: _Close, left: Decimal) -> bool:
    """Whether the exchange would take no order for ``left``."""
    if left <= ZERO or rules is None:
        return True
    order = close.order
    at_market = OrderType(order.order_type).at_market
    least = (rules.min_market_amount if at_market else None) or rules.min_amount or ZERO
    price = order.price or order.trigger_price
    return left < least or is_worth_too_little(
        rules, left, price=price, told_reduce_only=close.leg.reduce_only
    )


def _was_refused(order: Order) -> bool:
    """Whether the exchange would not have it cut: then it is cancelled."""
    cuts = order.instructions.filter(payload__has_key=CUT, state=InstructionState.SETTLED)
    return cuts.filter(error__isnull=False).exists()


def _cancel(lane: HeldLane, close: _Close, why: str) -> None:
    order = close.order
    if not why:
        taken = "other closes take what is left of its position"
        why = taken if close.room else "its position is gone"
    refused = order.instructions.filter(
        kind=InstructionKind.CANCEL, state=InstructionState.SETTLED, error__isnull=False
    ).count()
    pause_s = min(2 ** min(refused - 1, _DOUBLINGS), _LONGEST_PAUSE_S) if refused else 0
    not_before = lane.now + timedelta(seconds=pause_s) if refused else None
    request_cancel(lane, order, why=f"Cancelled: {why}.", not_before=not_before)


def _lower_change(lane: HeldLane, close: _Close, total: Decimal) -> None:
    """A change is on its way: let it lead to less, where that is not said to the exchange yet."""
    change = close.change
    assert change is not None
    said = change.kind != InstructionKind.CANCEL and change.state in _UNANSWERED
    if said:
        return
    change.payload[REPLACE]["qty"] = rows.decimal_text(total)
    change.save(update_fields=["payload"])
    if change.kind == InstructionKind.CREATE:
        close.leg.qty = total - close.order.filled_qty
        close.leg.save(update_fields=["qty"])


def _cut_unsent(lane: HeldLane, close: _Close, total: Decimal, why: str) -> None:
    """It never left: no one but us has to know."""
    order = close.order
    if order.status != OrderStatus.PENDING_SUBMIT:
        return
    order.note = _note(order.qty, total, why)
    order.qty = close.leg.qty = total
    order.updated_at = lane.now
    order.save(update_fields=["qty", "note", "updated_at"])
    close.leg.save(update_fields=["qty"])
    lane.tell("order_changed", rows.order_row(order), strategy_id=order.strategy_id)


def _cut_live(lane: HeldLane, rules: MarketRules, close: _Close, total: Decimal, why: str) -> None:
    order = close.order
    order.note = _note(order.qty, total, why)
    order.updated_at = lane.now
    order.save(update_fields=["note", "updated_at"])
    replacing.request_change(
        lane,
        order,
        close.leg,
        Wanted(total, order.price, order.trigger_price),
        in_place=rules.edits_in_place and order.order_type == OrderType.LIMIT,
        cuts=True,
    )


def _note(before: Decimal, after: Decimal, why: str) -> str:
    why = why or "that is left of its position"
    return f"Cut from {plain(before)} to {plain(after)}: {why}."
