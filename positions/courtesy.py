"""Who lets others go first in this process?

Threads take turns, but they share one interpreter and few cores: what one user floods makes
everybody's pieces of work slower. So whoever has more than ``FEW`` things under way is busy. Where
others came a moment ago, what the busy ones want done is done one piece at a time; while one of
them waits for an answer, it takes at most one part in ``1 + REST`` of the time. Nobody is held up
who is alone.

The parties are users and accounts, ``"user 3"``, ``"account 7"``: whoever is asked for knows which
ones. See docs/adr/0041-the-busy-let-others-go-first.md.
"""

import itertools
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from time import monotonic

FEW = 4
REST = 2.0  # A busy one's piece is followed by a pause of so many times its length.
LONGEST_REST_S = 0.2
PATIENCE_S = 1.0  # Who waits for longer waits for an exchange, and needs no courtesy.
LOOK_AGAIN_S = 0.01
AMONG_OTHERS_S = 2.0

Parties = frozenset[str]


def parties(*, user_id: int | str | None = None, account_ids: Iterable[int] = ()) -> Parties:
    """The names of a user and of accounts."""
    names = [] if user_id is None else [f"user {user_id}"]
    return frozenset([*names, *(f"account {account_id}" for account_id in account_ids)])


class Courtesy:
    """Who waits, and when the next piece of a busy one may begin. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._under_way: Counter[str] = Counter()
        self._waiting: dict[int, tuple[Parties, float]] = {}
        self._seen_at_s: dict[Parties, float] = {}
        self._running: dict[int, float] = {}
        self._rests_until_s = 0.0

    @contextmanager
    def having(self, who: Parties, many: int = 1) -> Iterator[None]:
        """So many things more are under way for each of them while the block runs."""
        with self._lock:
            self._under_way.update(dict.fromkeys(who, many))
        try:
            yield
        finally:
            with self._lock:
                self._under_way.subtract(dict.fromkeys(who, many))
                for party in who:
                    if not self._under_way[party]:
                        del self._under_way[party]

    def is_busy(self, who: Parties, more: int = 0) -> bool:
        """Whether one of them has more than a few things under way, with ``more`` to come."""
        with self._lock:
            return any(self._under_way[party] + more > FEW for party in who)

    @contextmanager
    def waiting(self, who: Parties) -> Iterator[None]:
        """Somebody who is not busy waits for an answer while the block runs."""
        number = next(self._numbers)
        with self._lock:
            now_s = monotonic()
            self._waiting[number] = who, now_s + PATIENCE_S
            self._seen_at_s[who] = now_s
        try:
            yield
        finally:
            with self._lock:
                del self._waiting[number]
                self._seen_at_s[who] = monotonic()

    def begin(self, who: Parties) -> int | None:
        """Begin a piece of a busy one's work; its number goes to ``doing`` or ``end``.

        ``None``: not yet, others wait. Ask again after ``LOOK_AGAIN_S``.
        """
        with self._lock:
            now_s = monotonic()
            if self._is_one_running(now_s) and self._others_came(who, now_s):
                return None
            if now_s < self._rests_until_s and self._others_wait(who, now_s):
                return None
            number = next(self._numbers)
            self._running[number] = now_s
            return number

    @contextmanager
    def doing(self, number: int) -> Iterator[None]:
        """The piece is the block."""
        started_s = monotonic()
        try:
            yield
        finally:
            self.end(number, monotonic() - started_s)

    def end(self, number: int, took_s: float) -> None:
        """A piece has ended after so many seconds."""
        with self._lock:
            self._running.pop(number, None)
            self._rests_until_s = monotonic() + min(took_s * REST, LONGEST_REST_S)

    def is_among_others(self, who: Parties) -> bool:
        """Whether somebody else waited for an answer a moment ago."""
        with self._lock:
            return self._others_came(who, monotonic())

    def _others_came(self, who: Parties, now_s: float) -> bool:
        old = [each for each, at_s in self._seen_at_s.items() if at_s < now_s - AMONG_OTHERS_S]
        for each in old:
            del self._seen_at_s[each]
        return any(each.isdisjoint(who) for each in self._seen_at_s)

    def _is_one_running(self, now_s: float) -> bool:
        """What takes longer waits for something else, and uses little."""
        return any(now_s < begun_s + PATIENCE_S for begun_s in self._running.values())

    def _others_wait(self, who: Parties, now_s: float) -> bool:
        return any(
            now_s < until_s and each.isdisjoint(who) for each, until_s in self._waiting.values()
        )


@cache
def courtesy() -> Courtesy:
    """This process's."""
    return Courtesy()
