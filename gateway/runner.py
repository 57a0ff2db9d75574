"""Who works for which account in this process?

The worker keeps one ``Lane``, one watcher (``Poller`` or ``Streamer``), one ``Importer`` and one
``PriceWatch`` per account whose lease it has, on the process's exchange loop. Tasks and requests
talk to it through ``wake``, ``watch_prices``, ``sweep`` and ``stop``, from any thread.
"""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import Account
from gateway import (
    booking,
    capabilities,
    catching_up,
    heartbeat,
    leasing,
    loop,
    markets,
    recover,
    runs,
    sessions,
)
from gateway.lanes import Lane
from gateway.leasing import Tenure
from gateway.loop import db
from gateway.outcomes import CallFailed
from gateway.prices import PriceWatch
from gateway.rounds import Importer
from gateway.watching import Poller, Streamer
from oms_project.errors import OmsError
from positions import projector
from positions.models import Instruction, InstructionState, Order
from positions.projector import leases, protection
from positions.relay import News, hub, relay

log = logging.getLogger(__name__)

START_PATIENCE_S = 10.0
OVERLOOKED_AFTER = timedelta(seconds=1)
DUE_AT_ONCE = 100
RENEWALS = 3  # within the life of a lease
SILENT_AFTER = 3  # intervals without a sweep, then this process sweeps by itself


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """Accounts with something that was not sent or not answered, those whose stops wait for a
    price, and those on which a reconciliation was asked for; and orders to ask about.
    """

    account_ids: list[int]
    watching_ids: list[int]
    asked_ids: list[int]
    order_ids: list[int]


class Served:
    """One account that this process serves: its lease, and what works for it."""

    def __init__(self, account: Account, tenure: Tenure) -> None:
        self.tenure = tenure
        self.importer = Importer(account.pk)
        self.watcher: Poller | Streamer
        if account.is_pro:
            self.watcher = Streamer(account.pk, on_strangers=self.importer.ring)
        else:
            self.watcher = Poller(account.pk)
        self.lane = Lane(tenure)
        self.prices = PriceWatch(account.pk)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Send, watch orders and prices, and import until ``end``."""
        work = (self.lane.run(), self.watcher.run(), self.importer.run(), self.prices.run())
        self._tasks = [asyncio.create_task(one) for one in work]
        booking.listen(self.tenure.account_id, self.watcher.ring)
        self.lane.ring()

    async def end(self) -> None:
        """Send nothing more, wait for what is on the wire, and leave."""
        await self.lane.drain()
        booking.listen(self.tenure.account_id, None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Runner:
    """The accounts served by this process. Its methods run on the exchange loop."""

    def __init__(self) -> None:
        self._served: dict[int, Served] = {}
        self._starting: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: set[int] = set()
        self._is_stopping = False
        self.swept_at_s = monotonic()

    @property
    def account_ids(self) -> list[int]:
        """The accounts that are served here."""
        return list(self._served)

    async def serve(self, account_id: int) -> None:
        """Take the account's lease, catch up with the exchange, then send and watch.

        At once if it is served already; nothing where another process has the lease.
        """
        if self._is_stopping or account_id in self._served or account_id in self._starting:
            return
        self._starting.add(account_id)
        try:
            await self._serve(account_id)
        finally:
            self._starting.discard(account_id)

    async def _serve(self, account_id: int) -> None:
        tenure = await db(leasing.take, account_id)
        if tenure is None:
            return
        account = await db(Account.objects.get, pk=account_id)
        self._served[account_id] = served = Served(account, tenure)
        if tenure.lease.ran_out:
            log.warning("account.taken_over", extra={"account_id": account_id})
            await asyncio.sleep(capabilities.in_flight_s(account.exchange_id))
        await self._catch_up(account_id)
        if not self._is_stopping:
            served.start()

    async def wake(self, account_id: int) -> None:
        """Something waits to be sent for the account, or rests at its exchange."""
        await self.serve(account_id)
        if served := self._served.get(account_id):
            served.lane.ring()
        elif account_id not in self._starting:
            await db(relay().announce, News(account_id, 0, rings=True))

    def ring(self, account_id: int) -> None:
        """Another process was woken for an account that may be served here."""
        if served := self._served.get(account_id):
            served.lane.ring()
            served.prices.ring()
            served.importer.look()

    async def reconcile(self, account_id: int) -> None:
        """A reconciliation was asked for."""
        await self.serve(account_id)
        if served := self._served.get(account_id):
            served.importer.look()
        elif account_id not in self._starting:
            await db(relay().announce, News(account_id, 0, rings=True))

    async def watch_prices(self, account_id: int, *, unless_awake: bool = False) -> None:
        """Other prices may matter to the account's stops now."""
        await self.serve(account_id)
        if served := self._served.get(account_id):
            if served.prices.is_asleep or not unless_awake:
                served.prices.ring()
        elif account_id not in self._starting:
            await db(relay().announce, News(account_id, 0, rings=True))

    async def attend(self, left: LeftBehind) -> None:
        """Send what was overlooked, watch what stops wait for, reconcile where it was asked for,
        ask about orders that are due.
        """
        for account_id in left.account_ids:
            await self.wake(account_id)
        for account_id in left.watching_ids:
            await self.watch_prices(account_id, unless_awake=True)
        for account_id in left.asked_ids:
            await self.reconcile(account_id)
        for order_id in left.order_ids:
            if order_id not in self._looking:
                self._looking.add(order_id)
                self.keep(self._look_up_one(order_id))

    async def stop(self) -> None:
        """Finish what is on the wire, then close every session; nobody is served afterwards."""
        self._is_stopping = True
        for served in tuple(self._served.values()):
            await served.end()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._served.clear()
        await sessions.close_all()
        await db(leasing.release)

    async def keep_leases(self) -> None:
        """Prolong the leases, leave what was lost, and take what nobody serves."""
        while True:
            await asyncio.sleep(settings.OMS_LEASE_S / RENEWALS)
            try:
                await self._renew()
                free = await db(leases.free_accounts)
            except DatabaseError:
                log.exception("leases.not_renewed")
                continue
            for account_id in free:
                self.keep(self.serve(account_id))

    async def _renew(self) -> None:
        tenures = [served.tenure for served in self._served.values()]
        for tenure in await db(leasing.renew, tenures) if tenures else ():
            log.error("account.lease_lost", extra={"account_id": tenure.account_id})
            self.keep(self._leave(self._served.pop(tenure.account_id)))

    async def _leave(self, served: Served) -> None:
        await served.end()
        await sessions.forget(served.tenure.account_id)

    async def _catch_up(self, account_id: int) -> None:
        """Book what was missed. What fails is logged and asked again by sweeper and watcher.

        Nothing that goes wrong for one account may keep it, or the others, from being served.
        """
        about = {"account_id": account_id}
        try:
            async with asyncio.timeout(START_PATIENCE_S):
                await markets.refresh(account_id)
                await catching_up.catch_up(account_id)
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


def reconcile(account_id: int) -> None:
    """Have the reconciliations made that were asked for on the account; returns at once."""
    loop.run(_runner.reconcile(account_id))


def sweep() -> None:
    """Find what a lost bell, a dead worker or a silent exchange left behind, and set it going.

    Rung by the scheduler; a worker that hears nothing from it, because the broker is gone, sweeps
    by itself.
    """
    if not is_ready():
        return
    _runner.swept_at_s = monotonic()
    heartbeat.beat()
    loop.run(_runner.attend(left_behind(_runner.account_ids, timezone.now())))


def left_behind(served: list[int], now: datetime) -> LeftBehind:
    """What has to be looked at now; overdue sends are turned into doubt on the way, and stops that
    wait to be tried again are.
    """
    waiting = Instruction.objects.filter(
        state=InstructionState.PENDING, created_at__lte=now - OVERLOOKED_AFTER
    )
    overlooked = waiting.values_list("account_id", flat=True).distinct()
    account_ids = {*projector.expire_overdue(now), *overlooked}
    due = Order.objects.open().filter(next_check_at__lte=now, account__in=served)
    order_ids = due.order_by("next_check_at").values_list("pk", flat=True)[:DUE_AT_ONCE]
    protection.sweep(now)
    watching = {*protection.accounts_watching()} & {*served}
    asked = runs.accounts_waiting(served)
    return LeftBehind(sorted(account_ids), sorted(watching), asked, list(order_ids))


def start(timeout_s: float = 30.0) -> None:
    """Serve every account; returns when each has caught up or given up trying for now."""
    account_ids = list(Account.objects.order_by("id").values_list("pk", flat=True))

    async def serve_all() -> None:
        await asyncio.gather(*(_runner.serve(account_id) for account_id in account_ids))
        _runner.keep(_runner.sweep_in_silence())
        _runner.keep(_runner.keep_leases())

    heartbeat.forget()
    _hear_bells()
    loop.call(serve_all(), timeout_s)
    _ready.set()
    heartbeat.beat()
    log.info("runner.serving", extra={"account_ids": _runner.account_ids})


def _hear_bells() -> None:
    """Be rung for accounts of ours that another worker was woken for; for the process's life."""
    relay().start()
    hub().listen(_hear)


def _hear(news: News) -> None:
    if news.rings and is_ready():
        loop.run(_ring(news.account_id))


async def _ring(account_id: int) -> None:
    _runner.ring(account_id)


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
