"""By what can a list be cut, beside account, strategy, symbol and days?

Ids are found by an index. Words are not: they are looked for among the newest rows that the other
filters leave, ``MOST_SCANNED`` for one page, so that no question costs more than that. A page may
therefore be short, or empty, and still have a next one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from positions.api.lists import Page, page_of, whole_number, word_in
from positions.engine.types import OrderStatus, PositionState, Reason, Side
from positions.pages import newest
from positions.querysets import VisibleQuerySet

MOST_SCANNED = 2_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """``ids``: parameter → column; ``words``: parameter, which is the column too → vocabulary."""

    ids: Mapping[str, str]
    words: Mapping[str, type[StrEnum]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Every parameter of it."""
        return frozenset({*self.ids, *self.words})

    @property
    def parameters(self) -> list[OpenApiParameter]:
        """The parameters as the document tells them."""
        scanned = f"Among the newest {MOST_SCANNED} rows that the other filters leave: a page may "
        scanned += "be short and still have `next_cursor`."
        return self._told(scanned)

    @property
    def unscanned(self) -> list[OpenApiParameter]:
        """The same where all rows are read and no page can be short."""
        return self._told("")

    def _told(self, of_words: str) -> list[OpenApiParameter]:
        return [OpenApiParameter(name, int) for name in self.ids] + [
            OpenApiParameter(name, str, enum=[*map(str, words)], description=of_words)
            for name, words in self.words.items()
        ]

    def page(self, request: Request, by_account: list[VisibleQuerySet], *, most: int) -> Page:
        """One page of the rows of several accounts, cut by what the query asks of these filters.

        Raises:
            Invalid: an id is no number, a word is not known, or the page is asked for wrongly.
        """
        by_account = self._cut_by_ids(request, by_account)
        wanted_words = self._words(request)
        if not wanted_words:
            return page_of(request, by_account, most=most)
        return _scanned(request, by_account, wanted_words, most=most)

    def cut(self, request: Request, by_account: list[VisibleQuerySet]) -> list[VisibleQuerySet]:
        """All rows that the query asks of these filters, however long they have to be looked for.

        Raises:
            Invalid: an id is no number, or a word is not known.
        """
        wanted_words = self._words(request)
        return [rows.filter(**wanted_words) for rows in self._cut_by_ids(request, by_account)]

    def _cut_by_ids(
        self, request: Request, by_account: list[VisibleQuerySet]
    ) -> list[VisibleQuerySet]:
        for name, column in self.ids.items():
            if wanted := whole_number(request, name):
                by_account = [rows.cut_by(**{column: wanted}) for rows in by_account]
        return by_account

    def _words(self, request: Request) -> dict[str, StrEnum]:
        asked = {name: word_in(request, name, words) for name, words in self.words.items()}
        return {name: word for name, word in asked.items() if word is not None}


def _scanned(
    request: Request, by_account: list[VisibleQuerySet], words: Mapping[str, StrEnum], *, most: int
) -> Page:
    def matches(row: Any) -> bool:
        return all(getattr(row, name) == word for name, word in words.items())

    def read(rows: list[VisibleQuerySet], count: int, skip: int) -> tuple[list[Any], int | None]:
        found, last = _scan(rows, skip + count, matches)
        return found[skip:], last

    return page_of(request, by_account, most=most, read=read)


def _scan(
    by_account: list[VisibleQuerySet], most: int, matches: Callable[[Any], bool]
) -> tuple[list[Any], int | None]:
    """Up to ``most`` rows that match, newest first, and the id after which nobody looked."""
    found: list[Any] = []
    scanned, rows = 0, by_account
    while scanned < MOST_SCANNED:
        asked = min(_AT_ONCE, MOST_SCANNED - scanned)
        some = newest(rows, asked)
        for row in some:
            scanned += 1
            if matches(row):
                found.append(row)
                if len(found) == most:
                    return found, None
        if len(some) < asked:
            return found, None
        last = some[-1].pk
        rows = [each.below(last) for each in by_account]
    return found, last


ORDERS = Filters(
    {"order_id": "pk", "position_id": "position_id"},
    {"side": Side, "status": OrderStatus, "reason": Reason},
)
DEALS = Filters(
    {"order_id": "order_id", "position_id": "position_id"}, {"side": Side, "reason": Reason}
)
POSITIONS = Filters(
    {"order_id": "opening_order_id", "position_id": "pk"},
    {"side": Side, "state": PositionState, "reason": Reason},
)
CASES = Filters({"order_id": "order_id", "position_id": "position_id"})
