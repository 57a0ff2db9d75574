"""How are raw rows of several tables one list?

Accounts with dedicated storage have tables of their own, so a list of several accounts may be read
from several. Each is read by keyset, newest first, and they are merged by when a row was observed.
With one table the cursor is the last id, as in every list; with several it names the last of each.
"""

from collections.abc import Iterator
from heapq import merge
from itertools import islice

from django.db.models import QuerySet
from rest_framework.request import Request

from gateway.evidence import storage
from gateway.models import RawRow
from oms_project.errors import Invalid
from positions.api.lists import (
    DEEPEST_ROW,
    DEFAULT_LIMIT,
    HISTORY_LIMIT,
    Page,
    asked_by_account,
    asked_rows,
    ids_in,
    page_of,
    span_of,
    whole_number,
)

_LARGEST = 2**63 - 1


def raw_page(request: Request, kind: type[RawRow]) -> Page:
    """The page of raw orders or trades that is asked for.

    Raises:
        Invalid: a parameter is wrong.
        AccountNotFound: one of the accounts does not exist for this caller.
    """
    shared = asked_by_account(request, kind.objects.all(), day_column="observed_at")
    tables = storage.tables_of(kind, ids_in(request, "account_ids"))
    if len(tables) == 1:
        return page_of(request, shared, most=HISTORY_LIMIT)
    rows = [asked_rows(request, each.objects.all(), day_column="observed_at") for each in tables]
    if (number := whole_number(request, "page", most=DEEPEST_ROW)) is not None:
        return _numbered(request, rows, number)
    limit = whole_number(request, "limit", most=HISTORY_LIMIT) or DEFAULT_LIMIT
    return _after(rows, _cursor(request, len(rows)), limit)


def _after(rows: list[QuerySet], last: list[int], limit: int) -> Page:
    """What follows the last row of each table."""
    unread = [each.filter(pk__lt=seen) for each, seen in zip(rows, last, strict=True)]
    found = list(islice(_merged(unread, limit + 1), limit + 1))
    read = found[:limit]
    return Page([row for row, _ in read], _last(read, last) if len(found) > limit else None)


def _numbered(request: Request, rows: list[QuerySet], number: int) -> Page:
    start, size = span_of(request, number, HISTORY_LIMIT)
    found = list(islice(_merged(rows, start + size + 1), start + size + 1))
    more, read = len(found) > start + size, found[: start + size]
    shown = [row for row, _ in read[start:]]
    return Page(shown, _last(read, [_LARGEST] * len(rows)) if more else None, number, size)


def _last(read: list[tuple[RawRow, int]], last: list[int]) -> str:
    """The cursor after these rows, read from where ``last`` says."""
    for row, place in read:
        last[place] = row.pk
    return ":".join(map(str, last))


def _merged(rows: list[QuerySet], most: int) -> Iterator[tuple[RawRow, int]]:
    """(row, number of its table), newest first."""
    tables = ([(row, place) for row in each[:most]] for place, each in enumerate(rows))
    return merge(*tables, key=lambda pair: (pair[0].observed_at, pair[0].pk), reverse=True)


def _cursor(request: Request, count: int) -> list[int]:
    """The last id of each table.

    Raises:
        Invalid: it is not one of this list.
    """
    text = request.query_params.get("cursor")
    if text is None:
        return [_LARGEST] * count
    parts = text.split(":")
    readable = all(part.isascii() and part.isdigit() and len(part) <= 19 for part in parts)
    if not readable or len(parts) != count or any(int(part) > _LARGEST for part in parts):
        raise Invalid("The cursor is none of this list.", field="cursor",
                      limit="the next_cursor of the page before", value=text[:64])  # fmt: skip
    return [int(part) for part in parts]
