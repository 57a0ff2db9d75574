"""Which threads accept commands for requests that wait without a thread?

A small bounded pool, each thread with one kept database connection. On SQLite it has one thread:
there is one writer anyway, and it never has to wait for itself.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")


async def in_pool(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``work`` on a thread of the pool and wait for it."""

    def job() -> R:
        close_old_connections()
        return work(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_pool(), job)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.OMS_COMMAND_THREADS, thread_name_prefix="commands")
