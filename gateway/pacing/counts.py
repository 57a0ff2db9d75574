"""How much of an allowance is used, and when is there room again?

A ``window`` starts anew with each period of the clock, as the exchange's own count does. A
``bucket`` empties steadily. ``Counts`` keeps them in this process; ``gateway.pacing.everywhere``
keeps the same for all processes.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Style(StrEnum):
    """How an allowance comes back."""

    WINDOW = "window"
    BUCKET = "bucket"


@dataclass(frozen=True, slots=True)
class Allowance:
    """At most ``most`` in ``period_s`` seconds; ``header``: where an answer tells the use."""

    key: str
    style: Style
    most: float
    period_s: float
    header: str = ""


Needs = Iterable[tuple[Allowance, float]]


@dataclass(slots=True)
class Count:
    """What is used of one allowance, as of ``at_s``; none is given until ``closed_until_s``."""

    used: float = 0.0
    at_s: float = 0.0
    closed_until_s: float = 0.0

    def used_at(self, allowance: Allowance, now_s: float) -> float:
        """What is still used at ``now_s``."""
        period_s = allowance.period_s
        if not period_s:
            return 0.0
        if allowance.style is Style.WINDOW:
            return self.used if now_s // period_s <= self.at_s // period_s else 0.0
        return max(0.0, self.used - (now_s - self.at_s) * allowance.most / period_s)

    def wait_s(self, allowance: Allowance, need: float, share: float, now_s: float) -> float:
        """Seconds until ``need`` may be taken by someone who may use ``share`` of the allowance.

        What is larger than a whole window goes when the window is empty; a bucket gives to whoever
        finds room in it and then stays over its edge for as long as that takes.
        """
        if self.closed_until_s > now_s:
            return self.closed_until_s - now_s
        used, most = self.used_at(allowance, now_s), allowance.most * share
        if allowance.style is Style.BUCKET:
            return max(0.0, (used - most) * allowance.period_s / allowance.most)
        is_full = used and used + need > most
        return allowance.period_s - now_s % allowance.period_s if is_full else 0.0


@dataclass
class Counts:
    """The counts of this process; safe to use from any thread."""

    _counts: dict[str, Count] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    async def take(self, needs: Needs, share: float) -> float:
        """Take all of it or nothing; returns 0, or the seconds until it is worth asking again."""
        now_s = time.time()
        with self._lock:
            counts = [(self._count(allowance), allowance, need) for allowance, need in needs]
            wait_s = max(
                (count.wait_s(allowance, need, share, now_s) for count, allowance, need in counts),
                default=0.0,
            )
            if not wait_s:
                for count, allowance, need in counts:
                    count.used, count.at_s = count.used_at(allowance, now_s) + need, now_s
        return wait_s

    async def heed(self, told: Needs) -> None:
        """Count at least what the exchange has counted."""
        now_s = time.time()
        with self._lock:
            for allowance, used in told:
                count = self._count(allowance)
                count.used = max(count.used_at(allowance, now_s), used)
                count.at_s = now_s

    async def close(self, allowances: Iterable[Allowance], for_s: float) -> None:
        """Allow nothing for so many seconds."""
        until_s = time.time() + for_s
        with self._lock:
            for allowance in allowances:
                count = self._count(allowance)
                count.closed_until_s = max(count.closed_until_s, until_s)

    def _count(self, allowance: Allowance) -> Count:
        return self._counts.setdefault(allowance.key, Count())
