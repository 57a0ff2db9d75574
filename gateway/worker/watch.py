"""How do orders and fills arrive without polling?

``watch`` keeps an account's private streams open through ccxt.pro. A stream has no memory: what
happened while it was down, or between connecting and the exchange's subscription taking hold, never
comes. So after every connect the caller is asked to fill the gap over REST, twice, and again
whenever the stream has been silent for a while (a stream that died quietly looks the same as a
quiet account).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from django.conf import settings

from gateway.sessions.outcomes import NoSession
from gateway.sessions.session import Session

log = logging.getLogger(__name__)

CcxtStructure = dict[str, Any]
OnNews = Callable[[list[CcxtStructure]], Awaitable[Any]]

# After the connection stands: once the subscription should hold, and once it surely does.
FILL_GAP_AFTER_S = (0.5, 5.0)
CONNECT_WITHIN_S = 30.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
LOOK_EVERY_S = 0.1


async def watch(
    session: Session,
    *,
    on_orders: OnNews,
    on_trades: OnNews,
    on_connected: Callable[[], Awaitable[Any]],
    on_lost: Callable[[str], Awaitable[Any]],
) -> None:
    """Pass on what the account's streams say, reconnecting whenever they break, until the session
    is retired.

    ``on_connected`` fills the gap over REST. ``on_lost`` is told the name of the error's class. An
    error in a callback counts as a loss: what it failed to book is found by the next gap fill.

    Raises:
        NoSession: the account's engine or its exchange has no private streams.
    """
    news = _streams(session, on_orders, on_trades)
    pause_s = FIRST_PAUSE_S
    while not session.is_retired.is_set():
        started_s = monotonic()
        reason = await _until_lost(session, news, on_connected)
        await session.exchange.close_ws_clients()
        await on_lost(reason)
        if monotonic() - started_s > LONGEST_PAUSE_S:
            pause_s = FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def _until_lost(
    session: Session,
    news: dict[str, OnNews],
    on_connected: Callable[[], Awaitable[Any]],
) -> str:
    """Listen until something breaks; gives the name of what broke it."""
    heard = _Heard()
    work = [_fill_gaps(session, on_connected, heard), _until_retired(session)]
    for method, on_news in news.items():
        queue: asyncio.Queue[CcxtStructure] = asyncio.Queue()
        work += [_hear(session, method, queue, heard), _pass_on(queue, on_news)]
    tasks = [asyncio.create_task(one) for one in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        error = next(iter(done)).exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return type(error).__name__


async def _until_retired(session: Session) -> None:
    """A stream goes on with the login that it began with."""
    await session.is_retired.wait()
    raise Retired


class Retired(Exception):
    """Another session has taken the place of the one that streamed."""


class _Heard:
    """When a stream last said something."""

    def __init__(self) -> None:
        self.at_s = monotonic()

    def now(self) -> None:
        self.at_s = monotonic()

    @property
    def silent_for_s(self) -> float:
        return monotonic() - self.at_s


async def _hear(
    session: Session, method: str, into: "asyncio.Queue[CcxtStructure]", heard: _Heard
) -> None:
    """Collect news, and do nothing else between two waits.

    ccxt tells news to whoever waits at that moment; what comes while nobody does is told with the
    next news, whenever that is.
    """
    while True:
        rows = await getattr(session.exchange, method)()
        heard.now()
        for row in rows:
            into.put_nowait(dict(row))  # ccxt goes on writing into its own.


async def _pass_on(news: "asyncio.Queue[CcxtStructure]", on_news: OnNews) -> None:
    while True:
        rows = [await news.get()]
        while not news.empty():
            rows.append(news.get_nowait())
        await on_news(rows)


async def _fill_gaps(
    session: Session, on_connected: Callable[[], Awaitable[Any]], heard: _Heard
) -> None:
    async with asyncio.timeout(CONNECT_WITHIN_S):
        while not _is_connected(session.exchange):
            await asyncio.sleep(LOOK_EVERY_S)
    connected_s = monotonic()
    for after_s in FILL_GAP_AFTER_S:
        await asyncio.sleep(max(0.0, connected_s + after_s - monotonic()))
        await on_connected()
    silence_s = settings.OMS_STREAM_SILENCE_S
    while True:
        await asyncio.sleep(max(LOOK_EVERY_S, silence_s - heard.silent_for_s))
        if heard.silent_for_s >= silence_s:
            await on_connected()
            heard.now()


def _is_connected(exchange: Any) -> bool:
    """Whether a stream stands. ccxt also keeps clients that it never dials."""
    return any(
        client.connected.done() and not client.connected.cancelled()
        and client.connected.exception() is None
        for client in exchange.clients.values()
    )  # fmt: skip


def _streams(session: Session, on_orders: OnNews, on_trades: OnNews) -> dict[str, OnNews]:
    offered = session.exchange.has
    found = {}
    if offered.get("watchOrders") is True:
        found["watch_orders"] = on_orders
    if offered.get("watchMyTrades") is True:
        found["watch_my_trades"] = on_trades
    if not found or not offered.get("ws"):
        raise NoSession("The exchange has no private streams.", exception="NotSupported")
    return found
