"""Which threads work for requests and sockets that wait without a thread?

Small bounded pools, each thread with one kept database connection: one that accepts commands (on
SQLite it has one thread: there is one writer anyway, and it never has to wait for itself), one that
reads for sockets, so that no command waits behind a hundred snapshots, and one at the door, so that
nobody is kept waiting there by either. Whose turn it is to accept says ``positions.api.turns``.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")


async def in_pool(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``work`` on a thread that accepts commands, and wait for it."""
    return await _on(_pool(), work, *args, **kwargs)


async def reading(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``work``, which only reads, on a thread of the sockets' pool, and wait for it."""
    return await _on(_reading_pool(), work, *args, **kwargs)


async def at_the_door(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run ``work``, which finds out who is asking, on a thread at the door, and wait for it."""
    return await _on(_door_pool(), work, *args, **kwargs)


async def _on(
    pool: ThreadPoolExecutor, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    def job() -> R:
        close_old_connections()
        return work(*args, **kwargs)

    # With its context: what is logged on the thread names the request.
    return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, job)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.OMS_COMMAND_THREADS, thread_name_prefix="commands")


@cache
def _reading_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.OMS_SOCKET_THREADS, thread_name_prefix="sockets")


@cache
def _door_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.OMS_DOOR_THREADS, thread_name_prefix="door")
