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
from gateway.pacing.patience import untimed

log = logging.getLogger(__name__)

MOST_WAIT_S = 15.0  # With ccxt's time-out below OMS_SEND_DEADLINE_S, after which a send is doubt.
PAUSE_S = 1.0  # Where an exchange says too fast, but not for how long.
LONG_S = 1.0
LEAST_S = 0.001  # What is left of a bucket's wait may be too small for a clock.
NEAR = 0.5  # What an exchange has counted is heeded above this share of an allowance.


class Rank(IntEnum):
    """Who goes first."""

    CLOSING = 0  # Prices that a stop waits for, cancels, closes and stops.
    ACTING = 1  # Orders, changes, questions about one in doubt, prices that a command waits for.
    POLLING = 2  # What rests at the exchange, and prices that are kept warm.
    CATCHING_UP = 3  # A reconciliation that was asked for, and the first one after a start.
    COMPARING = 4  # Every other one.
    READING = 5  # What clients ask.


# How full an allowance may be for each to go. What reading leaves is enough for a window's polls;
# what the loops of reconciliation leave of its budget is for those that somebody waits for.
SHARE = {
    Rank.CLOSING: 1.0,
    Rank.ACTING: 0.95,
    Rank.POLLING: 0.85,
    Rank.CATCHING_UP: 0.85,
    Rank.COMPARING: 0.65,
    Rank.READING: 0.55,
}


BUDGETED = (Rank.POLLING, Rank.CATCHING_UP, Rank.COMPARING)


class TooFast(Exception):
    """There will be no room for longer than anybody should wait; nothing was sent."""

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"no room for {retry_after_s:.1f} s")


_rank: ContextVar[Rank] = ContextVar("rank", default=Rank.READING)
_numbers = itertools.count()
_number: ContextVar[int | None] = ContextVar("number", default=None)


@contextmanager
def going(rank: Rank) -> Iterator[None]:
    """Everything asked inside goes at this rank, unless it goes at a higher one already.

    Among those of a rank, all that belongs together goes before what began later.
    """
    tokens = _rank.set(min(rank, _rank.get())), _number.set(next(_numbers))
    try:
        yield
    finally:
        _rank.reset(tokens[0])
        _number.reset(tokens[1])


async def turn(pace: Pace, cost: float, *, rank: Rank, is_order: bool) -> None:
    """Return when a call of this cost may leave; it is counted then.

    What has a budget waits for that too, as long as it takes, outside the limits of time around it.

    Raises:
        TooFast: that would be later than in ``MOST_WAIT_S`` seconds.
    """
    rank = min(rank, _rank.get())
    needs = pace.needs(cost, is_order=is_order)
    if rank not in BUDGETED:
        await _line_for(needs).wait(rank, needs, patiently=False)
        return
    needs += pace.budget(rank.name, cost)
    with untimed():
        await _line_for(needs).wait(rank, needs, patiently=True)


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
        self._waiting: list[tuple[Rank, int, int, asyncio.Future[None], Needs, bool]] = []
        self._came = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def wait(self, rank: Rank, needs: Needs, *, patiently: bool) -> None:
        """Return when it is this one's turn."""
        if not self._waiting and not await _counts().take(needs, SHARE[rank]):
            return
        turn_came = asyncio.get_running_loop().create_future()
        came = next(_numbers)
        began = _number.get()
        entry = (rank, came if began is None else began, came, turn_came, needs, patiently)
        heapq.heappush(self._waiting, entry)
        self._came.set()
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        await turn_came

    async def _serve(self) -> None:
        """Let one after the other go, the most urgent first, until nobody waits."""
        while self._waiting:
            first = self._waiting[0]
            rank, _, _, turn_came, needs, patiently = first
            self._came.clear()
            wait_s = 0.0 if turn_came.done() else await _counts().take(needs, SHARE[rank])
            if wait_s > 0 and (wait_s <= MOST_WAIT_S or patiently):
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
        if wait_s > LONG_S and self._waiting[0][0] not in BUDGETED:
            log.info("pacing.waits", extra={"for_s": wait_s, "waiting": len(self._waiting)})
        with suppress(TimeoutError):
            async with asyncio.timeout(max(wait_s, LEAST_S)):
                await self._came.wait()


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, ...], Line]] = (
    WeakKeyDictionary()
)


def _line_for(needs: Needs) -> Line:
    keys = tuple(allowance.key for allowance, _ in needs)
    return _lines.setdefault(asyncio.get_running_loop(), {}).setdefault(keys, Line())


@cache
def _counts() -> Counts | SharedCounts:
    """In this process where everything runs in one, else in the Redis of the relay."""
    url = settings.OMS_RELAY_URL
    return Counts() if url.startswith("memory:") else SharedCounts(url)
