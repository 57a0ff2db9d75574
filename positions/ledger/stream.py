"""How is a ledger of any length read in booking order?

By keyset: some thousand rows at a time, each page from where the last one ended, so memory and the
time per row stay the same however long the ledger is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from heapq import merge
from typing import Any, NamedTuple

from django.db.models import QuerySet

from positions.engine.types import Side
from positions.ledger.executions import Executed
from positions.models import AccountLane, Deal, Execution, JournalEntry, Position

PAGE = 2_000


class Entry(NamedTuple):
    """A journal entry as the replay reads it; the fields are the columns of its row."""

    booking_no: int
    kind: str
    facts: dict[str, Any]
    created_at: datetime


class BookedDeal(NamedTuple):
    """A deal as the ledger determines it; the fields are the columns of its row."""

    booking_no: int
    kind: str
    entry: Any
    side: Any
    qty: Any
    price: Any
    profit: Any
    profit_currency: str
    fee: Any
    fee_currency: str | None
    fee_rate: Any
    fee_quote: Any
    other_fees: list[list[str | None]]
    base_fee: Any
    cost: Any
    symbol: str
    strategy_id: int
    position_strategy_id: int
    position_id: int
    order_id: int | None
    execution_id: int | None
    exchange_trade_id: str | None
    executed_at: datetime

    @property
    def change(self) -> Decimal:
        """By how much it changed the signed volume of its position; funding changes none."""
        signed: Decimal = self.qty if self.side == Side.BUY else -self.qty
        return signed - self.base_fee


class Opening(NamedTuple):
    """By which booking a position was opened."""

    booking_no: int
    position_id: int


@dataclass(frozen=True, slots=True)
class Counters:
    """How far an account's ledger goes, by its lane."""

    bookings: int = 0
    executions: int = 0
    events: int = 0
    head: str = ""


def counters(account_id: int) -> Counters:
    """The lane's counters now."""
    lane = AccountLane.objects.filter(pk=account_id).first()
    if lane is None:
        return Counters()
    return Counters(lane.last_booking_no, lane.execution_count, lane.last_seq, lane.execution_hash)


def ledger(account_id: int, after: Counters, upto: Counters) -> Iterator[Executed | Entry]:
    """Executions and journal entries between two moments, in booking order."""
    executed = executions(account_id, after, upto)
    entries = journal(account_id, after, upto)
    return merge(executed, entries, key=lambda row: row.booking_no)


def executions(account_id: int, after: Counters, upto: Counters) -> Iterator[Executed]:
    """Executions by number."""
    rows = Execution.objects.filter(account_id=account_id)
    columns = Executed._fields
    for page in _pages(rows, "number", columns, after.executions, upto.executions):
        yield from map(Executed._make, page)


def journal(account_id: int, after: Counters, upto: Counters) -> Iterator[Entry]:
    """Journal entries by booking number."""
    rows = JournalEntry.objects.filter(account_id=account_id)
    for page in _pages(rows, "booking_no", Entry._fields, after.bookings, upto.bookings):
        yield from map(Entry._make, page)


def deals(account_id: int, after: Counters, upto: Counters) -> Iterator[BookedDeal]:
    """Deals by booking number, superseded ones too."""
    yield from _deals(Deal.objects.filter(account_id=account_id), after, upto)


def live_deals(account_id: int, after: Counters, upto: Counters) -> Iterator[BookedDeal]:
    """Live deals by booking number."""
    yield from _deals(Deal.objects.live().filter(account_id=account_id), after, upto)


def _deals(rows: QuerySet, after: Counters, upto: Counters) -> Iterator[BookedDeal]:
    for page in _pages(rows, "booking_no", BookedDeal._fields, after.bookings, upto.bookings):
        yield from map(BookedDeal._make, page)


def openings(account_id: int, after: Counters, upto: Counters) -> Iterator[Opening]:
    """Positions by the booking that opened them."""
    rows = Position.objects.filter(account_id=account_id)
    columns = ("opening_booking_no", "id")
    for page in _pages(rows, columns[0], columns, after.bookings, upto.bookings):
        yield from map(Opening._make, page)


def numbers(rows: QuerySet, column: str, after: int, upto: int) -> Iterator[int]:
    """One rising column alone."""
    for page in _pages(rows, column, (column,), after, upto):
        yield from (number for (number,) in page)


def time_of(text: str) -> datetime:
    """A time as the facts of a journal entry hold it."""
    return datetime.fromisoformat(text)


def _pages(
    rows: QuerySet, key: str, columns: tuple[str, ...], after: int, upto: int
) -> Iterator[list[tuple[Any, ...]]]:
    at = columns.index(key)
    bounded = rows.filter(**{f"{key}__lte": upto}).order_by(key).values_list(*columns)
    while page := list(bounded.filter(**{f"{key}__gt": after})[:PAGE]):
        yield page
        after = page[-1][at]
