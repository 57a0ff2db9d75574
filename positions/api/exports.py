"""How does a whole list leave as a file?

Exactly the rows that the list shows for the same filters, all of its pages, read in pages of
``AT_ONCE`` from the newest id on: what is made meanwhile is not in it, and what changes meanwhile
is as it was when its page was read. So no transaction is held and no more than a page is in memory.
"""

import csv
import json
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from accounts.rights.permissions import require_read_all
from oms_project.errors import PayloadTooLarge, RateLimited
from positions import rows, selectors
from positions.api import filters, schema
from positions.api.filters import Filters
from positions.api.lists import (
    asked_by_account,
    ids_in,
    refuse_unknown,
    whole_number,
    word_in,
)
from positions.api.sheets import MOST_ROWS, write_sheet
from positions.engine.types import CaseState
from positions.models import Case, Deal, Event, Order, Position
from positions.pages import newest
from positions.querysets import VisibleQuerySet

AT_ONCE = 500
RETRY_AFTER_S = 5
_FILE_PART = 64 * 1024
# A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Format(StrEnum):
    """What a file is written as."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.JSON: "application/json",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What a request asks for: the columns, how many rows at most, and the rows page by page."""

    columns: list[str]
    count: int
    pages: Iterator[list[rows.Row]]


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its rows, by what it can be cut, and what a row looks like."""

    name: str
    rows: Callable[[], VisibleQuerySet]
    filters: Filters
    render: Callable[[list[Any]], list[rows.Row]]
    row: type[Serializer]
    day_column: str = ""
    words: Mapping[str, type[StrEnum]] = field(default_factory=dict)
    in_parts: bool = False  # Read as ``OrderQuerySet.parts``.

    def select(self, request: Request, most: int) -> Selection:
        """The rows that the query asks for.

        Raises:
            Invalid, AccountNotFound: as the list does.
        """
        also = {*self.filters.names, *self.words, "format", "ids"}
        found = asked_by_account(
            request, self.rows(), day_column=self.day_column, also=also, paged=False
        )
        if self.in_parts:
            found = [part for each in found for part in each.parts()]
        found = self.filters.cut(request, found)
        for name, words in self.words.items():
            if word := word_in(request, name, words):
                found = [each.filter(**{name: word}) for each in found]
        if "ids" in request.query_params:
            found = [each.filter(pk__in=ids_in(request, "ids")) for each in found]
        pages = (self.render(page) for page in _pages(found))
        return Selection(_columns(self.row), _count(found, most), pages)


@dataclass(frozen=True, slots=True)
class EventLog:
    """The events of one account, oldest first."""

    name: str = "events"

    def select(self, request: Request, most: int) -> Selection:
        """The events after ``since_seq``.

        Raises:
            Invalid, AccountNotFound, EventsExpired: as the list does.
        """
        refuse_unknown(request, {"account_ids", "since_seq", "format"})
        account_id = selectors.single_account(ids_in(request, "account_ids"))
        require_read_all(request.user, [account_id])
        since = whole_number(request, "since_seq", least=0)
        if since is not None:
            selectors.require_kept_events(account_id, since)
        found = Event.objects.visible_to(request.user, [account_id]).since(since or 0)
        newest_seq = found.order_by("-seq").values_list("seq", flat=True).first() or 0
        pages = _event_pages(found.filter(seq__lte=newest_seq))
        return Selection(_columns(schema.EventSerializer), _count([found], most), pages)


ORDERS = Listing(
    "orders", Order.objects.all, filters.ORDERS,
    lambda page: [rows.order_row(each) for each in page], schema.OrderSerializer, "created_at",
    in_parts=True,
)  # fmt: skip
OPEN_ORDERS = Listing(
    "open orders", Order.objects.open, filters.ORDERS,
    lambda page: [rows.order_row(each) for each in page], schema.OrderSerializer,
)  # fmt: skip
ORDER_HISTORY = Listing(
    "order history", Order.objects.history, filters.ORDERS,
    lambda page: [rows.order_row(each) for each in page], schema.OrderSerializer, "created_at",
)  # fmt: skip
DEALS = Listing(
    "deals", Deal.objects.live, filters.DEALS,
    lambda page: [rows.deal_row(each) for each in page], schema.DealSerializer, "executed_at",
)  # fmt: skip
OPEN_POSITIONS = Listing(
    "open positions", Position.objects.open, filters.POSITIONS,
    selectors.marked_rows, schema.PositionSerializer,
)  # fmt: skip
POSITION_HISTORY = Listing(
    "position history", Position.objects.history, filters.POSITIONS,
    rows.position_rows, schema.PositionSerializer,
    "closed_at",
)  # fmt: skip
CASES = Listing(
    "cases", lambda: Case.objects.select_related("owner"), filters.CASES,
    lambda page: [rows.case_row(each) for each in page], schema.CaseSerializer,
    words={"state": CaseState},
)  # fmt: skip
EVENTS = EventLog()


def answer(request: Request, listing: Listing | EventLog) -> StreamingHttpResponse:
    """The file. CSV and JSON are made while they are sent, a workbook before.

    Raises:
        PayloadTooLarge: there are more rows than a file may have.
        RateLimited: so many files are being made already that there is no thread for more.
    """
    shape = word_in(request, "format", Format) or Format.CSV
    most = settings.OMS_EXPORT_ROWS
    if shape is Format.XLSX:
        most = min(most, MOST_ROWS)
    place = _Place()
    try:
        selection = listing.select(request, most)
        if selection.count > most:
            raise PayloadTooLarge(
                "A file has no more rows than this: ask for fewer days or accounts.",
                field="format", limit=most, value=f"more than {most}",
            )  # fmt: skip
        parts = _Parts(_WRITERS[shape](selection), place)
    except BaseException:
        place.leave()
        raise
    name = f"{listing.name.replace(' ', '-')}.{shape}"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(parts, content_type=TYPES[shape], headers=disposition)


class _Place:
    """One of the few threads that may be busy with files, until it is left."""

    _lock = threading.Lock()
    _taken = 0

    def __init__(self) -> None:
        with _Place._lock:
            if _Place._taken >= settings.OMS_EXPORTS_AT_ONCE:
                raise RateLimited(
                    "Other files are being made.",
                    limit=settings.OMS_EXPORTS_AT_ONCE,
                    retry_after_s=RETRY_AFTER_S,
                )
            _Place._taken += 1
        self._is_held = True

    def leave(self) -> None:
        """Let the next one in; once."""
        with _Place._lock:
            if self._is_held:
                self._is_held = False
                _Place._taken -= 1


class _Parts:
    """The parts of a file, and the place that is left when it is sent or its client gone."""

    def __init__(self, parts: Iterator[bytes], place: _Place) -> None:
        self._parts, self._place = parts, place

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self._parts.close()  # type: ignore[attr-defined]
        self._place.leave()


class _Lines:
    """What a csv writer writes to; the lines are taken out again as bytes."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, line: str) -> None:
        self._lines.append(line)

    def take(self) -> bytes:
        """What was written since the last time."""
        text = "".join(self._lines)
        self._lines.clear()
        return text.encode()


def _csv(selection: Selection) -> Iterator[bytes]:
    lines = _Lines()
    writer = csv.writer(lines)
    writer.writerow(selection.columns)
    yield lines.take()
    for page in selection.pages:
        writer.writerows([_cell(row[name]) for name in selection.columns] for row in page)
        yield lines.take()


def _json(selection: Selection) -> Iterator[bytes]:
    before = '{"items": ['
    for page in selection.pages:
        told = ", ".join(json.dumps(row, ensure_ascii=False) for row in page)
        yield (before + told).encode()
        before = ", "
    yield ("" if before == ", " else before).encode() + b'], "next_cursor": null}'


def _xlsx(selection: Selection) -> Iterator[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed when it is sent)
    try:
        cells = ([_cell(row[name]) for name in selection.columns] for row in _each(selection))
        write_sheet(file, selection.columns, cells)
    except BaseException:
        file.close()
        raise
    return _sent(file)


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while part := file.read(_FILE_PART):
            yield part


_WRITERS: Mapping[Format, Callable[[Selection], Iterator[bytes]]] = {
    Format.CSV: _csv,
    Format.JSON: _json,
    Format.XLSX: _xlsx,
}


def _each(selection: Selection) -> Iterator[rows.Row]:
    for page in selection.pages:
        yield from page


def _cell(value: Any) -> str:
    """A value as text; what a spreadsheet would take for a formula has an apostrophe in front."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str():
            return f"'{value}" if value.startswith(_FORMULA) and not _is_number(value) else value
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def _is_number(text: str) -> bool:
    whole, _, part = text.removeprefix("-").partition(".")
    return whole.isascii() and whole.isdigit() and (not part or part.isdigit())


def _pages(by_account: list[VisibleQuerySet]) -> Iterator[list[Any]]:
    found = newest(by_account, AT_ONCE)
    while found:
        yield found
        last = found[-1].pk
        found = newest([each.below(last) for each in by_account], AT_ONCE)


def _event_pages(found: QuerySet) -> Iterator[list[rows.Row]]:
    page = list(found[:AT_ONCE])
    while page:
        yield [rows.event_row(each) for each in page]
        page = list(found.filter(seq__gt=page[-1].seq)[:AT_ONCE])


def _count(by_account: Iterable[QuerySet], most: int) -> int:
    return sum(each.order_by()[: most + 1].count() for each in by_account)


def _columns(row: type[Serializer]) -> list[str]:
    return list(row().fields)
