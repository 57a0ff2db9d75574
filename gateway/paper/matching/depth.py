"""Changes of a book since the last time somebody was told, for the diff-depth streams."""

from dataclasses import dataclass
from decimal import Decimal

from gateway.paper.matching.book import Book, Side

LEVELS = 5000

Levels = dict[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class BookChange:
    """Levels that changed between two update ids; a quantity of zero removes a level.

    ``before_id`` is the last id of the change before: each change begins where the former ended.
    """

    before_id: int
    last_id: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]

    @property
    def first_id(self) -> int:
        return self.before_id + 1


class BookWatch:
    """Remembers a book as it was last told."""

    def __init__(self, book: Book) -> None:
        self._told_id = book.update_id
        self._told = _levels(book)

    def changed(self, book: Book) -> bool:
        return book.update_id != self._told_id

    def tell(self, book: Book) -> BookChange:
        """What changed since the last call (or since the watch began)."""
        now = _levels(book)
        bids, asks = (_difference(self._told[side], now[side]) for side in Side)
        change = BookChange(self._told_id, book.update_id, bids, asks)
        self._told_id, self._told = book.update_id, now
        return change


def _levels(book: Book) -> dict[Side, Levels]:
    return {side: dict(book.depth(side, LEVELS)) for side in Side}


def _difference(before: Levels, now: Levels) -> list[tuple[Decimal, Decimal]]:
    gone = [(price, Decimal(0)) for price in before if price not in now]
    return gone + [(price, qty) for price, qty in now.items() if before.get(price) != qty]
