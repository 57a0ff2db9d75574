"""Which session has each account?

One per account, kept warm in a worker: ``open_for`` gives it, ``forget`` drops it when its login
changed. Sessions of one exchange share its markets. Everything here runs on the process's loop
(``gateway.loop``).
"""

import asyncio
import logging
import os

from django.utils import timezone

from accounts.credentials import ExchangeLogin, login_of
from accounts.models import Account
from gateway import catalogue, loop, markets
from gateway.catalogue import Loaded
from gateway.instance import build
from gateway.markets import Profile
from gateway.outcomes import CallFailed, NoSession
from gateway.session import Session
from oms_project.errors import AccountNotFound, EngineUnavailable

log = logging.getLogger(__name__)

_open: dict[int, "asyncio.Task[Session]"] = {}
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
    markets.forget(account_id)
    if (task := _open.pop(account_id, None)) is not None:
        await _close(task)


async def close_all() -> None:
    """Close every session of this process."""
    tasks = list(_open.values())
    _open.clear()
    await asyncio.gather(*(_close(task) for task in tasks), return_exceptions=True)


async def load_catalogue(profile: Profile, *, reload: bool = False) -> Loaded:
    """The markets of the account's exchange: this process's copy, or loaded now and stored.

    Loading runs in a thread of its own: reading thousands of markets takes a second of computing,
    which orders on the loop must not wait for.

    Raises:
        NoSession: the exchange cannot be asked.
    """
    async with _loading.setdefault(profile.key, asyncio.Lock()):
        known = _loaded.get(profile.key)
        if known is not None and not reload:
            return known
        login = await loop.db(_login_or_none, profile.account_id)
        try:
            loaded = await asyncio.to_thread(asyncio.run, catalogue.load(profile, login))
        except NoSession:
            raise
        except CallFailed as failure:
            raise NoSession("Markets cannot be loaded.", **failure.details) from None
        _loaded[profile.key] = loaded
        await loop.db(markets.store, profile.key, loaded.rules, timezone.now())
        for session in _opened_already():
            if session.profile.key == profile.key:
                session.take_over(loaded)
        return loaded


def profile_and_login(account_id: int) -> tuple[Profile, ExchangeLogin]:
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise AccountNotFound(account_id=account_id)
    try:
        return markets.profile_of(account), login_of(account)
    except EngineUnavailable as error:
        raise NoSession(error.message, **error.details) from None


def _opened_already() -> list[Session]:
    tasks = [task for task in _open.values() if task.done() and not task.cancelled()]
    return [task.result() for task in tasks if task.exception() is None]


async def _opened(account_id: int) -> Session:
    profile, login = await loop.db(profile_and_login, account_id)
    loaded = await load_catalogue(profile)
    session = Session(profile, build(profile, login))
    session.take_over(loaded)
    # Neither is needed to open: the exchange refuses a wrong clock, then it is measured again; the
    # position mode is asked before the first order.
    for ask in (session.measure_clock, session.learn_mode):
        try:
            await ask()
        except CallFailed as failure:
            extra = {"account_id": account_id, "step": ask.__name__}
            log.warning("session.opened_without", extra=extra | failure.details)
    return session


def _login_or_none(account_id: int) -> ExchangeLogin | None:
    """Most exchanges list their markets to anyone; some only to a login."""
    try:
        return profile_and_login(account_id)[1]
    except EngineUnavailable:
        return None


async def _close(task: "asyncio.Task[Session]") -> None:
    try:
        session = await task
    except Exception:  # noqa: BLE001 (it never opened, and whoever opened it was told)
        return
    await session.close()


def _forget_after_fork() -> None:
    """Connections and loops stayed with the parent."""
    _open.clear()
    _loading.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
