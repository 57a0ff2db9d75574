"""How long may something take, not counting the time for which it waits for its turn?

What has a budget waits as long as that takes (``gateway.pacing.turns``); the limits around it are
for the exchange, and stand still meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar


class _Limit:
    """A time limit that stands still while somebody inside holds it."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self._holders = 0
        self._left_s: float | None = None
        self._has_ended = False

    def end(self) -> None:
        """Nothing is inside any more; what it began may still go on."""
        self._has_ended = True

    def hold(self) -> None:
        self._holders += 1
        if self._holders == 1 and self._runs:
            until_s = self._timeout.when()
            self._left_s = None if until_s is None else until_s - _now_s()
            self._timeout.reschedule(None)

    def release(self) -> None:
        self._holders -= 1
        if not self._holders and self._runs and self._left_s is not None:
            self._timeout.reschedule(_now_s() + self._left_s)

    @property
    def _runs(self) -> bool:
        return not self._has_ended and not self._timeout.expired()


_limits: ContextVar[tuple[_Limit, ...]] = ContextVar("limits", default=())


@asynccontextmanager
async def within(for_s: float) -> AsyncIterator[None]:
    """Limit what is done inside to so many seconds, without its waiting in ``untimed``.

    Raises:
        TimeoutError: it took longer.
    """
    async with asyncio.timeout(for_s) as timeout:
        limit = _Limit(timeout)
        token = _limits.set((*_limits.get(), limit))
        try:
            yield
        finally:
            limit.end()
            _limits.reset(token)


@contextmanager
def untimed() -> Iterator[None]:
    """What is waited for here counts for none of the limits around it."""
    held = _limits.get()
    for limit in held:
        limit.hold()
    try:
        yield
    finally:
        for limit in held:
            limit.release()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
