"""Whose message is read next?

A socket's bytes are there at once, a hundred messages in one piece. Read in one go, they would keep
the loop from everybody else. So one message is read at a time, users in turns, with everything else
that waits in between; and of one user, over all sockets, so many a second.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Protocol

# A short burst is nobody's flood.
BURST = 100
# What is owed less than this is there: a rest of rounding would be a wait that no clock can show.
_ALMOST = 1 - 1e-6

Later = Callable[[float, Callable[[], None]], asyncio.Handle]


class Source(Protocol):
    """A socket with bytes that wait."""

    @property
    def whose(self) -> Hashable:
        """The user, or the connection itself before one is known."""

    def read_one(self) -> bool:
        """Read one message; whether more may be there."""


class Pump:
    """The sources of one loop. ``per_s``: messages of one user a second."""

    def __init__(self, per_s: float, *, now: Callable[[], float], later: Later) -> None:
        self._per_s, self._now, self._later = per_s, now, later
        self._users: OrderedDict[Hashable, deque[Source]] = OrderedDict()
        self._listed: set[Source] = set()
        self._left: dict[Hashable, tuple[float, float]] = {}
        self._due: asyncio.Handle | None = None
        self._is_soon = False

    def enlist(self, source: Source) -> None:
        """The source has bytes; they are read when it is its user's turn."""
        if source in self._listed:
            return
        self._listed.add(source)
        self._users.setdefault(source.whose, deque()).append(source)
        self._wake(0)

    def run(self) -> None:
        """Read one message, of the user whose turn was longest ago and who has some left."""
        self._due = None
        waits_s: list[float] = []
        for user in list(self._users):
            wait_s = self._take(user)
            if wait_s > 0:
                waits_s.append(wait_s)
                continue
            self._read(user)
            break
        else:
            if waits_s:
                self._wake(min(waits_s))
            return
        if self._users:
            self._wake(0)

    def _read(self, user: Hashable) -> None:
        sources = self._users.pop(user)
        source = sources.popleft()
        self._listed.discard(source)
        if sources:
            self._users[user] = sources
        if source.read_one():
            # Its user may have become known by what was read.
            self._listed.add(source)
            self._users.setdefault(source.whose, deque()).append(source)

    def _take(self, user: Hashable) -> float:
        """Take one message of the user's share; else the seconds until there is one."""
        now = self._now()
        left, at = self._left.get(user, (float(BURST), now))
        left = min(float(BURST), left + (now - at) * self._per_s)
        if left < _ALMOST:
            self._left[user] = left, now
            return (1 - left) / self._per_s
        if len(self._left) > 10_000:
            self._left.clear()
        self._left[user] = left - 1, now
        return 0.0

    def _wake(self, after_s: float) -> None:
        is_soon = after_s <= 0
        if self._due is not None:
            if self._is_soon or not is_soon:
                return
            self._due.cancel()
        self._due, self._is_soon = self._later(after_s, self.run), is_soon


def pump_of(loop: asyncio.AbstractEventLoop, per_s: float) -> Pump:
    """A pump on this loop."""

    def later(after_s: float, work: Callable[[], None]) -> asyncio.Handle:
        return loop.call_later(after_s, work) if after_s > 0 else loop.call_soon(work)

    return Pump(per_s, now=loop.time, later=later)
