"""Which rules does a market have?

Asked by every process, also by web processes that never import ccxt: what is known first
(``gateway.exchanges.known_markets``), and only when the exchange's list was never loaded (or is old
and lacks the symbol) the network. Workers load and refresh the list (``refresh``).
"""

import asyncio
import logging
import threading
from collections.abc import Collection
from concurrent.futures import Future
from time import monotonic

from django.conf import settings

from gateway import loop
from gateway.exchanges import known_markets
from gateway.exchanges import profile as profiles
from gateway.exchanges.known_markets import look_up
from gateway.exchanges.profile import profile_for
from gateway.sessions import kept as sessions
from oms_project.errors import EngineUnavailable, Invalid
from positions.ports import MarketRules

log = logging.getLogger(__name__)

REFUSAL_PACE_S = 60
REFUSAL_PATIENCE_S = 5

_refreshing: dict[str, "Future[None]"] = {}
_refused_at_s: dict[str, float] = {}
_lock = threading.Lock()


def rules(account_id: int, symbol: str) -> MarketRules:
    """The rules of ``symbol`` on the account's exchange.

    May ask the network, so it is never called inside a transaction. A list older than
    ``OMS_MARKETS_TTL_S`` is refreshed in the background while the old rules are used.

    Raises:
        Invalid: the exchange has no such symbol.
        EngineUnavailable: the list was never loaded and cannot be loaded now.
        AccountNotFound: there is no such account.
    """
    who = profile_for(account_id)
    known = look_up(who.key, symbol)
    if known is None or (known.rules is None and known.is_old):
        _load_now(account_id)
        known = look_up(who.key, symbol)
    elif known.is_old:
        _refresh_soon(account_id, who.key)
    if known is None or known.rules is None:
        raise Invalid(
            "The exchange has no such symbol.",
            field="symbol",
            limit="a symbol of the exchange",
            value=symbol,
        )
    return known.rules


def listed(
    account_id: int, *, containing: str = "", named: Collection[str] | None = None
) -> list[MarketRules]:
    """The rules of the account's markets, see ``known_markets.listed``.

    May ask the network, as ``rules``.

    Raises:
        EngineUnavailable: the list was never loaded and cannot be loaded now.
        AccountNotFound: there is no such account.
    """
    who = profile_for(account_id)
    found = known_markets.listed(who.key, containing=containing, named=named)
    if found is None:
        _load_now(account_id)
        found = known_markets.listed(who.key, containing=containing, named=named)
    return found or []


async def refresh(account_id: int) -> None:
    """Load the account's markets from its exchange and store what changed.

    Raises:
        EngineUnavailable: the exchange cannot be asked.
        AccountNotFound: there is no such account.
    """
    await sessions.load_catalogue(await loop.db(profile_for, account_id), reload=True)


async def keep_current(account_id: int) -> None:
    """``refresh``, but at most every ``OMS_MARKETS_TTL_S`` seconds for all accounts together.

    Raises:
        EngineUnavailable: the exchange cannot be asked.
        AccountNotFound: there is no such account.
    """
    who = await loop.db(profile_for, account_id)
    loaded = await sessions.load_catalogue(who)
    if monotonic() - loaded.loaded_at_s >= settings.OMS_MARKETS_TTL_S:
        await sessions.load_catalogue(who, reload=True)


async def refresh_after_refusal(account_id: int) -> None:
    """The exchange refused an order by a rule of its market: load its markets, once a minute.

    What goes wrong is logged; the refusal stands as it is.
    """
    key, now_s = (await loop.db(profile_for, account_id)).key, monotonic()
    if now_s - _refused_at_s.get(key, -REFUSAL_PACE_S) < REFUSAL_PACE_S:
        return
    _refused_at_s[key] = now_s
    try:
        async with asyncio.timeout(REFUSAL_PATIENCE_S):
            await refresh(account_id)
    except (EngineUnavailable, TimeoutError) as failure:
        log.warning("markets.not_reloaded", extra={"account_id": account_id, "why": str(failure)})


def forget() -> None:
    """Forget everything that this process knows of accounts and markets."""
    profiles.forget()
    known_markets.forget()
    _refreshing.clear()
    _refused_at_s.clear()


def _load_now(account_id: int) -> None:
    timeout_s = 3 * settings.OMS_EXCHANGE_TIMEOUT_MS / 1000
    try:
        loop.call(refresh(account_id), timeout_s)
    except TimeoutError:
        raise EngineUnavailable("The exchange's markets did not arrive in time.") from None


def _refresh_soon(account_id: int, key: str) -> None:
    """Refresh in the background, one at a time per list; a failure leaves the old list in use."""
    with _lock:
        running = _refreshing.get(key)
        if running is None or running.done():
            _refreshing[key] = loop.run(refresh(account_id))
