"""How do orders, with what they did, go to another strategy?

The rebooking itself is ``ledger.rebooking``: here the rows that it needs are found and loaded, and
what it answers is written. Called under the account's lane.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from positions import rows
from positions.engine.market import Market
from positions.engine.types import CaseKind, DealKind, DealRule, PositionMode, Reason
from positions.ledger.entering import enter
from positions.ledger.executions import Executed
from positions.ledger.past import Past
from positions.ledger.rebooking import facts_of
from positions.ledger.rebuilt import Assigned, Rebuilt
from positions.ledger.replay import Books
from positions.ledger.stream import BookedDeal, Entry
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
from positions.projector.booking.deals import tell_deal
from positions.projector.booking.dust import add_dust
from positions.projector.booking.fills import FORCED
from positions.projector.booking.holdings import store_holding, tell_position
from positions.projector.cases import open_case, resolve_case, subject_of
from positions.projector.journal import record
from positions.projector.reassign.touched import Touched, touched_by


@dataclass(frozen=True, slots=True)
class Target:
    """Where orders go: a strategy (0 is none) and, in hedge, a position of it to raise or close."""

    strategy_id: int
    position: Position | None = None


@dataclass(slots=True)
class Outcome:
    """What a reassign of one account and symbol changed.

    ``created`` are positions that it made, ``moved`` those that changed their strategy; ``landed``
    gives the position of each moved order.
    """

    reassign_no: int
    deals: int = 0
    position_ids: set[int] = field(default_factory=set)
    created: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)
    landed: dict[int, int | None] = field(default_factory=dict)


def book_reassign(
    lane: HeldLane,
    orders: list[Order],
    target: Target,
    *,
    mode: PositionMode,
    taken_by: Order | None = None,
) -> Outcome:
    """Give ``orders``, all of one symbol, to ``target`` and book anew what follows from it.

    ``taken_by``: the order that they turned out to be; what they did is that one's deals.

    Raises:
        Conflict: something in the range that would be booked anew cannot be.
        Invalid: the target position was opened after the orders were filled.
    """
    touched = touched_by(lane, orders, target.strategy_id, target.position, mode=mode)
    named = target.position.pk if target.position and mode is PositionMode.HEDGE else None
    strategy_ids = {order.strategy_id for order in orders} | {target.strategy_id}
    entry = record(
        lane,
        JournalKind.REASSIGN,
        symbol=orders[0].symbol,
        order_ids=[order.pk for order in orders],
        strategy_id=target.strategy_id,
        position_id=named,
        from_booking_no=touched.from_booking_no,
        from_time=touched.from_time,
        position_ids=sorted(touched.position_ids),
        deal_rule=int(DealRule.ORDER),
        **({} if taken_by is None else {"taken_by": taken_by.pk}),
    )
    outcome = Outcome(entry.booking_no)
    _assign(lane, entry, orders, target, mode=mode)
    if touched.from_booking_no is not None:
        Rebooking(lane, entry, touched, outcome).run()
    _settle_orders(lane, orders, outcome, named=named)
    for strategy_id in sorted(strategy_ids):
        _tell(lane, orders, target, outcome, strategy_id=strategy_id)
    return outcome


def _assign(
    lane: HeldLane, entry: JournalEntry, orders: list[Order], target: Target, *, mode: PositionMode
) -> None:
    """The orders are the target's from here on; later fills of them follow."""
    closes = target.position if mode is PositionMode.HEDGE else None
    for order in orders:
        order.strategy_id = target.strategy_id
        order.reconciled = True
        order.reassigned_by = entry.booking_no
        order.closes_position = closes is not None and closes.side != order.side
        order.updated_at = lane.now
        order.save(
            update_fields=[
                "strategy_id", "reconciled", "reassigned_by", "closes_position", "updated_at"
            ]
        )  # fmt: skip
        if order.is_open and order.reduce_only:
            lane.touch(order.symbol)  # What it was to reduce is another's now.


class Rebooking:
    """One rebooking: load what it needs, run it, write what it answers."""

    def __init__(
        self, lane: HeldLane, entry: JournalEntry, touched: Touched, outcome: Outcome
    ) -> None:
        self._lane = lane
        self._entry = entry
        self._touched = touched
        self._outcome = outcome
        self._symbol: str = entry.facts["symbol"]
        self._positions: dict[int, Position] = {}
        self._orders: dict[int, Order] = {}
        self._provisional: set[int] = set()
        self._books = Books(self._create, self._market_of, partial(Past, lane.account_id))

    def run(self) -> None:
        """Supersede, book anew, and write deals, positions, orders and dust."""
        self._load()
        entry = self._entry
        row = Entry(entry.booking_no, entry.kind, entry.facts, self._lane.now)
        deals = enter(self._books, row)
        self._outcome.deals = len(deals)
        self._outcome.position_ids = {*self._touched.position_ids} | {
            deal.position_id for deal in deals
        }
        self._supersede()
        for deal in deals:
            self._write_deal(deal)
        fills: dict[int, list[BookedDeal]] = {}
        for deal in deals:
            if deal.kind == DealKind.FILL:
                fills.setdefault(deal.position_id, []).append(deal)
        for position_id in sorted(self._outcome.position_ids):
            self._write_position(position_id, fills.get(position_id, []))
        self._repoint_orders(deals)
        for asset, qty in self._books.dust.items():
            if qty:
                add_dust(self._lane.account_id, asset, qty)
        self._books.close()

    # --- loading ---

    def _load(self) -> None:
        """Every position that an execution of the range may belong to, and who owns each now."""
        mine = Position.objects.standing().filter(
            account_id=self._lane.account_id, symbol=self._symbol
        )
        executions = Execution.objects.filter(pk__in=self._touched.execution_ids)
        facts = executions.values_list("order_id", "named_position_id")
        order_ids = {order_id for order_id, _ in facts}
        self._orders = self._with_takers(Order.objects.in_bulk(order_ids))
        order_ids |= self._orders.keys()
        self._provisional = {*executions.filter(provisional=True).values_list("pk", flat=True)}
        loaded = {row.pk: row for row in mine.open()}
        loaded |= {row.pk: row for row in mine.filter(opening_order_id__in=order_ids)}
        named = {position_id for _, position_id in facts} | {self._entry.facts["position_id"]}
        missing = (named | self._touched.position_ids) - {None, *loaded}
        while found := mine.in_bulk(missing):
            loaded |= found
            missing = {row.merged_into_id for row in found.values()} - {None, *loaded}
        self._positions = dict(sorted(loaded.items()))
        for row in self._positions.values():
            self._books.load(self._rebuilt(row))
        self._load_assignments()

    def _with_takers(self, orders: dict[int, Order]) -> dict[int, Order]:
        """The orders with those that took some of them over."""
        takers = {facts.get("taken_by") for facts in self._assigning(orders.values()).values()}
        takers |= {self._entry.facts.get("taken_by")}
        return orders | Order.objects.in_bulk(takers - {None, *orders})

    def _load_assignments(self) -> None:
        """Earlier reassigns of orders in the range still hold for what came before them."""
        by_number = self._assigning(self._orders.values())
        for order in self._orders.values():
            if facts := by_number.get(order.reassigned_by):
                self._books.assigned.put(order.pk, Assigned.by(order.reassigned_by, facts))

    def _assigning(self, orders: Iterable[Order]) -> dict[int, dict[str, Any]]:
        """The facts of the reassigns that last moved them, by booking number."""
        numbers = {order.reassigned_by for order in orders} - {None}
        entries = JournalEntry.objects.filter(
            account_id=self._lane.account_id, booking_no__in=numbers, kind=JournalKind.REASSIGN
        )
        return dict(entries.values_list("booking_no", "facts"))

    def _rebuilt(self, row: Position) -> Rebuilt:
        return Rebuilt(
            position_id=row.pk,
            ticket=row.ticket,
            opening_order_id=row.opening_order_id,
            symbol=row.symbol,
            strategy_id=row.strategy_id,
            market=self._touched.market,
            holding=row.holding,
            merged_into=row.merged_into_id,
            dedicated=row.is_external,
        )

    def _market_of(self, terms_id: int) -> Market:
        return MarketTerms.objects.get(pk=terms_id).engine_market

    def _create(self, booking_no: int, execution: Executed) -> int:
        """The row of a position that the rebooking opens; its value is written at the end."""
        order = self._orders[facts_of(self._books, execution).order_id]
        row = Position.objects.create(
            account_id=self._lane.account_id,
            ticket=order.pk,
            opening_order_id=order.pk,
            opening_booking_no=booking_no,
            symbol=execution.symbol,
            side=execution.side,
            reason=order.reason,
            comment=order.comment,
            opened_at=execution.executed_at,
            updated_at=self._lane.now,
        )
        self._positions[row.pk] = row
        self._outcome.created.add(row.pk)
        return row.pk

    # --- writing ---

    def _supersede(self) -> None:
        by_owner: dict[tuple[int, int], list[int]] = {}
        for deal in self._touched.deals:
            owner = deal.strategy_id, deal.position_strategy_id
            by_owner.setdefault(owner, []).append(deal.pk)
        Deal.objects.filter(pk__in=[deal.pk for deal in self._touched.deals]).update(
            superseded_by=self._entry.booking_no
        )
        for (strategy_id, position_strategy_id), deal_ids in by_owner.items():
            self._lane.tell(
                "deals_superseded",
                {
                    "symbol": self._symbol,
                    "deal_ids": deal_ids,
                    "superseded_by": self._entry.booking_no,
                },
                strategy_id=strategy_id,
                position_strategy_id=position_strategy_id,
            )

    def _write_deal(self, booked: BookedDeal) -> None:
        order = self._orders.get(booked.order_id)
        before = self._touched.before(booked)
        moved_from = before.position_id if before else None
        if moved_from == booked.position_id and before:
            moved_from = before.previous_position_id
        self._lane.next_booking_no()  # It is the one that the rebooking gave: nobody else writes.
        deal = Deal.objects.create(
            account_id=self._lane.account_id,
            **booked._asdict(),
            previous_position_id=moved_from,
            trigger_source=before.trigger_source if before else None,
            reason=order.reason if order else Reason.FUNDING,
            comment=order.comment if order else "",
            reconciled=order is None
            or (order.reconciled and booked.execution_id not in self._provisional),
            created_at=self._lane.now,
        )
        tell_deal(self._lane, deal)

    def _write_position(self, position_id: int, fills: list[BookedDeal]) -> None:
        lane, row = self._lane, self._positions[position_id]
        rebuilt = self._books.named(position_id)
        if row.strategy_id != rebuilt.strategy_id and position_id not in self._outcome.created:
            self._outcome.moved.add(position_id)
        row.strategy_id, row.ticket = rebuilt.strategy_id, rebuilt.ticket
        row.is_external, row.superseded_by = rebuilt.dedicated, rebuilt.superseded_by
        opened_here = position_id in self._outcome.created | self._touched.opened
        if fills and opened_here:
            row.opened_at = fills[0].executed_at
        at = fills[-1].executed_at if fills else row.closed_at or lane.now
        store_holding(lane, row, rebuilt.holding, self._touched.market, at=at)
        if position_id in self._outcome.created:
            event = "position_opened"
        else:
            event = "position_updated" if row.qty else "position_closed"
        tell_position(lane, event, row)

    def _repoint_orders(self, deals: Iterable[BookedDeal]) -> None:
        """An order is shown on the position that its last deal went to."""
        landed = {deal.order_id: deal.position_id for deal in deals if deal.order_id is not None}
        for order_id, position_id in landed.items():
            order = self._orders[order_id]
            taken = order_id == self._entry.facts.get("taken_by")
            if taken or order.reassigned_by == self._entry.booking_no:
                self._outcome.landed[order_id] = position_id
            elif order.position_id != position_id and not order.closes_position:
                order.previous_position_id = order.position_id
                order.position_id = position_id
                order.updated_at = self._lane.now
                order.save(update_fields=["position", "previous_position_id", "updated_at"])
                self._lane.tell(
                    "order_updated", rows.order_row(order), strategy_id=order.strategy_id
                )


def _settle_orders(
    lane: HeldLane, orders: list[Order], outcome: Outcome, *, named: int | None
) -> None:
    """Point the moved orders at their positions, and close the cases that this settles."""
    for order in orders:
        landed = outcome.landed.get(order.pk)
        outcome.landed[order.pk] = named or landed
        if order.reason in FORCED and order.position_id is not None:
            resolve_case(lane, CaseKind.LIQUIDATION, f"position {order.position_id}")
        if order.position_id != outcome.landed[order.pk]:
            order.previous_position_id = order.position_id
            order.position_id = outcome.landed[order.pk]
        order.save(update_fields=["position", "previous_position_id"])
        lane.tell("order_updated", rows.order_row(order), strategy_id=order.strategy_id)
        if order.closes_position and landed not in (None, named):
            _keep_excess(lane, order, Position.objects.get(pk=landed))


def _tell(
    lane: HeldLane, orders: list[Order], target: Target, outcome: Outcome, *, strategy_id: int
) -> None:
    lane.tell(
        "reassigned",
        {
            "reassign_no": outcome.reassign_no,
            "symbol": orders[0].symbol,
            "order_ids": [order.pk for order in orders],
            "target_strategy_id": target.strategy_id,
            "deals_relinked": outcome.deals,
            "position_ids": sorted(outcome.position_ids),
            "moved_position_ids": sorted(outcome.moved),
        },
        strategy_id=strategy_id,
    )


def _keep_excess(lane: HeldLane, order: Order, excess: Position) -> None:
    """The order closed more than its target held: the rest is a position of its own."""
    excess.reason = Reason.CORRECTION
    excess.save(update_fields=["reason"])
    open_case(
        lane,
        CaseKind.OVER_CLOSE,
        subject_of(excess),
        symbol=excess.symbol,
        strategy_id=excess.strategy_id,
        position=excess,
        order=order,
        facts={"closed_position_id": order.position_id, "excess_qty": excess.qty},
        proposal="The reassigned order closed more than was left: close the excess, or keep it.",
    )
