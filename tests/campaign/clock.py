"""Time that passes at once: an event loop whose waits are skipped."""

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.utils import timezone

EPOCH = datetime(2026, 1, 31, 12, tzinfo=UTC)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock starts at zero and jumps to the next thing that is due."""

    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__(_Skipping(self))

    def time(self) -> float:
        return self.now_s

    def utc(self) -> datetime:
        """The virtual time of day."""
        return EPOCH + timedelta(seconds=self.now_s)


class _Skipping(selectors.SelectSelector):
    """Asks for events without waiting, and moves the clock by the wait that was asked for."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("everybody waits and nothing is due: nothing will ever happen")
        self._loop.now_s += max(timeout, 0)
        return ready


Loop = TypeVar("Loop", bound=VirtualLoop)


@contextmanager
def virtual_time(kind: type[Loop] = VirtualLoop) -> Iterator[Loop]:
    """A loop of its own, by whose clock Django tells the time too."""
    loop, real_now = kind(), timezone.now
    timezone.now = loop.utc
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        timezone.now = real_now
        asyncio.set_event_loop(None)
        loop.close()
