"""Which rows does a list request ask for, and which page of them?

``account_ids`` (required), ``strategy_id``, ``symbol``; histories also UTC days. Newest id first.
Pages by cursor (the last id seen, cheap at any depth) or, for the first 10,000 rows, by number.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from rest_framework.request import Request

from accounts.rights.permissions import Caller, require_read_all
from oms_project.errors import Invalid
from positions.pages import newest
from positions.querysets import Days, VisibleQuerySet

DEFAULT_LIMIT = 100
OPEN_LIMIT = 5000
HISTORY_LIMIT = 500
DEEPEST_ROW = 10_000
MOST_IDS = 500
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and how to get the next ones; ``number`` and ``size`` where pages were asked for."""

    rows: list[Any]
    next_cursor: str | None
    number: int | None = None
    size: int | None = None

    def body(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        """The answer around ``items``."""
        numbered = {} if self.number is None else {"page": self.number, "page_size": self.size}
        return {"items": items, "next_cursor": self.next_cursor} | numbered


def asked_rows(
    request: Request, rows: VisibleQuerySet, *, day_column: str = "", also: Collection[str] = ()
) -> VisibleQuerySet:
    """The visible rows that the query asks for, newest first.

    ``also`` are parameters that the list has beside the common ones; whoever names them reads them.

    Raises:
        Invalid: a parameter is unknown or wrong.
        AccountNotFound: one of the accounts does not exist for this caller.
    """
    found, account_ids = _asked(request, rows, day_column, also)
    return found.visible_to(request.user, account_ids)


def asked_by_account(
    request: Request,
    rows: VisibleQuerySet,
    *,
    day_column: str = "",
    also: Collection[str] = (),
    paged: bool = True,
) -> list[VisibleQuerySet]:
    """The same rows as ``asked_rows`` in parts, of one account each: what ``page_of`` reads.

    Without ``paged`` there is nothing to say of pages: all are asked for.

    Raises:
        Invalid: a parameter is unknown or wrong.
        AccountNotFound: one of the accounts does not exist for this caller.
    """
    found, account_ids = _asked(request, rows, day_column, also, paged=paged)
    return [
        part for account_id in account_ids for part in found.visible_parts(request.user, account_id)
    ]


def _asked(
    request: Request,
    rows: VisibleQuerySet,
    day_column: str,
    also: Collection[str],
    *,
    paged: bool = True,
) -> tuple[VisibleQuerySet, list[int]]:
    """The rows of any account that the filters leave, newest first; and the accounts asked for."""
    known = {"account_ids", "strategy_id", "symbol"}
    known |= {"limit", "cursor", "page", "page_size"} if paged else set()
    known |= {"start_date", "end_date"} if day_column else set()
    known |= {*also}
    refuse_unknown(request, known)
    account_ids = ids_in(request, "account_ids")
    require_read_all(request.user, account_ids)
    found = rows.newest_first()
    strategy_id = whole_number(request, "strategy_id", least=0)
    if strategy_id is not None:
        found = found.of_strategy(strategy_id)
    if symbol := request.query_params.get("symbol"):
        found = found.cut_by(symbol=symbol)
    return (_within_days(request, found, day_column) if day_column else found), account_ids


def rows_by_id(request: Request, ids: str, rows: VisibleQuerySet, missing: type) -> list[Any]:
    """The rows with these ids (CSV), in the order asked; all or nothing.

    Raises:
        missing: one of them does not exist for this caller.
    """
    wanted = _ids(ids, "ids")
    caller: Caller = request.user
    found = rows.visible_to(caller, caller.account_ids()).in_bulk(wanted)
    for row_id in wanted:
        if row_id not in found:
            raise missing(id=row_id)
    return [found[row_id] for row_id in wanted]


Reader = Callable[[list[VisibleQuerySet], int, int], tuple[list[Any], int | None]]
"""Gives the newest rows, so many at most after so many that it skips; and after which id it looked
no further, if it did so."""


def _read_all(
    by_account: list[VisibleQuerySet], most: int, skip: int
) -> tuple[list[Any], int | None]:
    return newest(by_account, most, skip=skip), None


def page_of(
    request: Request, by_account: list[VisibleQuerySet], *, most: int, read: Reader = _read_all
) -> Page:
    """One page of the rows of several accounts, each ordered by ``-id``.

    Raises:
        Invalid: ``limit``, ``cursor``, ``page`` or ``page_size`` is wrong.
    """
    number = whole_number(request, "page", most=DEEPEST_ROW)
    if number is not None:
        return _numbered(request, by_account, number, most, read)
    limit = whole_number(request, "limit", most=most) or DEFAULT_LIMIT
    cursor = whole_number(request, "cursor")
    if cursor is not None:
        by_account = [rows.below(cursor) for rows in by_account]
    found, last = read(by_account, limit + 1, 0)
    if len(found) > limit:
        last = found[limit - 1].pk
    return Page(found[:limit], None if last is None else str(last))


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Every parameter is one that is known, so that a mistyped filter never widens a list.

    Raises:
        Invalid: naming the parameter.
    """
    for name in request.query_params:
        if name not in known:
            raise Invalid("There is no such parameter.", field=name[:64], limit=sorted(known))


def ids_in(request: Request, name: str) -> list[int]:
    """A required CSV of ids.

    Raises:
        Invalid: it is missing or wrong.
    """
    text = request.query_params.get(name)
    if not text:
        raise Invalid(f"{name} is missing.", field=name, limit="ids separated by commas")
    return _ids(text, name)


def whole_number(
    request: Request, name: str, *, least: int = 1, most: int = _LARGEST
) -> int | None:
    """A number in the query, ``None`` where it is absent.

    Raises:
        Invalid: it is no whole number between ``least`` and ``most``.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    readable = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not readable or not least <= int(text) <= most:
        raise Invalid(
            f"{name} is a whole number from {least} to {most}.",
            field=name,
            limit=[least, most],
            value=text[:64],
        )
    return int(text)


def word_in(request: Request, name: str, words: type[StrEnum]) -> StrEnum | None:
    """One word of a vocabulary in the query, ``None`` where it is absent.

    Raises:
        Invalid: there is no such word.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    known = {str(word): word for word in words}
    if text not in known:
        raise Invalid(f"{name} is not acceptable.", field=name, limit=[*known], value=text[:64])
    return known[text]


def span_of(request: Request, number: int, most: int) -> tuple[int, int]:
    """Where page ``number`` begins, and how many rows it has.

    Raises:
        Invalid: it lies too deep.
    """
    size = whole_number(request, "page_size", most=most) or DEFAULT_LIMIT
    start = (number - 1) * size
    if start + size > DEEPEST_ROW:
        raise Invalid(
            "Pages by number reach the first rows only; use the cursor.",
            field="page",
            limit=DEEPEST_ROW,
            value=start + size,
        )
    return start, size


def _numbered(
    request: Request, by_account: list[VisibleQuerySet], number: int, most: int, read: Reader
) -> Page:
    start, size = span_of(request, number, most)
    found, last = read(by_account, size + 1, start)
    if len(found) > size:
        last = found[size - 1].pk
    return Page(found[:size], None if last is None else str(last), number, size)


def _ids(text: str, name: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    readable = all(part.isascii() and part.isdigit() and len(part) <= 19 for part in parts)
    if not readable or len(parts) > MOST_IDS or any(int(part) > _LARGEST for part in parts):
        raise Invalid(
            f"{name} is a list of ids separated by commas.",
            field=name,
            limit=f"1 to {MOST_IDS} ids",
            value=text[:64],
        )
    return list(dict.fromkeys(int(part) for part in parts))


def _within_days(request: Request, rows: VisibleQuerySet, column: str) -> VisibleQuerySet:
    start, end = _day(request, "start_date"), _day(request, "end_date")
    if start and end and end < start:
        raise Invalid(
            "end_date is before start_date.", field="end_date", limit=str(start), value=str(end)
        )
    return rows.within(Days(column, start, end)) if start or end else rows


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or not date(1970, 1, 1) <= found <= date(9999, 12, 30):
        raise Invalid(f"{name} is a day.", field=name, limit="YYYY-MM-DD", value=text[:64])
    return found
