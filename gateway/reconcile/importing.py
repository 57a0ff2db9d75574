"""What happened at the exchange that nobody here asked for?

Orders that were given elsewhere with the same login, liquidations, funding: they are brought in, so
that our books say what the exchange says. For each symbol the account's trades are read from where
the last round ended, a few minutes earlier to be sure; what is booked already is left alone.

A trade of an order that we do not know does not prove whose it is: our own order may be on the
wire, its acknowledgement still on the way. So the order itself is asked for first. It carries the
client id, and one of ours makes it ours. Only then is it adopted, the order and its trades in one
booking. What could not be asked stays where it is: a cursor moves only after success.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.utils import timezone

from gateway.evidence.booking import CcxtStructure, book
from gateway.exchanges.numbers import exact
from gateway.loop import db
from gateway.reconcile import cursors
from gateway.reconcile.cursors import NO_REACH, Place, Reach
from gateway.sessions import kept as sessions
from gateway.sessions import position_mode
from gateway.sessions.finding import fetch_order
from gateway.sessions.outcomes import CallFailed, NotFound, Outcome, Refused, Throttled
from gateway.sessions.session import Session
from gateway.troubles import blind
from gateway.troubles.beside import side_by_side
from gateway.words import ImportKind, Phase, Sense, Verdict
from oms_project.errors import Invalid, OmsError

log = logging.getLogger(__name__)

LISTS_AT_ONCE = 8

Seen = Callable[[Phase, int, int], Awaitable[None]]
"""Told how many lists of a phase were read, of how many."""


async def unseen(_phase: Phase, _done: int, _total: int) -> None:
    """Nobody looks."""


class Unread(CallFailed):
    """Some lists could not be read; what was booked of the others is true.

    ``failures``: what went wrong, by list: a symbol, or what is asked of the whole account. Code
    and facts are the first one's.
    """

    def __init__(self, failures: Mapping[str, Exception]) -> None:
        self.failures = dict(failures)
        first = next(iter(self.failures.values()))
        self.code = getattr(first, "code", CallFailed.code)  # type: ignore[misc]
        broken = Outcome(Verdict.UNANSWERED, exception=type(first).__name__)
        super().__init__(first.outcome if isinstance(first, CallFailed) else broken)

    @property
    def details(self) -> dict[str, Any]:
        """What a client may be told."""
        return {**super().details, "lists": sorted(self.failures)}


@dataclass(frozen=True, slots=True)
class Unshown:
    """An order of which the exchange shows trades, and why it could not be booked."""

    symbol: str
    exchange_order_id: str
    why: str

    def __str__(self) -> str:
        return f"{self.symbol} {self.exchange_order_id}"


@dataclass(slots=True)
class Imported:
    """What one round found.

    ``orders`` were not known by the exchange's id; ``trades`` were not booked. ``unexplained``
    orders are asked for again. ``gone`` symbols are those that the exchange does not have any more.
    """

    symbols: int = 0
    orders: int = 0
    trades: int = 0
    fundings: int = 0
    gone: int = 0
    unexplained: list[Unshown] = field(default_factory=list)


async def bring_in(
    account_id: int,
    *,
    only: Iterable[str] | None = None,
    everything: bool = False,
    with_orders: bool = True,
    with_funding: bool = True,
    reach: Reach = NO_REACH,
    found: Imported | None = None,
    seen: Seen = unseen,
) -> Imported:
    """Book what the account's exchange knows and we do not.

    ``only`` these symbols; else those that are due, with ``everything`` all that were ever met.
    Without orders, or funding, those are left to another time: both are dear lists. Repeating it
    books nothing twice. Who gives ``found`` has the counts also where it fails.

    Raises:
        CallFailed, EngineUnavailable: the exchange could not be asked about something; what was
            booked until then is true, the rest is asked for the next time.
    """
    session = await sessions.open_for(account_id)
    if only is None:
        await position_mode.look_again(session)
    counts = Imported() if found is None else found
    one = _Round(session, reach, counts, seen)
    if only is not None:
        return await one.read_some(set(only))
    return await one.read(everything=everything, with_orders=with_orders, with_funding=with_funding)


async def bring_in_funding(
    account_id: int, *, reach: Reach = NO_REACH, found: Imported | None = None
) -> None:
    """Book funding that was paid; the trades before it are booked.

    Raises:
        CallFailed, EngineUnavailable: it could not be asked for.
    """
    session = await sessions.open_for(account_id)
    one = _Round(session, reach, Imported() if found is None else found, unseen)
    await one.read_funding()


class _Round:
    """One reading of an account's past."""

    def __init__(self, session: Session, reach: Reach, found: Imported, seen: Seen) -> None:
        self._session = session
        self._account_id = session.account_id
        self._reach = reach
        self._seen = seen
        self._found = found
        self._failed: dict[str, Exception] = {}

    async def read(self, *, everything: bool, with_orders: bool, with_funding: bool) -> Imported:
        """Everything that is due; one list that fails does not keep the others from being read."""
        now = timezone.now()
        await db(cursors.begin, self._account_id, now)
        hints = [symbol for symbol in self._reach.symbols if self._session.lists(symbol)]
        await db(cursors.add, self._account_id, hints, now)
        await self._try("positions", self._note_held())
        if with_orders:
            every = self._session.facts.lists_every_open_order
            await self._orders([None] if every else await self._due(now, everything))
        due = await self._due(now, everything)
        await self._read_trades(due)
        if with_funding and self._may_book_funding():
            await self._try("funding", self._funding(due))
        return self._ended()

    async def read_some(self, symbols: set[str]) -> Imported:
        """The orders and trades of these symbols."""
        now = timezone.now()
        await db(cursors.begin, self._account_id, now)
        await db(cursors.add, self._account_id, symbols, now)
        due = [place for place in await self._due(now, True) if place.symbol in symbols]
        await self._orders(due)
        await self._read_trades(due)
        return self._ended()

    async def read_funding(self) -> Imported:
        """What was paid in every symbol that was ever met."""
        await self._try("funding", self._funding(await self._due(timezone.now(), True)))
        return self._ended()

    def _ended(self) -> Imported:
        if self._failed:
            raise Unread(self._failed)
        return self._found

    async def _read_trades(self, due: list[Place]) -> None:
        await self._each(Phase.TRADES, {place.symbol: place for place in due}, self._trades)
        self._found.symbols = len(due)

    async def _due(self, now: datetime, everything: bool) -> list[Place]:
        """What is to be read; of a symbol that was delisted nothing can be asked any more."""
        options = {"everything": everything, "reach": self._reach}
        places = await db(cursors.due, self._account_id, now, **options)
        listed = [place for place in places if self._session.lists(place.symbol)]
        self._found.gone = len(places) - len(listed)
        return listed

    async def _orders(self, places: list[Place] | list[None]) -> None:
        lists = {place.symbol if place else "": place for place in places}
        await self._each(Phase.ORDERS, lists, self._open_orders)

    async def _each(
        self,
        phase: Phase,
        lists: Mapping[str, Any],
        read: Callable[[Any], Coroutine[Any, Any, None]],
    ) -> None:
        """Read lists beside one another; one that fails or hangs holds up no other.

        Raises:
            Throttled: an exchange that says "too fast" is left in peace; the round ends here.
        """
        done = 0

        async def one(place: Any) -> None:
            nonlocal done
            try:
                await read(place)
            finally:
                done += 1
                await self._seen(phase, done, len(lists))

        works = {name: partial(one, place) for name, place in lists.items()}
        for name, failure in (await side_by_side(works, at_once=LISTS_AT_ONCE)).items():
            self._note(name, failure)
        for name in lists:
            if name not in self._failed:
                await blind.seen(self._account_id, Sense.HISTORY, name)
            else:
                await blind.failed(self._account_id, Sense.HISTORY, name, self._failed[name])

    def _note(self, name: str, failure: Exception) -> None:
        """Keep a failure, which concerns nothing but the list of that name.

        Raises:
            Throttled: see ``_each``.
        """
        if isinstance(failure, Throttled):
            raise failure
        about = {"account_id": self._account_id, "list": name, "why": blind.why_of(failure)}
        known = isinstance(failure, CallFailed | OmsError | TimeoutError)
        log.warning("import.list_failed", extra=about, exc_info=None if known else failure)
        self._failed[name] = failure

    async def _try(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Note a failure and go on.

        Raises:
            Throttled: see ``_each``.
        """
        for failure in (await side_by_side({name: lambda: work})).values():
            self._note(name, failure)

    def _may_book_funding(self) -> bool:
        """Shares are taken from the volumes of then: every trade before has to be booked.

        A refusal does not count: a symbol that is gone would hold up funding for ever.
        """
        return all(isinstance(failure, Refused | Invalid) for failure in self._failed.values())

    async def _note_held(self) -> None:
        """Know the symbols of derivatives that the exchange shows a position in: one call."""
        session = self._session
        if not (session.has_contracts and session.has("fetchPositions")):
            return
        rows = await session.fetch_positions()
        held = {row["symbol"] for row in rows if exact(row.get("contracts"))}
        await db(cursors.add, self._account_id, held, timezone.now())

    async def _open_orders(self, place: Place | None) -> None:
        """Adopt what rests at the exchange and is not ours. Triggers kept apart are not looked at.

        The list carries client ids: an own order whose acknowledgement is on the way is booked as
        what it is.
        """
        by_symbol: dict[str, list[CcxtStructure]] = {}
        for order in await self._session.fetch_open_orders(place and place.symbol):
            by_symbol.setdefault(str(order.get("symbol")), []).append(order)
        for each, orders in by_symbol.items():
            ids = [str(order.get("id")) for order in orders]
            strange = await db(cursors.strangers, self._account_id, each, ids)
            listed = [order for order in orders if str(order.get("id")) in strange]
            await db(cursors.add, self._account_id, {each} if listed else (), timezone.now())
            for order in listed:
                await self._book_stranger(each, order, [])

    async def _trades(self, place: Place) -> None:
        """Book the trades of one symbol that are missing, then move its cursor."""
        asked_at = self._session.exchange_time()
        until_ms = _milliseconds(self._reach.until) if self._reach.until else None
        async for page in self._session.my_trades(place.symbol, _milliseconds(place.since)):
            await self._book_page(place.symbol, page)
            if until_ms is not None and (page[-1].get("timestamp") or 0) > until_ms:
                break
        if all(one.symbol != place.symbol for one in self._found.unexplained):
            await self._move(ImportKind.TRADES, place.symbol, asked_at)

    async def _book_page(self, symbol: str, page: list[CcxtStructure]) -> None:
        keys = {_key(trade): trade for trade in page}
        missing = await db(cursors.unbooked, self._account_id, symbol, keys)
        trades = [trade for key, trade in keys.items() if key in missing]
        self._found.trades += len(trades)
        orders = {str(trade.get("order")) for trade in trades}
        strange = await db(cursors.strangers, self._account_id, symbol, orders)
        known = [trade for trade in trades if str(trade.get("order")) not in strange]
        await book(self._session, trades=known)
        for order_id in sorted(strange):
            theirs = [trade for trade in trades if str(trade.get("order")) == order_id]
            await self._ask_for_order(symbol, order_id, theirs)

    async def _ask_for_order(
        self, symbol: str, exchange_order_id: str, trades: list[CcxtStructure]
    ) -> None:
        try:
            order = await fetch_order(self._session, symbol, exchange_order_id=exchange_order_id)
        except NotFound:
            self._leave_open(symbol, exchange_order_id, "the exchange does not show it")
        else:
            await self._book_stranger(symbol, order, trades)

    async def _book_stranger(
        self, symbol: str, order: Mapping[str, Any], trades: list[CcxtStructure]
    ) -> None:
        """Book an order that we do not know by the exchange's id: ours by its client id, or not.

        The projector judges, under the account's lane. What it passes over is asked for again.
        """
        await book(self._session, orders=[dict(order)], trades=trades, adopt=True)
        order_id = str(order.get("id"))
        if await db(cursors.strangers, self._account_id, symbol, [order_id]):
            self._leave_open(symbol, order_id, "it may be ours, or is not told well enough")
        else:
            self._found.orders += 1

    async def _funding(self, places: list[Place]) -> None:
        """Book funding that was paid, after the trades before it."""
        session = self._session
        if not (session.has_contracts and session.has("fetchFundingHistory")):
            return
        listed = session.exchange.markets
        contracts = [
            place.symbol for place in places if listed.get(place.symbol, {}).get("contract")
        ]
        for symbol in [""] if session.facts.funding_of_all else contracts:
            asked_at = session.exchange_time()
            mine = (self._account_id, ImportKind.FUNDING, symbol, asked_at, self._reach)
            place = await db(cursors.place, *mine)
            since_ms = _milliseconds(place.since)
            async for page in session.funding_payments(symbol or None, since_ms):
                await book(session, fundings=page)
                self._found.fundings += len(page)
            await self._move(ImportKind.FUNDING, symbol, asked_at)

    async def _move(self, kind: ImportKind, symbol: str, reached: datetime) -> None:
        if not self._reach.is_period:
            await db(cursors.move, self._account_id, kind, symbol, reached)

    def _leave_open(self, symbol: str, exchange_order_id: str, why: str) -> None:
        about = {"account_id": self._account_id, "symbol": symbol, "why": why}
        log.warning("import.unexplained", extra=about | {"exchange_order_id": exchange_order_id})
        self._found.unexplained.append(Unshown(symbol, exchange_order_id, why))


def _key(trade: Mapping[str, Any]) -> tuple[str, str]:
    return str(trade.get("id")), str(trade.get("order"))


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
