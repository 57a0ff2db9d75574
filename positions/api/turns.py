"""Whose turn is it on the threads that accept commands?

Each user has a line of their own, and the lines take turns: who asks for a thousand things waits
for them, the others wait for one of them. What takes risk away (cancels, closes, stops, the risk
desk) stands in lines in front; but one turn in ``FRONT_IN_A_ROW`` + 1 is for the others, so that
nobody's flood of cancels stops their orders.

A request that waits for its acceptance is counted: a user has ``OMS_WAITING_PER_USER`` at most.
Who has more than a few lets others go first, except in front (see ``positions.courtesy``).
See docs/adr/0034-turns-by-user.md.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import IntEnum
from functools import partial
from time import monotonic
from typing import ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings

from oms_project.errors import RateLimited
from positions.api.pool import in_pool
from positions.courtesy import LOOK_AGAIN_S, courtesy, parties

P = ParamSpec("P")
R = TypeVar("R")

FRONT_IN_A_ROW = 4
RETRY_AFTER_S = 1


class Line(IntEnum):
    """Who goes first."""

    FRONT = 0
    ORDINARY = 1


class _Users:
    """The lines of all users in one class: the one whose turn was longest ago is next."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[int | str, deque[asyncio.Future[None]]] = OrderedDict()

    def add(self, user_id: int | str, turn: asyncio.Future[None], *, first: bool) -> None:
        line = self._waiting.setdefault(user_id, deque())
        (line.appendleft if first else line.append)(turn)

    def next(self, may_begin: Callable[[int | str], bool]) -> asyncio.Future[None] | None:
        """The next turn, taken out; ``None`` where nobody waits, or everybody lets others go first.

        ``may_begin`` is asked about each user whose turn it would be.
        """
        for user_id, line in list(self._waiting.items()):
            while line and line[0].done():  # Whoever waited has gone.
                line.popleft()
            if line and not may_begin(user_id):
                continue
            turn = line.popleft() if line else None
            if line:
                self._waiting.move_to_end(user_id)
            else:
                del self._waiting[user_id]
            if turn is not None:
                return turn
        return None


class Turns:
    """The turns of one event loop on ``slots`` threads."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._lines = {line: _Users() for line in Line}
        self._in_a_row = 0
        self._requests: Counter[int | str] = Counter()
        self._politely: dict[asyncio.Future[None], int] = {}
        self._begun: int | None = None
        self._calls_again: asyncio.TimerHandle | None = None

    @contextmanager
    def waiting(self, user_id: int | str, line: Line, *, commands: int = 1) -> Iterator[None]:
        """One request of the user waits for its acceptance while the block runs.

        Raises:
            RateLimited: too many do already; those in front are neither counted nor refused.
        """
        if line is Line.FRONT:
            yield
            return
        limit = settings.OMS_WAITING_PER_USER
        if self._requests[user_id] >= limit:
            raise RateLimited(
                "Too many of your requests wait for acceptance; send fewer at once.",
                limit=limit,
                retry_after_s=RETRY_AFTER_S,
            )
        self._requests[user_id] += 1
        try:
            with courtesy().having(parties(user_id=user_id), commands):
                yield
        finally:
            self._requests[user_id] -= 1
            if not self._requests[user_id]:
                del self._requests[user_id]

    async def run(
        self,
        user_id: int | str,
        line: Line,
        work: Callable[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run ``work`` on a thread when it is the user's turn, and wait for it."""
        return await self._run(user_id, line, False, lambda: work(*args, **kwargs))

    async def go_on(
        self,
        user_id: int | str,
        line: Line,
        work: Callable[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """The same for what ends a request that has begun: before the user's own next ones."""
        return await self._run(user_id, line, True, lambda: work(*args, **kwargs))

    async def _run(self, user_id: int | str, line: Line, first: bool, work: Callable[[], R]) -> R:
        async with self.turn(user_id, line, first=first):
            return await in_pool(work)

    @asynccontextmanager
    async def turn(
        self, user_id: int | str, line: Line, *, first: bool = False
    ) -> AsyncIterator[None]:
        """Wait for the user's turn; it lasts as long as the block. ``first``: before their own."""
        polite = await self._turn(user_id, line, first)
        started_s = monotonic()
        try:
            yield
        finally:
            self._give_back(polite, monotonic() - started_s)

    async def _turn(self, user_id: int | str, line: Line, first: bool) -> int | None:
        """Wait for the turn; its number with ``courtesy`` where it had let others go first."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines[line].add(user_id, turn, first=first)
        self._call()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # It was called and left in one moment.
                self._give_back(self._politely.pop(turn, None), 0.0)
            raise
        return self._politely.pop(turn, None)

    def _give_back(self, polite: int | None, took_s: float) -> None:
        if polite is not None:
            courtesy().end(polite, took_s)
        self._free += 1
        self._call()

    def _call(self) -> None:
        """Call whoever is next, for each thread that is free."""
        while self._free and (turn := self._next()) is not None:
            self._free -= 1
            turn.set_result(None)

    def _next(self) -> asyncio.Future[None] | None:
        order = (Line.FRONT, Line.ORDINARY)
        if self._in_a_row >= FRONT_IN_A_ROW:
            order = (Line.ORDINARY, Line.FRONT)
        for line in order:
            if (turn := self._lines[line].next(partial(self._may_begin, line))) is not None:
                self._in_a_row = self._in_a_row + 1 if line is Line.FRONT else 0
                if self._begun is not None:
                    self._politely[turn], self._begun = self._begun, None
                return turn
        return None

    def _may_begin(self, line: Line, user_id: int | str) -> bool:
        """Whether it may be this user's turn now; who is busy may have to let others go first."""
        who = parties(user_id=user_id)
        if line is Line.FRONT or not courtesy().is_busy(who):
            return True
        self._begun = courtesy().begin(who)
        if self._begun is None and self._calls_again is None:
            again = asyncio.get_running_loop().call_later
            self._calls_again = again(LOOK_AGAIN_S, self._call_again)
        return self._begun is not None

    def _call_again(self) -> None:
        self._calls_again = None
        self._call()


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns() -> Turns:
    """The turns of the running loop."""
    running = asyncio.get_running_loop()
    if running not in _of_loops:
        _of_loops[running] = Turns(settings.OMS_COMMAND_THREADS)
    return _of_loops[running]
