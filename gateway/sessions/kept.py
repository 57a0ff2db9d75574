"""Which session has each account?

One per account, kept warm in a worker: ``open_for`` gives it, ``keep_current`` opens it anew when
its login changed, ``forget`` drops it. Sessions of one exchange share its markets. Everything here
runs on the process's loop (``gateway.loop``).
"""

import asyncio
import logging
import os
from dataclasses import replace
from time import monotonic

from django.utils import timezone

from accounts.credentials import ExchangeLogin, login_of
from accounts.models import Account
from gateway import loop, pacing
from gateway.exchanges import known_markets
from gateway.exchanges import profile as profiles
from gateway.exchanges.profile import Profile
from gateway.sessions import catalogue, position_mode
from gateway.sessions.instance import build
from gateway.sessions.loaded import Loaded
from gateway.sessions.logins import LOOK_EVERY_S, Version, versions
from gateway.sessions.outcomes import CallFailed, NoSession
from gateway.sessions.session import Session
from oms_project.errors import AccountNotFound, EngineUnavailable

log = logging.getLogger(__name__)

_open: dict[int, "asyncio.Task[Session]"] = {}
_versions: dict[int, Version] = {}
_leaving: set[asyncio.Task[None]] = set()
_loaded: dict[str, Loaded] = {}
_loading: dict[str, asyncio.Lock] = {}


async def open_for(account_id: int) -> Session:
    """The account's live session; the first call opens it, calls meanwhile wait for that one.

    Raises:
        NoSession: no login, no such exchange in ccxt, or its markets cannot be loaded. It is an
            ``EngineUnavailable`` and a ``NotSent``.
        AccountNotFound: there is no such account.
    """
    task = _open.get(account_id)
    if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
        task = _open[account_id] = asyncio.ensure_future(_opened(account_id))
    # Shielded: one impatient caller must not end the opening for the others.
    return await asyncio.shield(task)


async def forget(account_id: int) -> None:
    """Close the account's session; the next ``open_for`` reads the login again."""
    profiles.forget(account_id)
    if (task := _open.pop(account_id, None)) is not None:
        await _close(task)


async def keep_current() -> None:
    """Open sessions anew whose login or settings changed, for ever."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            await renew_changed()
        except Exception:
            log.exception("sessions.not_compared")  # The rows are as they were: looked at again.


async def renew_changed() -> None:
    """Have the next ``open_for`` of every account with another login open a new session.

    Calls that are under way end in the old one, its streams end at once.
    """
    known = {account_id: _versions[account_id] for account_id in _open if account_id in _versions}
    now = await loop.db(versions, known) if known else {}
    for account_id, version in known.items():
        if now.get(account_id) != version and (task := _open.pop(account_id, None)) is not None:
            log.info("session.login_changed", extra={"account_id": account_id})
            profiles.forget(account_id)
            position_mode.doubt(account_id)
            leaving = asyncio.ensure_future(_retire(task))
            _leaving.add(leaving)
            leaving.add_done_callback(_leaving.discard)


async def close_all() -> None:
    """Close every session of this process."""
    tasks = list(_open.values())
    _open.clear()
    for leaving in tuple(_leaving):
        leaving.cancel()
    await asyncio.gather(*(_close(task) for task in tasks), *_leaving, return_exceptions=True)


async def load_catalogue(profile: Profile, *, reload: bool = False) -> Loaded:
    """The markets of the account's exchange: this process's copy, or loaded now and stored.

    Loading runs in a thread of its own: reading thousands of markets takes a second of computing,
    which orders on the loop must not wait for. Those who wait for another loading meanwhile share
    the next one.

    Raises:
        NoSession: the exchange cannot be asked.
    """
    with pacing.going(pacing.Rank.ACTING):  # Nothing can be sent without it.
        return await _load_catalogue(profile, reload=reload)


def loaded_of(profile: Profile) -> Loaded | None:
    """This process's copy of the markets, without waiting for one that is being loaded."""
    return _loaded.get(profile.key)


async def _load_catalogue(profile: Profile, *, reload: bool) -> Loaded:
    asked_at_s = monotonic()
    async with _loading.setdefault(profile.key, asyncio.Lock()):
        known = _loaded.get(profile.key)
        if known is not None and (not reload or known.loaded_at_s >= asked_at_s):
            return known
        began_at_s = monotonic()
        login = await loop.db(_login_or_none, profile.account_id)
        try:
            loaded = await asyncio.to_thread(asyncio.run, catalogue.load(profile, login))
        except NoSession:
            raise
        except CallFailed as failure:
            raise NoSession("Markets cannot be loaded.", **failure.details) from None
        listed = {rules.symbol for rules in loaded.rules}
        loaded = loaded.with_gone(await loop.db(known_markets.gone, profile.key, listed))
        loaded = replace(loaded, loaded_at_s=began_at_s)
        _loaded[profile.key] = loaded
        await loop.db(known_markets.store, profile.key, loaded.rules, timezone.now())
        for session in _opened_already():
            if session.profile.key == profile.key:
                session.take_over(loaded)
        return loaded


def profile_and_login(account_id: int) -> tuple[Profile, ExchangeLogin]:
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise AccountNotFound(account_id=account_id)
    try:
        return profiles.profile_of(account), login_of(account)
    except EngineUnavailable as error:
        raise NoSession(error.message, **error.details) from None


def _opened_already() -> list[Session]:
    tasks = [task for task in _open.values() if task.done() and not task.cancelled()]
    return [task.result() for task in tasks if task.exception() is None]


async def _opened(account_id: int) -> Session:
    # Before the login: one that is set in between is another version, and found so.
    _versions.update(await loop.db(versions, [account_id]))
    profile, login = await loop.db(profile_and_login, account_id)
    loaded = await load_catalogue(profile)
    session = Session(profile, build(profile, login))
    session.take_over(loaded)
    # Not needed to open: the exchange refuses a wrong clock, and then it is measured again.
    try:
        with pacing.going(pacing.Rank.ACTING):
            await session.measure_clock()
    except CallFailed as failure:
        extra = {"account_id": account_id, "step": "measure_clock"}
        log.warning("session.opened_without", extra=extra | failure.details)
    return session


def _login_or_none(account_id: int) -> ExchangeLogin | None:
    """Most exchanges list their markets to anyone; some only to a login."""
    try:
        return profile_and_login(account_id)[1]
    except EngineUnavailable:
        return None


async def _retire(task: "asyncio.Task[Session]") -> None:
    try:
        session = await task
    except Exception:  # noqa: BLE001 (it never opened, and whoever opened it was told)
        return
    await session.retire()


async def _close(task: "asyncio.Task[Session]") -> None:
    try:
        session = await task
    except Exception:  # noqa: BLE001 (as above)
        return
    await session.close()


def _forget_after_fork() -> None:
    """Connections and loops stayed with the parent."""
    _open.clear()
    _versions.clear()
    _leaving.clear()
    _loading.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
