"""How is a list read that an exchange gives only in pieces?

Exchanges cut lists silently: by their page size, and by how many days one call may span. ``pages``
asks until everything since a moment was given, through the exchange's own window and page size, and
holds two pages at a time however long the list is.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

from gateway.exchanges.facts import Facts
from gateway.sessions.outcomes import Outcome, Unanswered
from gateway.words import Verdict

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
LONGEST_WINDOW_DAYS = 90
MAX_PAGES = 500

Row = dict[str, Any]
Key = Callable[[Mapping[str, Any]], Any]


class Lists(Protocol):
    """What of a session is needed to turn the pages of a list."""

    facts: Facts

    @property
    def account_id(self) -> int:
        """Whose lists they are."""

    def now_ms(self) -> int:
        """Our clock."""

    def feature(self, symbol: str | None, method: str, name: str) -> int | None:
        """A number that ccxt knows of a list."""

    async def ask_for_page(
        self,
        method: str,
        symbol: str | None,
        since_ms: int | None,
        limit: int | None,
        params: Mapping[str, Any],
    ) -> list[Row]:
        """One page."""


def order_key(order: Mapping[str, Any]) -> Any:
    """What tells one order of a list from the next."""
    return order.get("id")


def trade_key(trade: Mapping[str, Any]) -> Any:
    """What tells one fill from the next: a self-trade gives both its orders one trade id."""
    return (trade.get("symbol"), trade.get("id"), trade.get("order"))


def funding_key(payment: Mapping[str, Any]) -> Any:
    """What tells one funding payment from the next."""
    return (payment.get("symbol"), payment.get("id"))


async def pages(  # Keywords, each a fact of the list asked for.
    session: Lists,
    method: str,
    symbol: str | None,
    since_ms: int,
    *,
    key: Key,
    limit: int | None = None,
    params: Mapping[str, Any] | None = None,
) -> AsyncIterator[list[Row]]:
    """Everything since then, oldest first, a page at a time, each row once.

    A page starts at the instant at which the one before ended: what that one held already is
    dropped by its key. A full page of one single instant is passed by trade id where the exchange
    can, else by a millisecond, which is logged. ``symbol`` is None for lists of a whole account.

    Raises:
        CallFailed: a page could not be asked for, or there are more than ``MAX_PAGES``; what was
            given until then is true, but not everything.
    """
    limit = limit or session.feature(symbol, method, "limit")
    window_ms = _window_ms(session.feature(symbol, method, "untilDays"))
    cursor_ms, now_ms = since_ms, session.now_ms()
    extra: dict[str, Any] = {}
    known: set[Any] = set()
    for _page in range(MAX_PAGES):
        until_ms = cursor_ms + window_ms if window_ms else now_ms
        bounded = {"until": until_ms} if window_ms and until_ms < now_ms and not extra else {}
        since = None if extra else cursor_ms
        page = await session.ask_for_page(
            method, symbol, since, limit, {**(params or {}), **bounded, **extra}
        )
        fresh = {key(row): row for row in page if key(row) not in known}
        known = {key(row) for row in page}
        if fresh:
            yield sorted(fresh.values(), key=lambda row: row.get("timestamp") or 0)
        newest_ms = max((row.get("timestamp") or 0 for row in page), default=cursor_ms)
        is_full = bool(fresh) and (limit is None or len(page) >= limit)
        extra = {}
        if is_full and newest_ms > cursor_ms:
            cursor_ms = newest_ms
        elif is_full or (page and limit is not None and len(page) >= limit):
            extra = _after(session, page, method)
            if not extra:
                log.warning("one instant fills a page", extra={"account_id": session.account_id})
                cursor_ms += 1
        elif window_ms and until_ms < now_ms:
            cursor_ms = until_ms
        else:
            return
    raise Unanswered(Outcome(Verdict.UNANSWERED, exception="TooManyPages"))


async def whole(
    session: Lists,
    method: str,
    symbol: str | None,
    since_ms: int,
    *,
    key: Key,
    limit: int | None = None,
    params: Mapping[str, Any] | None = None,
) -> list[Row]:
    """All pages as one list, for lists that are known to be short.

    Raises:
        CallFailed: not everything could be asked for.
    """
    found: dict[Any, Row] = {}
    options = {"key": key, "limit": limit, "params": params}
    async for page in pages(session, method, symbol, since_ms, **options):
        for row in page:
            found.setdefault(key(row), row)
    return sorted(found.values(), key=lambda row: row.get("timestamp") or 0)


def _after(session: Lists, page: list[Row], method: str) -> dict[str, Any]:
    """The parameter that asks for the trades after this page by id."""
    ids = [str(row.get("id")) for row in page]
    name = session.facts.trades_from_id
    if method != "fetchMyTrades" or name is None or not all(map(str.isdigit, ids)):
        return {}
    return {name: str(max(map(int, ids)) + 1)}


def _window_ms(days: int | None) -> int | None:
    """How much one call may span, a second short of it; ``None``: enough for anything."""
    return days * DAY_MS - 1000 if days and days <= LONGEST_WINDOW_DAYS else None
