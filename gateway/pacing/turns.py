"""Whose turn is it?

Everybody who wants something of an exchange waits here until its allowances have room. Those who
wait for the same ones stand in one line, by rank and then in the order they came; and what is left
of an allowance is kept for those who rank higher, in this process or another.
"""

import asyncio
import heapq
import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import IntEnum
from functools import cache
from weakref import WeakKeyDictionary

from django.conf import settings

from gateway.pacing.allowances import Pace
from gateway.pacing.counts import Allowance, Counts, Needs
from gateway.pacing.everywhere import SharedCounts

log = logging.getLogger(__name__)

MOST_WAIT_S = 15.0  # With ccxt's time-out below OMS_SEND_DEADLINE_S, after which a send is doubt.
PAUSE_S = 1.0  # Where an exchange says too fast, but not for how long.
LONG_S = 1.0
NEAR = 0.5  # What an exchange has counted is heeded above this share of an allowance.


class Rank(IntEnum):
    """Who goes first."""

    CLOSING = 0  # Cancels, closes and stops.
    ACTING = 1  # Orders, changes, and questions about one in doubt.
    READING = 2


# How much of an allowance each may use up.
SHARE = {Rank.CLOSING: 1.0, Rank.ACTING: 0.95, Rank.READING: 0.75}


class TooFast(Exception):
    """There will be no room for longer than anybody should wait; nothing was sent."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"no room for {retry_after_s:.1f} s")


_rank: ContextVar[Rank] = ContextVar("rank", default=Rank.READING)


@contextmanager
def going(rank: Rank) -> Iterator[None]:
    """Everything asked inside goes at this rank, unless it goes at a higher one already."""
    token = _rank.set(min(rank, _rank.get()))
    try:
        yield
    finally:
        _rank.reset(token)


async def turn(pace: Pace, cost: float, *, rank: Rank, is_order: bool) -> None:
    """Return when a call of this cost may leave; it is counted then.

    Raises:
        TooFast: that would be later than in ``MOST_WAIT_S`` seconds.
    """
    needs = pace.needs(cost, is_order=is_order)
    line = _line(tuple(allowance.key for allowance, _ in needs))
    await line.wait(min(rank, _rank.get()), needs)


async def heed(used: Needs) -> None:
    """Keep to what the exchange itself has counted, where that comes near an allowance."""
    near = [(allowance, count) for allowance, count in used if count > allowance.most * NEAR]
    if near:
        await _counts().heed(near)


async def pause(allowances: tuple[Allowance, ...], for_s: float) -> None:
    """Nobody asks this exchange for so long: it said so (HTTP 429 or 418)."""
    log.warning("pacing.paused", extra={"for_s": for_s, "keys": [one.key for one in allowances]})
    await _counts().close(allowances, for_s)


class Line:
    """Those on one loop who wait for the same allowances."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._waiting: list[tuple[Rank, int, asyncio.Future[None], Needs]] = []
        self._came = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def wait(self, rank: Rank, needs: Needs) -> None:
        """Return when it is this one's turn."""
        if not self._waiting and not await _counts().take(needs, SHARE[rank]):
            return
        turn_came = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (rank, next(self._numbers), turn_came, needs))
        self._came.set()
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await turn_came

    async def _serve(self) -> None:
        """Let one after the other go, the most urgent first, until nobody waits."""
        while self._waiting:
            first = self._waiting[0]
            rank, _, turn_came, needs = first
            self._came.clear()
            wait_s = 0.0 if turn_came.done() else await _counts().take(needs, SHARE[rank])
            if 0 < wait_s <= MOST_WAIT_S:
                await self._until_room(wait_s)
                continue
            self._waiting.remove(first)
            heapq.heapify(self._waiting)
            if turn_came.done():
                continue  # Who waited has left.
            if wait_s:
                turn_came.set_exception(TooFast(wait_s))
            else:
                turn_came.set_result(None)

    async def _until_room(self, wait_s: float) -> None:
        """Wait, but no longer than until somebody comes: that may be one who ranks higher."""
        if wait_s > LONG_S:
            log.info("pacing.waits", extra={"for_s": wait_s, "waiting": len(self._waiting)})
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._came.wait()


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], Line]] = (
    WeakKeyDictionary()
)


def _line(keys: tuple[str, ...]) -> Line:
    return _lines.setdefault(asyncio.get_running_loop(), {}).setdefault(keys, Line())


@cache
def _counts() -> Counts | SharedCounts:
    """In this process where everything runs in one, else in the Redis of the relay."""
    url = settings.OMS_RELAY_URL
    return Counts() if url.startswith("memory:") else SharedCounts(url)
