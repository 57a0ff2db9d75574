"""How is market data fetched once for everyone who asks?

Whoever asks first fetches; who asks the same meanwhile waits for that answer, and who asks within
its short life gets it without asking the exchange. Lives on the reading loop only, so there is
nothing to lock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

MOST_KEPT = 2000


class Shared:
    """Answers by question. An error is told to all who wait for it, and is not kept."""

    def __init__(self) -> None:
        self._answers: dict[str, tuple[str, float]] = {}
        self._under_way: dict[str, asyncio.Task[str]] = {}

    async def get(self, question: str, life_s: float, fetch: Callable[[], Awaitable[str]]) -> str:
        """The answer, at most ``life_s`` seconds old.

        Raises:
            Exception: whatever ``fetch`` raised.
        """
        known = self._answers.get(question)
        if known is not None and monotonic() - known[1] < life_s:
            return known[0]
        task = self._under_way.get(question)
        if task is None:
            task = self._under_way[question] = asyncio.ensure_future(fetch())
            task.add_done_callback(lambda done: self._landed(question, done, life_s))
        # Shielded: a client that leaves must not end the fetching for the others.
        return await asyncio.shield(task)

    def _landed(self, question: str, task: "asyncio.Task[str]", life_s: float) -> None:
        self._under_way.pop(question, None)
        if task.cancelled() or task.exception() is not None:
            return
        if len(self._answers) >= MOST_KEPT:
            self._drop_old(life_s)
        self._answers[question] = task.result(), monotonic()

    def _drop_old(self, life_s: float) -> None:
        now_s = monotonic()
        fresh = {key: kept for key, kept in self._answers.items() if now_s - kept[1] < life_s}
        self._answers = fresh if len(fresh) < MOST_KEPT else {}
