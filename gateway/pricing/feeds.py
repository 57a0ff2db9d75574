"""How do the prices of one exchange come, once for everybody in this process?

One ``Feed`` per exchange and address, on the exchange loop. Followers say which symbols they want
and how old a price may be; each is told every price as it comes. What is wanted young is listened
to on the exchange's public streams; what no stream, and no other process, told in time is asked
for, all of it in the cheapest call. A symbol that cannot be had is asked for again, and delays no
other.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.utils import timezone

from gateway import loop, pacing
from gateway.exchanges import capabilities
from gateway.exchanges.numbers import exact
from gateway.exchanges.profile import Profile, profile_for
from gateway.pricing import board
from gateway.pricing.asking import Asking, budget_s
from gateway.sessions import kept as sessions
from gateway.sessions.instance import build
from gateway.sessions.loaded import Loaded
from gateway.sessions.outcomes import CallFailed, Outcome, Refused, Unanswered
from gateway.sessions.session import Session
from gateway.words import Verdict
from oms_project.errors import OmsError
from positions.ports import SeenPrice

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
STREAMED_WITHIN_S = 2.0  # What is wanted as young as this is listened to; a stream may be as quiet.
STREAM_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
CLAIM_S = 0.5
_LOGIN_MISSING = "AuthenticationError"

Heard = Callable[[str, Decimal], None]


@dataclass(eq=False, slots=True)
class Follower:
    """Who wants prices: symbols with the seconds that a price may be old. ``hear`` only notes them.

    ``rank``: before whom they are asked for. Where a stop waits for them, before everybody.
    """

    hear: Heard
    rank: pacing.Rank = pacing.Rank.POLLING
    wants: Mapping[str, float] = field(default_factory=dict)


class Feed:
    """The prices of one exchange and address."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._key = profile.key
        self._followers: set[Follower] = set()
        self._bell = asyncio.Event()
        self._work: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[tuple[str, pacing.Rank], asyncio.Future[SeenPrice]] = {}
        self._not_before_s: dict[str, float] = {}
        self._talks: dict[bool, asyncio.Task[tuple[Session, Asking]]] = {}
        self._loaded: dict[bool, Loaded] = {}
        self._needs_login = False

    # --- for those who want prices ------------------------------------------------------------

    def want(self, follower: Follower, wants: Mapping[str, float]) -> None:
        """Have ``follower`` told these prices from now on; of an empty mapping nothing more."""
        news = wants.keys() - follower.wants.keys()
        follower.wants = dict(wants)
        if not wants:
            self._followers.discard(follower)
            return
        self._followers.add(follower)
        for symbol in news:
            known = board.known(self._key, symbol)
            if known is not None and known.age_s(timezone.now()) <= wants[symbol]:
                follower.hear(symbol, known.price)
        self._bell.set()
        self._start()

    def known(self, symbol: str) -> SeenPrice | None:
        """The newest price known, however old; nothing is asked."""
        return board.known(self._key, symbol)

    async def latest(
        self, symbol: str, max_age_s: float, *, rank: pacing.Rank = pacing.Rank.ACTING
    ) -> SeenPrice:
        """The price of ``symbol``, at most ``max_age_s`` seconds old; asked for where it is older.

        Raises:
            CallFailed: the exchange did not tell it within ``OMS_PRICE_ASK_S`` seconds.
        """
        known = board.known(self._key, symbol)
        if known is None or known.age_s(timezone.now()) > max_age_s:
            await loop.db(board.shared, self._key, [symbol])
            known = board.known(self._key, symbol)
        if known is not None and known.age_s(timezone.now()) <= max_age_s:
            return known
        asked = self._asked_already(symbol, rank)
        if asked is None:
            self._begin([symbol], rank)
            asked = self._asked[symbol, rank]
        # Shielded: one impatient caller must not end the asking for the others.
        return await asyncio.shield(asked)

    async def close(self) -> None:
        """Listen and ask no more."""
        self._followers.clear()
        for task in (*self._work, *self._tasks, *self._streams.values()):
            task.cancel()
        for talk in self._talks.values():
            with suppress(Exception):
                await (await talk)[0].close()

    # --- the feed -----------------------------------------------------------------------------

    def _start(self) -> None:
        if all(task.done() for task in self._work):
            self._work = [asyncio.create_task(self._run()), asyncio.create_task(self._publish())]

    async def _run(self) -> None:
        """Look after what is wanted, until nothing is."""
        while self._followers:
            try:
                await self._look()
            except Exception:
                log.exception("prices.feed_broke", extra={"key": self._key})
                await asyncio.sleep(STREAM_PAUSE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._bell.wait()
            self._bell.clear()
        self._listen_to(())

    async def _publish(self) -> None:
        while self._followers:
            await asyncio.sleep(board.TOLD_EVERY_S)
            try:
                await loop.db(board.publish, self._key)
            except Exception:
                log.exception("prices.not_published", extra={"key": self._key})

    async def _look(self) -> None:
        """Listen to what is wanted young, and ask for what is too old."""
        wanted, ranks = self._wanted()
        streamed = set()
        if self._can_stream():
            streamed = {each for each, age_s in wanted.items() if age_s <= STREAMED_WITHIN_S}
        self._listen_to(streamed)
        due = self._due(wanted, streamed)
        if due and board.is_shared():
            await loop.db(board.shared, self._key, due)
            self._tell_all(due)
            due = self._due(wanted, streamed)
        if not due:
            return
        mine = await loop.db(board.claim, self._key, due, CLAIM_S)
        if mine:  # Whoever is asked for in the same call is at its rank.
            self._begin(mine, min(ranks[symbol] for symbol in mine))

    def _wanted(self) -> tuple[dict[str, float], dict[str, pacing.Rank]]:
        wanted: dict[str, float] = {}
        ranks: dict[str, pacing.Rank] = {}
        for follower in self._followers:
            for symbol, age_s in follower.wants.items():
                wanted[symbol] = min(age_s, wanted.get(symbol, age_s))
                ranks[symbol] = min(follower.rank, ranks.get(symbol, follower.rank))
        return wanted, ranks

    def _due(self, wanted: Mapping[str, float], streamed: set[str]) -> set[str]:
        now, now_s = timezone.now(), monotonic()
        due = set()
        for symbol, age_s in wanted.items():
            if self._not_before_s.get(symbol, 0.0) > now_s:
                continue
            known = board.known(self._key, symbol)
            most_s = max(age_s, STREAMED_WITHIN_S) if symbol in streamed else age_s
            if known is None or known.age_s(now) >= most_s:
                due.add(symbol)
        return due

    # --- asking -------------------------------------------------------------------------------

    def _asked_already(self, symbol: str, rank: pacing.Rank) -> "asyncio.Future[SeenPrice] | None":
        mine = [(each, self._asked.get((symbol, each))) for each in pacing.Rank if each <= rank]
        return next((asked for _, asked in mine if asked is not None), None)

    def _begin(self, symbols: Iterable[str], rank: pacing.Rank) -> None:
        fresh = [each for each in symbols if self._asked_already(each, rank) is None]
        if not fresh:
            return
        for symbol in fresh:
            asked: asyncio.Future[SeenPrice] = asyncio.get_running_loop().create_future()
            asked.add_done_callback(_noted)
            self._asked[symbol, rank] = asked
        self._keep(self._ask(fresh, rank))

    def _keep(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, symbols: list[str], rank: pacing.Rank) -> None:
        """Ask for these, and settle each as its answer comes."""
        at = timezone.now()
        failure: CallFailed = Unanswered(Outcome(Verdict.UNANSWERED, exception="NullResponse"))

        def told(symbol: str, found: Decimal | CallFailed) -> None:
            if isinstance(found, CallFailed):
                self._missed(symbol, rank, found)
            else:
                self._heard(symbol, found, at)

        try:
            _, asking = await self._talk(streaming=False)
            with pacing.going(rank):
                in_time_s = budget_s() if rank < pacing.Rank.POLLING else None
                await asking.ask(symbols, told, within_s=in_time_s)
        except CallFailed as refused:
            failure = refused
        except OmsError as refused:
            failure = Refused(Outcome(Verdict.REFUSED, exception=type(refused).__name__))
        except Exception:
            log.exception("prices.asking_broke", extra={"key": self._key})
        finally:
            for symbol in symbols:
                if (symbol, rank) in self._asked:
                    self._missed(symbol, rank, failure)

    def _missed(self, symbol: str, rank: pacing.Rank, failure: CallFailed) -> None:
        asked = self._asked.pop((symbol, rank), None)
        self._not_before_s[symbol] = monotonic() + settings.OMS_PRICE_POLL_S
        if failure.exception == _LOGIN_MISSING and not self._needs_login:
            self._needs_login = True  # Public in name only: the next question is the account's own.
            self._talks.pop(False, None)
        about = {"key": self._key, "symbol": symbol} | failure.details
        log.warning("prices.not_told", extra=about)
        if asked is not None and not asked.done():
            asked.set_exception(failure)

    def _heard(self, symbol: str, price: Decimal, at: datetime) -> None:
        is_news = board.put(self._key, symbol, SeenPrice(price, at))
        self._not_before_s.pop(symbol, None)
        for rank in pacing.Rank:
            asked = self._asked.pop((symbol, rank), None)
            if asked is not None and not asked.done():
                asked.set_result(SeenPrice(price, at))
        if is_news:
            self._tell(symbol, price)

    def _tell_all(self, symbols: Iterable[str]) -> None:
        """Tell what other processes found."""
        now = timezone.now()
        for symbol in symbols:
            known = board.known(self._key, symbol)
            if known is not None and known.age_s(now) < STREAMED_WITHIN_S:
                self._tell(symbol, known.price)

    def _tell(self, symbol: str, price: Decimal) -> None:
        for follower in tuple(self._followers):
            if symbol in follower.wants:
                follower.hear(symbol, price)

    # --- streams ------------------------------------------------------------------------------

    def _can_stream(self) -> bool:
        name = capabilities.ccxt_id(self._profile.exchange_id)
        if capabilities.PREFIXES[1] + name not in capabilities.exchange_ids():
            return False
        talk = self._talks.get(True)
        opened = talk is not None and talk.done() and not talk.cancelled()
        if talk is None or not opened or talk.exception() is not None:
            return True  # Not known yet.
        return talk.result()[0].streams_tickers

    def _listen_to(self, symbols: Iterable[str]) -> None:
        """Have one stream per symbol, and none for others."""
        wanted = set(symbols)
        for symbol in self._streams.keys() - wanted:
            self._streams.pop(symbol).cancel()
        for symbol in wanted - self._streams.keys():
            self._streams[symbol] = asyncio.create_task(self._stream(symbol))

    async def _stream(self, symbol: str) -> None:
        pause_s = STREAM_PAUSE_S
        while True:
            try:
                session, _ = await self._talk(streaming=True)
                if not session.streams_tickers:
                    return
                row = await session.exchange.watch_ticker(symbol)
                price = exact(row.get("last"), "last")
            except Exception as error:  # noqa: BLE001 (ccxt's text is not for logs; REST asks meanwhile)
                about = {"key": self._key, "symbol": symbol, "reason": type(error).__name__}
                log.warning("prices.stream_lost", extra=about)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                continue
            pause_s = STREAM_PAUSE_S
            if price:
                self._heard(symbol, price, timezone.now())

    # --- sessions -----------------------------------------------------------------------------

    async def _talk(self, *, streaming: bool) -> tuple[Session, Asking]:
        """A session without a login, so that what all accounts are told can hold nothing private.

        Raises:
            CallFailed, OmsError: the exchange cannot be used.
        """
        task = self._talks.get(streaming)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._talks[streaming] = asyncio.ensure_future(self._opened(streaming))
        talk = await asyncio.shield(task)
        loaded = sessions.loaded_of(self._profile)
        if loaded is None:
            loaded = await sessions.load_catalogue(self._profile)
        if loaded is not self._loaded.get(streaming):
            self._loaded[streaming] = loaded
            talk[0].take_over(loaded)
        return talk

    async def _opened(self, streaming: bool) -> tuple[Session, Asking]:
        if self._needs_login and not streaming:
            session = await sessions.open_for(self._profile.account_id)
            return session, Asking(session)
        name = capabilities.ccxt_id(self._profile.exchange_id)
        prefix = capabilities.PREFIXES[1 if streaming else 0]
        profile = replace(self._profile, exchange_id=prefix + name, uid="")
        session = Session(profile, await asyncio.to_thread(build, profile, None))
        return session, Asking(session)


def _noted(asked: "asyncio.Future[SeenPrice]") -> None:
    """Nobody may be waiting for an answer that failed: it is in the log."""
    if not asked.cancelled():
        asked.exception()


_feeds: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Feed]] = WeakKeyDictionary()


async def feed_of(account_id: int) -> Feed:
    """The feed of the account's exchange and address.

    Raises:
        AccountNotFound: there is no such account.
    """
    profile = await loop.db(profile_for, account_id)
    feeds = _feeds.setdefault(asyncio.get_running_loop(), {})
    if profile.key not in feeds:
        feeds[profile.key] = Feed(profile)
    return feeds[profile.key]


async def latest(account_id: int, symbol: str, max_age_s: float) -> SeenPrice:
    """The price of ``symbol`` on the account's exchange, at most ``max_age_s`` seconds old.

    Raises:
        CallFailed: the exchange did not tell it within ``OMS_PRICE_ASK_S`` seconds.
        AccountNotFound: there is no such account.
    """
    return await (await feed_of(account_id)).latest(symbol, max_age_s)


async def close_all() -> None:
    """End every feed of this loop."""
    for feed in _feeds.pop(asyncio.get_running_loop(), {}).values():
        await feed.close()
