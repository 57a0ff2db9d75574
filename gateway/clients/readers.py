"""Who asks an exchange for a client, beside the sessions that carry orders?

A ``Reader`` is a session of its own, on the reading loop of the process that was asked (web), with
its own connections and its own rate limiter: however slow or many the calls, no order queues behind
them. Market data is read by one reader per exchange, without any login, so that what is shared
between accounts can hold nothing private. Everything else is read by one per account.

Each has a limit on calls under way, and so has the process: a hanging exchange uses up its own
share and then answers ``engine_unavailable``. See docs/adr/0019-reading-beside-orders.md.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import monotonic
from typing import Any

from django.conf import settings

from gateway import loop
from gateway.clients.arguments import Arguments
from gateway.clients.functions import Function
from gateway.exchanges import profile as profiles
from gateway.exchanges.capabilities import PREFIXES, ccxt_id
from gateway.exchanges.profile import Profile
from gateway.sessions import kept as sessions
from gateway.sessions.instance import build
from gateway.sessions.loaded import Loaded
from gateway.sessions.logins import LOOK_EVERY_S, Version, versions
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.refusals import told
from gateway.sessions.session import Session
from gateway.words import Ask
from oms_project.errors import AccountNotFound, EngineUnavailable, ExchangeTimeout, OmsError

log = logging.getLogger(__name__)

IDLE_S = 600


class Reader:
    """One session that only clients use, and how many of their calls are under way in it."""

    def __init__(self, session: Session, loaded: Loaded) -> None:
        self.session = session
        self.used_at_s = monotonic()
        self.in_flight = 0
        self._refreshing: asyncio.Task[None] | None = None
        self.take_over(loaded)

    def take_over(self, loaded: Loaded) -> None:
        """Use these markets from now on."""
        self.loaded = loaded
        self.session.take_over(loaded)

    def freshen(self) -> None:
        """Have markets that are too old loaded again; the old ones are used meanwhile."""
        is_old = monotonic() - self.loaded.loaded_at_s >= settings.OMS_MARKETS_TTL_S
        if is_old and (self._refreshing is None or self._refreshing.done()):
            self._refreshing = asyncio.ensure_future(self._refresh())

    async def _refresh(self) -> None:
        try:
            self.take_over(await catalogue(self.session.profile))
        except (CallFailed, OmsError) as failure:
            log.warning("reader.markets_not_refreshed", extra={"why": str(failure)})

    def is_idle(self) -> bool:
        """Whether nobody has used it for long."""
        return not self.in_flight and monotonic() - self.used_at_s > IDLE_S

    async def call(self, function: Function, arguments: Arguments, ask: Ask = Ask.READ) -> Any:
        """ccxt's answer to one call.

        Raises:
            FunctionNotAllowed: the exchange does not offer the function.
            EngineUnavailable: too many calls are under way already; nothing was asked.
            CallFailed: as ``gateway.sessions.outcomes`` judges it.
        """
        function.require(self.session.exchange.has, self.session.exchange_id)
        with _counted(self):
            return await self.session.call(ask, function.method, arguments.values, arguments.params)


_readers: dict[int | str, "asyncio.Task[Reader]"] = {}
_stamps: dict[int, tuple[Version, float]] = {}
_leaving: set[asyncio.Task[None]] = set()
_total = 0


async def within_time(work: Awaitable[Any], *, acting: bool = False) -> Any:
    """The answer of ``work``, or the error that a client is told.

    Raises:
        ExchangeTimeout: it took longer than ``OMS_CCXT_TIMEOUT_S``.
        OmsError: the call failed; see ``gateway.sessions.refusals``.
    """
    try:
        async with asyncio.timeout(settings.OMS_CCXT_TIMEOUT_S):
            return await work
    except TimeoutError:
        raise ExchangeTimeout(limit=settings.OMS_CCXT_TIMEOUT_S) from None
    except CallFailed as failure:
        error = told(failure, acting=acting)
    # Raised out here: a failure's own context could lead to ccxt's text.
    raise error


async def for_account(account_id: int) -> Reader:
    """The account's reader; a changed login or setting is noticed within half a second.

    Raises:
        AccountNotFound: there is no such account.
        NoSession: its exchange cannot be used.
    """
    known = _stamps.get(account_id)
    if known is None or monotonic() - known[1] >= LOOK_EVERY_S:
        now = await loop.db(_version, account_id)
        # Looked at again: another call may have come here while the database was read.
        known, _stamps[account_id] = _stamps.get(account_id), (now, monotonic())
        if known is not None and known[0] != now:
            profiles.forget(account_id)
            _retire(account_id)
    return await _kept(account_id, lambda: _opened(account_id))


async def for_market_data(profile: Profile) -> Reader:
    """The reader without a login that all accounts of this exchange share.

    Raises:
        NoSession: the exchange cannot be used.
    """
    return await _kept(profile.key, lambda: _opened_without_login(profile))


async def for_streams(profile: Profile) -> Reader:
    """The same, with ccxt's streaming classes, for market data that is pushed.

    Raises:
        NoSession: the exchange cannot be used.
    """
    return await _kept(
        f"{profile.key} streams", lambda: _opened_without_login(profile, streaming=True)
    )


async def catalogue(profile: Profile) -> Loaded:
    """The exchange's markets, loaded at most every ``OMS_MARKETS_TTL_S`` seconds by this process.

    Raises:
        NoSession: they cannot be loaded.
    """

    async def load() -> Loaded:
        loaded = await sessions.load_catalogue(profile)
        if monotonic() - loaded.loaded_at_s < settings.OMS_MARKETS_TTL_S:
            return loaded
        return await sessions.load_catalogue(profile, reload=True)

    # Sessions of orders take over the same markets, and live on the other loop.
    return await asyncio.shield(asyncio.wrap_future(loop.run(load())))


async def close_all() -> None:
    """Close every reader of this process."""
    for key in list(_readers):
        await _close(key)
    _stamps.clear()


async def _kept(key: int | str, opened: Callable[[], Awaitable[Reader]]) -> Reader:
    task = _readers.get(key)
    if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
        await _close_idle()
        task = _readers[key] = asyncio.ensure_future(opened())
    # Shielded: one impatient client must not end the opening for the others.
    reader = await asyncio.shield(task)
    reader.used_at_s = monotonic()
    reader.freshen()
    return reader


async def _opened(account_id: int) -> Reader:
    profile, login = await loop.db(sessions.profile_and_login, account_id)
    profile = _polling(profile)
    loaded = await catalogue(profile)
    reader = Reader(Session(profile, build(profile, login)), loaded)
    with suppress(CallFailed):  # Whoever refuses a wrong clock has it measured again.
        await reader.session.measure_clock()
    return reader


async def _opened_without_login(profile: Profile, *, streaming: bool = False) -> Reader:
    profile = replace(_streaming(profile) if streaming else _polling(profile), uid="")
    loaded = await catalogue(profile)
    return Reader(Session(profile, build(profile, None)), loaded)


def _polling(profile: Profile) -> Profile:
    """The same exchange without streams: they would cost a process another hundred megabytes."""
    return replace(profile, exchange_id=PREFIXES[0] + ccxt_id(profile.exchange_id))


def _streaming(profile: Profile) -> Profile:
    """The same exchange with ccxt's streaming classes."""
    return replace(profile, exchange_id=PREFIXES[1] + ccxt_id(profile.exchange_id))


def _retire(account_id: int) -> None:
    """Have the next call opened with the new login; those under way end with the old one."""
    if (task := _readers.pop(account_id, None)) is None:
        return

    async def leave() -> None:
        with suppress(Exception):  # It never opened, and whoever wanted it was told.
            await (await task).session.retire()

    leaving = asyncio.ensure_future(leave())
    _leaving.add(leaving)
    leaving.add_done_callback(_leaving.discard)


async def _close(key: int | str) -> None:
    task = _readers.pop(key, None)
    if task is None:
        return
    try:
        reader = await task
    except Exception:  # noqa: BLE001 (it never opened, and whoever wanted it was told)
        return
    await reader.session.close()


async def _close_idle() -> None:
    for key, task in list(_readers.items()):
        ready = task.done() and not task.cancelled() and task.exception() is None
        if ready and task.result().is_idle():
            await _close(key)


@contextmanager
def _counted(reader: Reader) -> Iterator[None]:
    global _total  # noqa: PLW0603 (one per process is the point)
    for count, limit in (
        (reader.in_flight, settings.OMS_CCXT_IN_FLIGHT),
        (_total, settings.OMS_CCXT_CALLS),
    ):
        if count >= limit:
            raise EngineUnavailable("Too many calls are waiting for exchanges.", limit=limit)
    reader.in_flight += 1
    _total += 1
    try:
        yield
    finally:
        reader.in_flight -= 1
        _total -= 1


def _version(account_id: int) -> Version:
    found = versions([account_id]).get(account_id)
    if found is None:
        raise AccountNotFound(account_id=account_id)
    return found


def _forget_after_fork() -> None:
    """Connections and loops stayed with the parent."""
    global _total  # noqa: PLW0603 (see above)
    _readers.clear()
    _stamps.clear()
    _total = 0


os.register_at_fork(after_in_child=_forget_after_fork)
