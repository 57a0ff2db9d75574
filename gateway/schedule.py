"""When is an account reconciled next, and how far back?

Three loops per account, set by its ``reconcile_policy``: short, hourly and long. A longer one reads
all that a shorter one would, so it stands for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from gateway.words import Scope

LOOPS = (Scope.SHORT, Scope.HOURLY, Scope.LONG)


@dataclass(frozen=True, slots=True)
class Loop:
    """How often, and how far back, both in seconds."""

    every_s: float
    look_back_s: float


def loops(policy: Mapping[str, Any]) -> dict[Scope, Loop]:
    """An account's loops: the defaults of the contract (section 8), changed by its policy."""
    usual = {
        Scope.SHORT: Loop(settings.OMS_IMPORT_S, 600),
        Scope.HOURLY: Loop(3_600, 7_200),
        Scope.LONG: Loop(86_400, 864_000),
    }
    return {scope: replace(loop, **policy.get(scope, {})) for scope, loop in usual.items()}


class Schedule:
    """What is due on one account, by the times at which its loops were last run."""

    def __init__(self, last: Mapping[Scope, datetime]) -> None:
        self._last = dict(last)

    def ran(self, scope: Scope, at: datetime) -> None:
        """A loop was run, and with it those that look less far back."""
        if scope in LOOPS:
            for each in LOOPS[: LOOPS.index(scope) + 1]:
                self._last[each] = max(at, self._last.get(each, at))

    def next(self, loops: Mapping[Scope, Loop], now: datetime) -> tuple[Scope, float]:
        """The loop to run next, the longest of those that are due, and in how many seconds."""
        waits = {scope: self._wait_s(scope, loops[scope], now) for scope in reversed(LOOPS)}
        scope = min(waits, key=lambda each: waits[each])
        return scope, waits[scope]

    def _wait_s(self, scope: Scope, loop: Loop, now: datetime) -> float:
        last = self._last.get(scope)
        if last is None:
            return 0.0
        due = last + timedelta(seconds=loop.every_s)
        return max((due - now).total_seconds(), 0.0)
