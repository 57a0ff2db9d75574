"""What is open, and up to which event, in one moment?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from accounts.rights.permissions import Caller
from positions import rows, selectors
from positions.models import AccountLane, Event, Order, Position


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Open orders and positions after the events ``seqs``, by account; rows as REST shows them."""

    seqs: dict[int, int]
    orders: list[dict[str, Any]] = field(default_factory=list)
    positions: list[dict[str, Any]] = field(default_factory=list)


def newest_seqs(account_ids: list[int]) -> dict[int, int]:
    """The number of each account's newest event."""
    lanes = AccountLane.objects.in_bulk(account_ids)
    return {number: lanes[number].last_seq if number in lanes else 0 for number in account_ids}


def take(caller: Caller, account_ids: list[int]) -> Snapshot:
    """All that the caller sees open on the accounts, with the seqs of the same moment."""
    with one_moment():
        seqs = newest_seqs(account_ids)
        orders = list(Order.objects.open().visible_to(caller, account_ids).newest_first())
        positions = list(Position.objects.open().visible_to(caller, account_ids).newest_first())
    return Snapshot(
        seqs, [rows.order_row(order) for order in orders], selectors.marked_rows(positions)
    )


def read_log(account_id: int, *, after: int, most: int) -> list[Event]:
    """The events that follow ``after`` without a hole, oldest first.

    A hole is a commit that this database does not show yet: what is behind it is read later.

    Raises:
        EventsExpired: those right after ``after`` were deleted.
    """
    found = list(Event.objects.filter(account_id=account_id).since(after)[:most])
    if found and found[0].seq != after + 1:
        selectors.require_kept_events(account_id, after)
    return [event for number, event in enumerate(found, after + 1) if event.seq == number]


@contextmanager
def one_moment() -> Iterator[None]:
    """Everything read inside is of one moment, and no writer waits for it.

    By the database's own snapshot, not by the account's lane: a hundred clients that come back at
    once must not hold up orders. Django's ``atomic`` would take SQLite's write lock.
    """
    if connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        else:
            cursor.execute("BEGIN")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
