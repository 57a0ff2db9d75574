"""What does a reassign, or a settling, touch, and what stands in its way?

Contract section 6: every position of the symbol (strategy_netting: of both strategies; hedge: those
of the orders and the target) with deals from the first moved execution on, and those where other
parts of the same fills lie. The range begins where the first deal was booked that is not earlier
than that execution, so that what is booked anew follows in one piece on what stays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F, Q, QuerySet

from oms_project.errors import Conflict, Invalid
from positions.engine.market import Market
from positions.engine.types import DealKind, PositionMode
from positions.ledger.past import Past
from positions.ledger.stream import BookedDeal
from positions.models import (
    Deal,
    Execution,
    JournalEntry,
    JournalKind,
    MarketTerms,
    Order,
    Position,
)
from positions.outbox import HeldLane


@dataclass(slots=True)
class Touched:
    """The range that is booked anew: ``deals`` are live now and will be superseded.

    ``opened`` are the positions that the range opened; ``from_booking_no`` is None where the orders
    have no fills.
    """

    from_booking_no: int | None = None
    from_time: datetime | None = None
    deals: list[Deal] = field(default_factory=list)
    position_ids: set[int] = field(default_factory=set)
    opened: set[int] = field(default_factory=set)
    market: Market | None = None
    _by_execution: dict[int, list[Deal]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for deal in self.deals:
            if deal.execution_id is not None:
                self._by_execution.setdefault(deal.execution_id, []).append(deal)

    @property
    def execution_ids(self) -> set[int]:
        """The executions that are booked anew."""
        return {*self._by_execution}

    def before(self, booked: BookedDeal) -> Deal | None:
        """The superseded deal of the same execution, on the same position if there was one."""
        if booked.execution_id is None:
            return None
        same = self._by_execution[booked.execution_id]
        return next((deal for deal in same if deal.position_id == booked.position_id), same[0])

    def replace(self, estimated: Sequence[Execution], real: Sequence[Execution]) -> None:
        """The real executions are booked for the deals of those that stood for them."""
        stood = [
            deal for execution in estimated for deal in self._by_execution.pop(execution.pk, ())
        ]
        self._by_execution |= {execution.pk: stood for execution in real}


def touched_by(
    lane: HeldLane,
    orders: list[Order],
    strategy_id: int,
    target: Position | None,
    *,
    mode: PositionMode,
) -> Touched:
    """The range that giving ``orders`` (of one symbol) to a strategy would book anew.

    Raises:
        Conflict: a close-by, a merge, a correction, a live close, a forced close or a change of
            the position mode lies in it.
        Invalid: the target position was opened after the first of the orders was filled.
    """
    account_id = lane.account_id
    live = Deal.objects.live().filter(account_id=account_id, symbol=orders[0].symbol)
    moved = live.filter(order__in=orders).exclude(execution=None).select_related("position")
    first = moved.order_by("executed_at", "execution_id").first()
    if first is None:
        return Touched()
    own = {deal.position_id: deal.position for deal in moved}
    hedged = target if mode is PositionMode.HEDGE else None
    if hedged is not None and hedged.opened_at > first.executed_at:
        raise Invalid(
            "The position was opened after the order was filled.",
            field="target_position_id",
            limit=first.executed_at,
            value=hedged.opened_at,
        )
    group = _in_group(own, strategy_id, target, mode=mode)
    touched = _from(live, group, first)
    touched.position_ids |= own.keys()
    _complete(lane, touched)
    _check_deals(touched, orders, mode=mode)
    _check_merges(account_id, touched, orders[0].symbol, mode=mode)
    _check_closes(touched, orders, strategy_id, target, mode=mode)
    if hedged is not None:
        _check_own(touched, own.values(), orders)
    return touched


def touched_by_settling(
    lane: HeldLane,
    order: Order,
    estimated: Sequence[Execution],
    real: Sequence[Execution],
    *,
    mode: PositionMode,
) -> Touched:
    """The range that booking the ``real`` executions for the ``estimated`` ones books anew.

    Raises:
        Conflict: as ``touched_by``.
    """
    live = Deal.objects.live().filter(account_id=lane.account_id, symbol=order.symbol)
    replaced = live.filter(execution__in=estimated).select_related("position")
    first = replaced.order_by("executed_at", "execution_id").first()
    own = {deal.position_id: deal.position for deal in replaced}
    group = _in_group(own, order.strategy_id, None, mode=mode)
    touched = _from(live, group, first)
    _complete(lane, touched)
    touched.replace(estimated, real)
    _check_deals(touched, [order], mode=mode)
    _check_merges(lane.account_id, touched, order.symbol, mode=mode)
    _check_closes(touched, [order], order.strategy_id, None, mode=mode)
    return touched


def _from(live: QuerySet, group: Q, first: Deal) -> Touched:
    """The group's range from ``first`` on, with every position beside it."""
    touched = _range(live.filter(group), first)
    while beside := _beside(live, touched):
        group |= Q(position_id__in=beside)
        touched = _range(live.filter(group), first)
    return touched


def _complete(lane: HeldLane, touched: Touched) -> None:
    """Which positions the range opened, and by which terms it is booked."""
    born = Past(lane.account_id, lane.last_booking_no + 1).born_before(
        [*touched.position_ids], touched.from_booking_no
    )
    touched.opened = touched.position_ids - born
    symbol = touched.deals[0].symbol
    terms = MarketTerms.objects.filter(account_id=lane.account_id, symbol=symbol)
    touched.market = terms.latest("id").engine_market


def _in_group(
    own: dict[int, Position], strategy_id: int, target: Position | None, *, mode: PositionMode
) -> Q:
    """The deals of the positions that may change."""
    mine = Q(position_id__in=[*own])
    match mode:
        case PositionMode.HEDGE:
            return mine if target is None else mine | Q(position_id=target.pk)
        case PositionMode.NETTING:
            return mine | Q(position__is_external=False)
        case PositionMode.STRATEGY_NETTING:
            both = {row.strategy_id for row in own.values() if not row.is_external} | {strategy_id}
            return mine | Q(position__is_external=False, position__strategy_id__in=both)


def _range(group: QuerySet, first: Deal) -> Touched:
    """From the first booking that is not before ``first`` in time, everything of the group."""
    not_before = Q(executed_at__gt=first.executed_at) | Q(
        executed_at=first.executed_at, execution_id__gte=first.execution_id
    )
    fills = group.filter(kind=DealKind.FILL)
    start = fills.filter(not_before).order_by("booking_no").first().booking_no
    deals = list(
        group.filter(booking_no__gte=start).exclude(kind=DealKind.FUNDING).order_by("booking_no")
    )
    time = min(deal.executed_at for deal in deals if deal.kind == DealKind.FILL)
    deals += group.filter(kind=DealKind.FUNDING, executed_at__gte=time).order_by("booking_no")
    return Touched(
        from_booking_no=start,
        from_time=time,
        deals=deals,
        position_ids={deal.position_id for deal in deals},
    )


def _beside(live: QuerySet, touched: Touched) -> set[int]:
    """Where else the fills of the range are booked: each is booked anew as a whole.

    In hedge, what a close filled beyond its target lies on a position of its own.
    """
    deals = live.filter(execution_id__in=touched.execution_ids)
    return {*deals.values_list("position_id", flat=True)} - touched.position_ids


_JOURNALLED = {DealKind.TRANSFER: "close_by", DealKind.CORRECTION: "correction"}


def _check_deals(touched: Touched, orders: list[Order], *, mode: PositionMode) -> None:
    for deal in touched.deals:
        if what := _JOURNALLED.get(DealKind(deal.kind)):
            raise _in_the_way(what, deal_id=deal.pk, position_id=deal.position_id)
    executions = Execution.objects.filter(pk__in=touched.execution_ids)
    taken_over = Q(order__reassigned_by__gt=F("booking_no")) | Q(order__in=orders)
    forced = executions.exclude(forced=None).exclude(taken_over).first()
    if forced is not None:
        raise _in_the_way(forced.forced, order_id=forced.order_id, execution_id=forced.pk)
    other = executions.exclude(position_mode=mode).first()
    if other is not None:
        raise _in_the_way("position_mode", execution_id=other.pk, value=other.position_mode)


def _check_merges(account_id: int, touched: Touched, symbol: str, *, mode: PositionMode) -> None:
    merges = JournalEntry.objects.filter(
        account_id=account_id, kind=JournalKind.MERGE, booking_no__gte=touched.from_booking_no
    )
    for entry in merges.order_by("booking_no").iterator():
        both = {entry.facts["source_position_id"], entry.facts["target_position_id"]}
        meant = Position.objects.filter(pk__in=both, symbol=symbol)
        netted = mode is not PositionMode.HEDGE and meant.exists()
        if netted or both & touched.position_ids:
            raise _in_the_way("merge", journal_entry_id=entry.pk, position_ids=sorted(both))


def _check_closes(
    touched: Touched,
    orders: list[Order],
    strategy_id: int,
    target: Position | None,
    *,
    mode: PositionMode,
) -> None:
    """No close that is still on its way counts on a position that may become another one."""
    closes = Order.objects.open().filter(
        account_id=orders[0].account_id, symbol=orders[0].symbol, closes_position=True
    )
    meant = Q(position_id__in=touched.position_ids)
    if mode is PositionMode.NETTING:
        meant |= Q(position__is_external=False)
    elif mode is PositionMode.STRATEGY_NETTING:
        meant |= Q(position__strategy_id=strategy_id)
    elif target is not None:
        meant |= Q(position_id=target.pk)
    close = closes.filter(meant).exclude(pk__in=[order.pk for order in orders]).first()
    if close is not None:
        raise _in_the_way("close", order_id=close.pk, position_id=close.position_id)


def _check_own(touched: Touched, own: Iterable[Position], orders: list[Order]) -> None:
    """Hedge: nobody else has closed a position that will be gone."""
    ids = {order.pk for order in orders}
    gone = {row.pk for row in own if row.opening_order_id in ids}
    for deal in touched.deals:
        if deal.position_id in gone and deal.order_id not in ids and deal.order_id is not None:
            raise _in_the_way("close", order_id=deal.order_id, position_id=deal.position_id)


def _in_the_way(what: str, **facts: object) -> Conflict:
    return Conflict(
        f"A {what.replace('_', '-')} lies in the range that would be booked anew.",
        field="order_ids",
        limit=what,
        **facts,
    )
