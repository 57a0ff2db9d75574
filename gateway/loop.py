"""Where do the asynchronous conversations with exchanges run?

On one asyncio loop in one daemon thread per process. Synchronous code hands it coroutines with
``run`` and ``call``; coroutines reach the database with ``await db(fn, …)``, which runs ``fn`` on a
small pool of threads so that a slow query never stops the loop.

Both start when first used and belong to the process that started them: after a fork the child
starts its own. A coroutine on this loop must not compute with ``Decimal``: ccxt changes the
rounding of the decimal context it runs in (``decimal_to_precision`` sets ROUND_HALF_UP and traps
Underflow). ``db`` gives its function a clean context.
"""

import asyncio
import contextvars
import decimal
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.db import close_old_connections, connection

T = TypeVar("T")

_lock = threading.Lock()
_running: asyncio.AbstractEventLoop | None = None
_database: ThreadPoolExecutor | None = None


def run(coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
    """Start ``coroutine`` on the process's loop; the future may be waited for from any thread."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop())


def call(coroutine: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
    """Run ``coroutine`` on the process's loop and wait for its answer.

    Raises:
        TimeoutError: it took longer than ``timeout_s``; the coroutine is cancelled.
        RuntimeError: called on the loop's own thread, which would wait for itself.
    """
    if on_loop():
        coroutine.close()
        raise RuntimeError("call() would wait for its own thread; await the coroutine instead")
    future = run(coroutine)
    try:
        return future.result(timeout_s)
    except TimeoutError:
        future.cancel()
        raise


async def db(fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run the synchronous ``fn`` on a database thread and give its answer.

    The thread keeps its connection between calls and drops it when it broke or grew too old. There
    are ``OMS_DB_THREADS`` threads (default: 1 on SQLite, which has one writer; 4 elsewhere); more
    calls wait in line.
    """
    context = contextvars.copy_context()
    work = partial(context.run, _with_connection, fn, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_pool(), work)


def on_loop() -> bool:
    """Whether the caller runs on the process's loop."""
    try:
        return asyncio.get_running_loop() is _running
    except RuntimeError:
        return False


def stop(timeout_s: float = 5) -> None:
    """End the loop and the database threads; the next ``run`` starts new ones."""
    global _running, _database
    with _lock:
        running, database, _running, _database = _running, _database, None, None
    if running is not None:
        thread = getattr(running, "oms_thread", None)
        running.call_soon_threadsafe(running.stop)
        if thread is not None:
            thread.join(timeout_s)
    if database is not None:
        database.shutdown(wait=True, cancel_futures=True)


def _with_connection(fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    close_old_connections()
    try:
        with decimal.localcontext(decimal.Context(prec=50, rounding=decimal.ROUND_HALF_EVEN)):
            return fn(*args, **kwargs)
    finally:
        close_old_connections()


def _loop() -> asyncio.AbstractEventLoop:
    global _running  # noqa: PLW0603 (one per process is the point of the module)
    with _lock:
        if _running is None:
            _running = asyncio.new_event_loop()
            thread = threading.Thread(
                target=_serve, args=(_running,), name="exchange-loop", daemon=True
            )
            _running.oms_thread = thread  # type: ignore[attr-defined]
            thread.start()
        return _running


def _serve(running: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(running)
    try:
        running.run_forever()
    finally:
        tasks = asyncio.all_tasks(running)
        for task in tasks:
            task.cancel()
        if tasks:
            running.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        running.run_until_complete(running.shutdown_asyncgens())
        running.close()


def _pool() -> ThreadPoolExecutor:
    global _database  # noqa: PLW0603 (one per process is the point of the module)
    with _lock:
        if _database is None:
            fitting = 1 if connection.vendor == "sqlite" else 4
            threads = getattr(settings, "OMS_DB_THREADS", None) or fitting
            _database = ThreadPoolExecutor(threads, thread_name_prefix="exchange-db")
        return _database


def _forget_after_fork() -> None:
    """The threads stayed with the parent; the lock may have been held in it."""
    global _lock, _running, _database
    _lock, _running, _database = threading.Lock(), None, None


os.register_at_fork(after_in_child=_forget_after_fork)
