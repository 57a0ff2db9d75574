"""Who works for which account in this process?

The worker keeps one ``Lane`` and one watcher (``Poller`` or ``Streamer``) per account on the
process's exchange loop, and one ``PriceWatch`` for its stops. Tasks and requests talk to it through
``wake``, ``watch_prices``, ``look_up`` and ``stop``, from any thread.
"""

import asyncio
import logging
import threading
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import Account
from gateway import heartbeat, loop, markets, recover, sessions
from gateway.lanes import Lane
from gateway.loop import db
from gateway.outcomes import CallFailed
from gateway.prices import PriceWatch
from gateway.watching import Poller, Streamer
from oms_project.errors import OmsError
from positions import projector
from positions.models import Instruction, InstructionState, Order
from positions.projector import protection

log = logging.getLogger(__name__)

START_PATIENCE_S = 10.0
OVERLOOKED_AFTER = timedelta(seconds=1)
DUE_AT_ONCE = 100
SILENT_AFTER = 3  # intervals without a sweep, then this process sweeps by itself


class Runner:
    """The accounts served by this process. Its methods run on the exchange loop."""

    def __init__(self) -> None:
        self._lanes: dict[int, Lane] = {}
        self._watchers: dict[int, Poller | Streamer] = {}
        self._prices: dict[int, PriceWatch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: set[int] = set()
        self._is_stopping = False
        self.swept_at_s = monotonic()

    async def serve(self, account_id: int) -> None:
        """Catch up with the exchange, then send and watch; at once if it is served already."""
        if account_id in self._lanes or self._is_stopping:
            return
        account = await db(Account.objects.get, pk=account_id)
        if account_id in self._lanes:
            return  # Somebody else came first while the account was read.
        watcher = (Streamer if account.is_pro else Poller)(account_id)
        lane = Lane(account_id, on_landed=watcher.ring)
        self._lanes[account_id], self._watchers[account_id] = lane, watcher
        self._prices[account_id] = prices = PriceWatch(account_id)
        await self._catch_up(account_id)
        if self._is_stopping:
            return
        self.keep(lane.run())
        self.keep(watcher.run())
        self.keep(prices.run())
        lane.ring()

    async def wake(self, account_id: int) -> None:
        """Something waits to be sent for the account, or rests at its exchange."""
        await self.serve(account_id)
        if lane := self._lanes.get(account_id):
            lane.ring()

    async def watch_prices(self, account_id: int, *, unless_awake: bool = False) -> None:
        """Other prices may matter to the account's stops now."""
        await self.serve(account_id)
        prices = self._prices.get(account_id)
        if prices and not (unless_awake and not prices.is_asleep):
            prices.ring()

    async def look_up(self, order_ids: Iterable[int]) -> None:
        """Ask about orders that are due, each once at a time."""
        due = [order_id for order_id in order_ids if order_id not in self._looking]
        for order_id in due:
            self._looking.add(order_id)
            self.keep(self._look_up_one(order_id))

    async def stop(self) -> None:
        """Finish what is on the wire, then close every session; nobody is served afterwards."""
        self._is_stopping = True
        for lane in self._lanes.values():
            await lane.drain()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lanes.clear()
        self._watchers.clear()
        self._prices.clear()
        await sessions.close_all()

    async def _catch_up(self, account_id: int) -> None:
        """Book what was missed. What fails is logged and asked again by sweeper and watcher.

        Nothing that goes wrong for one account may keep it, or the others, from being served.
        """
        about = {"account_id": account_id}
        try:
            async with asyncio.timeout(START_PATIENCE_S):
                await markets.refresh(account_id)
                await recover.catch_up(account_id)
            await db(protection.resume, account_id)
        except (CallFailed, OmsError, TimeoutError) as failure:
            log.warning("account.not_caught_up", extra=about | {"why": str(failure)})
        except Exception:
            log.exception("account.catch_up_broke", extra=about)

    async def sweep_in_silence(self) -> None:
        """Sweep when the scheduler has not been heard for a few intervals."""
        pause_s = settings.OMS_SWEEP_S * SILENT_AFTER
        while True:
            await asyncio.sleep(pause_s)
            if monotonic() - self.swept_at_s > pause_s:
                try:
                    await db(sweep)
                except DatabaseError:
                    log.exception("sweep.failed")

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` until it ends or this process stops serving."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_up_one(self, order_id: int) -> None:
        try:
            await recover.look_up(order_id)
        finally:
            self._looking.discard(order_id)


_runner = Runner()
_ready = threading.Event()


def wake(account_id: int) -> None:
    """Have the account served and its waiting instructions sent; returns at once."""
    loop.run(_runner.wake(account_id))


def watch_prices(account_id: int) -> None:
    """Have the prices watched that the account's stops wait for; returns at once."""
    loop.run(_runner.watch_prices(account_id))


def look_up(order_ids: Iterable[int]) -> None:
    """Have the exchange asked about these orders; returns at once."""
    loop.run(_runner.look_up(list(order_ids)))


def sweep() -> None:
    """Find what a lost bell, a dead worker or a silent exchange left behind, and set it going.

    Rung by the scheduler; a worker that hears nothing from it, because the broker is gone, sweeps
    by itself.
    """
    if not is_ready():
        return
    now = timezone.now()
    _runner.swept_at_s = monotonic()
    heartbeat.beat()
    for account_id in {*projector.expire_overdue(now), *_overlooked(now)}:
        wake(account_id)
    protection.sweep(now)
    for account_id in protection.accounts_watching():
        loop.run(_runner.watch_prices(account_id, unless_awake=True))
    due = Order.objects.open().filter(next_check_at__lte=now).order_by("next_check_at")
    if order_ids := list(due.values_list("pk", flat=True)[:DUE_AT_ONCE]):
        look_up(order_ids)


def _overlooked(now: datetime) -> list[int]:
    """Accounts with instructions that wait longer than a bell takes."""
    waiting = Instruction.objects.filter(
        state=InstructionState.PENDING, created_at__lte=now - OVERLOOKED_AFTER
    )
    return list(waiting.values_list("account_id", flat=True).distinct())


def start(timeout_s: float = 30.0) -> None:
    """Serve every account; returns when each has caught up or given up trying for now."""
    account_ids = list(Account.objects.order_by("id").values_list("pk", flat=True))

    async def serve_all() -> None:
        await asyncio.gather(*(_runner.serve(account_id) for account_id in account_ids))
        _runner.keep(_runner.sweep_in_silence())

    heartbeat.forget()
    loop.call(serve_all(), timeout_s)
    _ready.set()
    heartbeat.beat()


def is_ready() -> bool:
    """Whether ``start`` has finished and ``stop`` has not begun."""
    return _ready.is_set()


def stop(timeout_s: float = 15.0) -> None:
    """End cleanly: no order is left in mid-air."""
    _ready.clear()
    heartbeat.forget()
    try:
        loop.call(_runner.stop(), timeout_s)
    except TimeoutError:
        log.warning("runner.stopped_with_sends_in_doubt")
    finally:
        loop.stop()
