"""Which values does an invented past consist of?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from positions.engine.money import ZERO
from positions.engine.types import Side
from positions.ledger.executions import Executed
from positions.ledger.stream import BookedDeal, Entry


@dataclass(slots=True)
class Ids:
    """The next numbers of rows that all accounts share."""

    order: Iterator[int] = field(default_factory=lambda: count(1))
    execution: Iterator[int] = field(default_factory=lambda: count(1))
    position: Iterator[int] = field(default_factory=lambda: count(1))


@dataclass(slots=True)
class PastOrder:
    """An order while it is being filled."""

    id: int
    side: Side
    qty: Decimal
    strategy_id: int
    named: int | None = None
    closes: bool = False
    external: bool = False
    reassigned_by: int | None = None
    filled: Decimal = ZERO
    value: Decimal = ZERO

    @property
    def left(self) -> Decimal:
        """What is not filled yet."""
        return self.qty - self.filled


class Happened(NamedTuple):
    """One row of the ledger and the deals it made.

    ``orders`` are those that were filled or reassigned, ``replaced`` the booking numbers of deals
    that are superseded.
    """

    row: Executed | Entry
    deals: list[BookedDeal]
    orders: tuple[PastOrder, ...] = ()
    replaced: tuple[int, ...] = ()
