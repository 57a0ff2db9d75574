"""How does code that has to decide get a price that is young enough?

From the board; else from this process's own feed where everything runs in one process or this one
serves accounts; else a process that serves accounts is asked over the relay, and what it finds is
on the board a moment later. Without a Redis to be asked over, this process asks by itself.
Called from threads, never from a coroutine and never inside a transaction.
"""

import time
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from gateway import loop
from gateway.exchanges.profile import profile_for
from gateway.pricing import board, feeds
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.refusals import told
from oms_project.errors import ExchangeTimeout, OmsError, error_class
from positions.ports import SeenPrice
from positions.relay import News, relay

A_MOMENT_S = 0.5
LOOK_EVERY_S = 0.02
ON_THE_WAY_S = 0.5  # For the question and the answer between two processes.


def prices(account_id: int, symbols: Collection[str], max_age_s: float) -> Mapping[str, Decimal]:
    """The prices of these symbols on the account's exchange, none older than ``max_age_s``.

    They are asked for as soon as they are older than a moment, so that whoever has just seen the
    market move is judged by what was seen; without an answer one of ``max_age_s`` has to do.

    Raises:
        ExchangeError, ExchangeTimeout, EngineUnavailable, RateLimited, Invalid: one cannot be had.
    """
    key = profile_for(account_id).key
    young_s = min(A_MOMENT_S, max_age_s)
    found = {symbol: board.newest(key, symbol, young_s) for symbol in sorted(set(symbols))}
    missing = [symbol for symbol, seen in found.items() if seen is None]
    if missing:
        asks = _asked_here if serves_accounts() or not board.is_shared() else _asked_there
        try:
            found |= asks(account_id, key, missing, young_s)
        except OmsError:
            found |= {symbol: board.newest(key, symbol, max_age_s) for symbol in missing}
            if None in found.values():
                raise
    return {symbol: seen.price for symbol, seen in found.items() if seen is not None}


_serving = False


def serve(serving: bool) -> None:
    """Say that this process serves accounts: it asks exchanges itself, and for the others."""
    global _serving  # noqa: PLW0603 (one per process is the point)
    _serving = serving


def serves_accounts() -> bool:
    """Whether this process asks exchanges for prices."""
    return _serving


async def look_up(account_id: int, symbols: Collection[str]) -> None:
    """Ask for what another process wants to know, and put answers and failures on the board."""
    feed = await feeds.feed_of(account_id)
    key = (await loop.db(profile_for, account_id)).key
    for symbol in symbols:
        try:
            await feed.latest(symbol, 0.0)
        except CallFailed as failure:
            await loop.db(board.fail, key, symbol, told(failure, acting=False).code)
    await loop.db(board.publish, key)


def _asked_here(
    account_id: int, key: str, symbols: list[str], max_age_s: float
) -> dict[str, SeenPrice]:
    async def ask(symbol: str) -> SeenPrice:
        return await feeds.latest(account_id, symbol, max_age_s)

    asked = {symbol: loop.run(ask(symbol)) for symbol in symbols}
    until_s = time.monotonic() + settings.OMS_PRICE_ASK_S + ON_THE_WAY_S
    found = {}
    for symbol, answer in asked.items():
        try:
            found[symbol] = answer.result(max(0.0, until_s - time.monotonic()))
        except TimeoutError:
            raise _unpriced(ExchangeTimeout, symbol) from None
        except CallFailed as failure:
            error = told(failure, acting=False)
            raise _unpriced(type(error), symbol, **error.details) from None
    return found


def _asked_there(
    account_id: int, key: str, symbols: list[str], max_age_s: float
) -> dict[str, SeenPrice]:
    asked_at = timezone.now()
    relay().announce(News(account_id, 0, prices_of=tuple(symbols)))
    until_s = time.monotonic() + settings.OMS_PRICE_ASK_S + ON_THE_WAY_S
    found: dict[str, SeenPrice] = {}
    while len(found) < len(symbols):
        time.sleep(LOOK_EVERY_S)
        for symbol in symbols:
            seen = board.newest(key, symbol, max_age_s)
            if seen is not None:
                found[symbol] = seen
            else:
                _raise_failure(key, symbol, asked_at)
        if len(found) < len(symbols) and time.monotonic() >= until_s:
            raise _unpriced(ExchangeTimeout, next(each for each in symbols if each not in found))
    return found


def _raise_failure(key: str, symbol: str, since: datetime) -> None:
    if (code := board.failure(key, symbol, since)) is not None:
        raise _unpriced(error_class(code), symbol)


def _unpriced(kind: type[OmsError], symbol: str, **facts: object) -> OmsError:
    facts.pop("field", None)
    return kind(f"No price of {symbol} could be had, and this needs one.", symbol=symbol, **facts)
