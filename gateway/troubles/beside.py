"""How are several things done without one of them holding up the others?

``side_by_side`` does them all and gives what went wrong, by name. ``Beside`` keeps at most one of
each name going: whoever comes round again starts what is not still under way.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from gateway import pacing

log = logging.getLogger(__name__)

BUDGET_S = 60.0  # For one item: a few questions, each with its own time-out.
AT_ONCE = 32

Work = Callable[[], Coroutine[Any, Any, None]]


async def side_by_side(
    works: Mapping[Any, Work], *, budget_s: float = BUDGET_S, at_once: int = AT_ONCE
) -> dict[Any, Exception]:
    """Do all of it; what failed, or took longer than its budget, is given back by its name.

    What has a budget of its exchange's allowance waits for its turn outside that time.
    """
    room = asyncio.Semaphore(at_once)
    failures: dict[Any, Exception] = {}

    async def one(name: Any, work: Work) -> None:
        async with room:
            try:
                async with pacing.within(budget_s):
                    await work()
            except Exception as failure:  # noqa: BLE001 (given back by name: who asked judges it)
                failures[name] = failure

    await asyncio.gather(*(one(name, work) for name, work in works.items()))
    return failures


class Beside:
    """Work of one kind, by name, at most one of each under way. Lives on the exchange loop.

    ``ended`` is told each name with its failure, or None.
    """

    def __init__(
        self,
        ended: Callable[[Any, Exception | None], Coroutine[Any, Any, None]],
        *,
        budget_s: float = BUDGET_S,
    ) -> None:
        self._ended = ended
        self._budget_s = budget_s
        self._tasks: dict[Any, asyncio.Task[None]] = {}

    @property
    def names(self) -> set[Any]:
        """What is under way."""
        return {*self._tasks}

    def start(self, name: Any, work: Work) -> None:
        """Do it now, unless the same is still under way."""
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._do(name, work))

    async def stop(self) -> None:
        """End all of it."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _do(self, name: Any, work: Work) -> None:
        try:
            failures = await side_by_side({name: work}, budget_s=self._budget_s)
            await self._ended(name, failures.get(name))
        except Exception:
            log.exception("beside.not_told", extra={"what": str(name)})
        finally:
            del self._tasks[name]


async def guarded(name: str, work: Coroutine[Any, Any, None], **about: Any) -> None:
    """``work`` where nobody waits for it: what goes wrong is logged."""
    try:
        await work
    except Exception:
        log.exception(name, extra=about)
