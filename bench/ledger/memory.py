"""What does a reassign need to know of what was booked before it?

The answers that ``positions.ledger.past`` gives from the rows, given from memory, so that a past
can be invented without a database. Proving the ledger compares the two: there the rows answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from positions.engine.types import DealKind, Entry
from positions.ledger.executions import Executed
from positions.ledger.stream import BookedDeal


class Memory:
    """The live deals and all executions of one account."""

    def __init__(self) -> None:
        self._deals: defaultdict[int, dict[int, BookedDeal]] = defaultdict(dict)
        self._of_order: defaultdict[int, dict[int, BookedDeal]] = defaultdict(dict)
        self._executions: dict[int, Executed] = {}

    def keep(self, deals: Iterable[BookedDeal], execution: Executed | None = None) -> None:
        """Remember what was booked."""
        if execution is not None:
            self._executions[execution.id] = execution
        for deal in deals:
            self._deals[deal.position_id][deal.booking_no] = deal
            if deal.order_id is not None:
                self._of_order[deal.order_id][deal.booking_no] = deal

    def drop(self, deals: Iterable[BookedDeal]) -> None:
        """Forget what was superseded."""
        for deal in deals:
            del self._deals[deal.position_id][deal.booking_no]
            if deal.order_id is not None:
                del self._of_order[deal.order_id][deal.booking_no]

    def fills_of(self, order_id: int) -> list[BookedDeal]:
        """The live deals of an order."""
        return list(self._of_order[order_id].values())

    def positions_since(self, first: BookedDeal) -> list[int]:
        """The positions with a live deal from this one on."""
        return sorted(
            position_id
            for position_id, deals in self._deals.items()
            if deals and next(reversed(deals)) >= first.booking_no
        )

    # --- as ``positions.ledger.past.Past`` ---

    def deals_from(
        self, position_ids: Sequence[int], *, booking_no: int, time: datetime
    ) -> list[BookedDeal]:
        """Their deals from a booking on, and funding paid from a time on, in booking order."""
        found = [
            deal
            for position_id in position_ids
            for deal in self._deals[position_id].values()
            if (
                deal.executed_at >= time
                if deal.kind == DealKind.FUNDING
                else deal.booking_no >= booking_no
            )
        ]
        return sorted(found, key=lambda deal: deal.booking_no)

    def born_before(self, position_ids: Sequence[int], booking_no: int) -> set[int]:
        """Those of them that had a deal before this booking."""
        return {
            position_id
            for position_id in position_ids
            if any(
                deal.booking_no < booking_no and deal.kind != DealKind.FUNDING
                for deal in self._deals[position_id].values()
            )
        }

    def last_turn(self, position_id: int, booking_no: int) -> int | None:
        """The order that last reversed the position before this booking, if one did."""
        turns = [
            deal.order_id
            for deal in self._deals[position_id].values()
            if deal.entry is Entry.INOUT and deal.booking_no < booking_no
        ]
        return turns[-1] if turns else None

    def executions(self, ids: Iterable[int]) -> list[Executed]:
        """These executions, in the order in which they are booked anew: by time, then id."""
        return sorted(
            map(self._executions.__getitem__, ids), key=lambda row: (row.executed_at, row.id)
        )
