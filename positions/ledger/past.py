"""What was live just before a reassign or a settling, on the positions that it touches?

Read from the rows, by whoever books it and by whoever replays it: both get the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Q, QuerySet

from positions.engine.types import DealKind, Entry
from positions.ledger.executions import Executed
from positions.ledger.stream import BookedDeal
from positions.models import Deal, Execution

_AT_ONCE = 500


class Past:
    """One account's rows before the reassign with booking number ``before``."""

    def __init__(self, account_id: int, before: int) -> None:
        self._account_id = account_id
        # By position only: given the account too, SQLite would walk all of its deals.
        self._deals = Deal.objects.live_before(before)

    def deals_from(
        self, position_ids: Sequence[int], *, booking_no: int, time: datetime
    ) -> list[BookedDeal]:
        """Their deals from a booking on, and funding paid from a time on, in booking order."""
        later = Q(booking_no__gte=booking_no) & ~Q(kind=DealKind.FUNDING)
        paid = Q(executed_at__gte=time, kind=DealKind.FUNDING)
        found = [
            BookedDeal._make(row)
            for rows in self._of(position_ids)
            for row in rows.filter(later | paid).values_list(*BookedDeal._fields)
        ]
        return sorted(found, key=lambda deal: deal.booking_no)

    def born_before(self, position_ids: Sequence[int], booking_no: int) -> set[int]:
        """Those of them that had a deal before this booking."""
        born: set[int] = set()
        for rows in self._of(position_ids):
            early = rows.filter(booking_no__lt=booking_no).exclude(kind=DealKind.FUNDING)
            born |= set(early.values_list("position_id", flat=True).distinct())
        return born

    def last_turn(self, position_id: int, booking_no: int) -> int | None:
        """The order that last reversed the position before this booking, if one did."""
        turns = self._deals.filter(
            position_id=position_id, booking_no__lt=booking_no, entry=Entry.INOUT
        )
        return turns.order_by("-booking_no").values_list("order_id", flat=True).first()

    def executions(self, ids: Iterable[int]) -> list[Executed]:
        """These executions, in the order in which they are booked anew: by time, then id."""
        found: list[Executed] = []
        for some in _batches(ids):
            rows = Execution.objects.filter(account_id=self._account_id, pk__in=some)
            found += map(Executed._make, rows.values_list(*Executed._fields))
        return sorted(found, key=lambda row: (row.executed_at, row.id))

    def _of(self, position_ids: Iterable[int]) -> Iterator[QuerySet]:
        for some in _batches(position_ids):
            yield self._deals.filter(position_id__in=some)


def _batches(ids: Iterable[int]) -> Iterator[list[Any]]:
    rest = iter(ids)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
