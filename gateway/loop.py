"""Where do the asynchronous conversations with exchanges run?

On asyncio loops in daemon threads: one for orders and everything that books (``run``, ``call``),
one for what clients read (``reading``), so that an order never waits until a long answer has been
parsed. Synchronous code hands them coroutines; coroutines reach the database with ``await db(fn,
…)``, which runs ``fn`` on a small pool of threads so that a slow query never stops a loop.

All start when first used and belong to the process that started them: after a fork the child
starts its own. A coroutine on these loops must not compute with ``Decimal``: ccxt changes the
rounding of the decimal context it runs in (``decimal_to_precision`` sets ROUND_HALF_UP and traps
Underflow). ``db`` gives its function a clean context.
"""

import asyncio
import contextvars
import decimal
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from django.conf import settings
from django.db import close_old_connections, connection

from positions.courtesy import LOOK_AGAIN_S, Parties, courtesy

T = TypeVar("T")


class LoopThread:
    """An asyncio loop in a daemon thread of its own, started when first used."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.forget()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start ``coroutine`` on the loop; the future may be waited for from any thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._started())

    def call(self, coroutine: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run ``coroutine`` on the loop and wait for its answer.

        Raises:
            TimeoutError: it took longer than ``timeout_s``; the coroutine is cancelled.
            RuntimeError: called on the loop's own thread, which would wait for itself.
        """
        if self.is_current():
            coroutine.close()
            raise RuntimeError("call() would wait for its own thread; await the coroutine instead")
        future = self.run(coroutine)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def is_current(self) -> bool:
        """Whether the caller runs on this loop."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def stop(self, timeout_s: float) -> None:
        """End the loop; the next ``run`` starts a new one."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout_s)

    def forget(self) -> None:
        """Start anew: after a fork the thread stayed with the parent, with the lock perhaps."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_serve, args=(self._loop,), name=self.name, daemon=True
                )
                self._thread.start()
            return self._loop


_orders = LoopThread("exchange-loop")
reading = LoopThread("reading-loop")
run, call, on_loop = _orders.run, _orders.call, _orders.is_current

_lock = threading.Lock()
_database: "_FairPool | None" = None


# The account for which the running task works; 0 where it is none in particular.
whose: ContextVar[int] = ContextVar("whose", default=0)
# Who lets others go first with what the running task asks of the database; nobody, as a rule.
yielding: ContextVar[Parties | None] = ContextVar("yielding", default=None)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One call that waits for a thread."""

    future: Future[Any]
    work: Callable[[], Any]
    yielding: Parties | None

    def do(self) -> None:
        """Do it, unless nobody waits for it any more."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            self.future.set_result(self.work())
        except BaseException as error:  # noqa: BLE001 (whoever waits for it raises it)
            self.future.set_exception(error)


class _FairPool:
    """Threads on which accounts take turns: one with a thousand orders delays others by one call.

    What one account asked for is done in the order in which it was asked; what lets others go first
    has a line of its own (see ``positions.courtesy``).
    """

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="exchange-db")
        self._waiting: OrderedDict[tuple[int, bool], deque[_Piece]] = OrderedDict()
        self._changed = threading.Condition()

    def submit(
        self, account_id: int, work: Callable[[], T], yielding: Parties | None = None
    ) -> "Future[T]":
        future: Future[T] = Future()
        with self._changed:
            line = self._waiting.setdefault((account_id, yielding is not None), deque())
            line.append(_Piece(future, work, yielding))
            self._changed.notify_all()
        self._threads.submit(self._run_next)
        return future

    def shutdown(self) -> None:
        """Finish what runs; what waits is cancelled."""
        with self._changed:
            left = [piece.future for line in self._waiting.values() for piece in line]
            self._waiting.clear()
            self._changed.notify_all()
        for future in left:
            future.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _run_next(self) -> None:
        """Take one piece and do it; wait where all that there are let others go first."""
        with self._changed:
            while (taken := self._take()) is None:
                if not self._waiting:
                    return
                self._changed.wait(LOOK_AGAIN_S)
        piece, number = taken
        with nullcontext() if number is None else courtesy().doing(number):
            piece.do()

    def _take(self) -> tuple[_Piece, int | None] | None:
        """The first piece that may begin, with its number where it let others go first."""
        for name, line in self._waiting.items():
            yielding, number = line[0].yielding, None
            if yielding is not None and (number := courtesy().begin(yielding)) is None:
                continue
            piece = line.popleft()
            if line:
                self._waiting.move_to_end(name)
            else:
                del self._waiting[name]
            return piece, number
        return None


async def db(fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run the synchronous ``fn`` on a database thread and give its answer.

    The thread keeps its connection between calls and drops it when it broke or grew too old. There
    are ``OMS_DB_THREADS`` threads (default: 1 on SQLite, which has one writer; 4 elsewhere); more
    calls wait in line, and accounts take turns: see ``whose`` and ``yielding``.
    """
    context = contextvars.copy_context()
    work = partial(context.run, _with_connection, fn, *args, **kwargs)
    return await asyncio.wrap_future(_pool().submit(whose.get(), work, yielding.get()))


def stop(timeout_s: float = 5) -> None:
    """End the loops and the database threads; the next ``run`` starts new ones."""
    global _database
    reading.stop(timeout_s)
    _orders.stop(timeout_s)
    with _lock:
        database, _database = _database, None
    if database is not None:
        database.shutdown()


def _with_connection(fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    close_old_connections()
    try:
        with decimal.localcontext(decimal.Context(prec=50, rounding=decimal.ROUND_HALF_EVEN)):
            return fn(*args, **kwargs)
    finally:
        close_old_connections()


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


def _pool() -> _FairPool:
    global _database  # noqa: PLW0603 (one per process is the point of the module)
    with _lock:
        if _database is None:
            fitting = 1 if connection.vendor == "sqlite" else 4
            threads = settings.OMS_DB_THREADS or fitting
            _database = _FairPool(threads)
        return _database


def _forget_after_fork() -> None:
    global _lock, _database
    _orders.forget()
    reading.forget()
    _lock, _database = threading.Lock(), None


os.register_at_fork(after_in_child=_forget_after_fork)
