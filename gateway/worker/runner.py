"""Who works for which account in this process?

The worker keeps one ``Lane``, one watcher (``Poller`` or ``Streamer``), one ``Importer`` and one
``PriceWatch`` per account whose lease it has, on the process's exchange loop. Tasks and requests
talk to it through ``wake``, ``watch_prices``, ``sweep`` and ``stop``, from any thread.
"""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from time import monotonic
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import Account
from gateway import loop, pacing
from gateway.exchanges import capabilities
from gateway.loop import db
from gateway.pricing import feeds, fresh
from gateway.pricing.warming import Warmer
from gateway.reconcile import catching_up
from gateway.sending import leasing, recover
from gateway.sessions import kept as sessions
from gateway.sessions import markets
from gateway.sessions.outcomes import CallFailed
from gateway.troubles import blind
from gateway.troubles.beside import guarded
from gateway.worker import heartbeat
from gateway.worker.overlooked import SILENT_AFTER, LeftBehind, left_behind
from gateway.worker.served import Served
from oms_project.errors import OmsError
from oms_project.memory import settle
from positions.ports import risk_gate
from positions.projector import leases
from positions.projector.orders import expiring, outcomes
from positions.projector.orders.expiring import Soon
from positions.projector.protection import following
from positions.relay import News, hub, relay

log = logging.getLogger(__name__)

START_PATIENCE_S = 10.0
SYMBOL_PATIENCE_S = 4.0  # At the start; the watcher asks again about what takes longer.
RENEWALS = 3  # within the life of a lease


class Runner:
    """The accounts served by this process. Its methods run on the exchange loop."""

    def __init__(self) -> None:
        self._served: dict[int, Served] = {}
        self._starting: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._looking: set[int] = set()
        self._expiring: set[int] = set()
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
        await db(blind.forget, account_id)
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
        ask about orders that are due: each by itself, and none is waited for.
        """
        for account_id in left.account_ids:
            self.keep(self.wake(account_id))
        for account_id in left.watching_ids:
            self.keep(self.watch_prices(account_id, unless_awake=True))
        for account_id in left.asked_ids:
            self.keep(self.reconcile(account_id))
        for order_id in left.order_ids:
            if order_id not in self._looking:
                self._looking.add(order_id)
                self.keep(self._look_up_one(order_id))
        for soon in left.expiring:
            if soon.order_id not in self._expiring:
                self._expiring.add(soon.order_id)
                self.keep(self._expire_one(soon))

    async def stop(self) -> None:
        """Finish what is on the wire, then close every session; nobody is served afterwards."""
        self._is_stopping = True
        await asyncio.gather(
            *(served.end() for served in self._served.values()), return_exceptions=True
        )
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._served.clear()
        await feeds.close_all()
        await sessions.close_all()
        await db(leasing.release)

    async def keep_leases(self) -> None:
        """Prolong the leases, leave what was lost, and take what nobody serves."""
        while True:
            await asyncio.sleep(settings.OMS_LEASE_S / RENEWALS)
            try:
                await self._renew()
                free = await db(leases.free_accounts)
            except Exception:
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
            # What happened while nobody looked is doubt, not a poll that may wait.
            with pacing.going(pacing.Rank.ACTING):
                async with asyncio.timeout(START_PATIENCE_S):
                    await markets.keep_current(account_id)
                    await catching_up.catch_up(account_id, budget_s=SYMBOL_PATIENCE_S)
        except (CallFailed, OmsError, TimeoutError) as failure:
            log.warning("account.not_caught_up", extra=about | {"why": str(failure)})
        except Exception:
            log.exception("account.catch_up_broke", extra=about)
        try:
            await db(following.resume, account_id)
        except Exception:
            log.exception("account.stops_not_resumed", extra=about)

    async def look_up_prices(self, account_id: int, symbols: tuple[str, ...]) -> None:
        """Another process waits for these prices."""
        if account_id in self._served:
            await fresh.look_up(account_id, symbols)

    async def sweep_in_silence(self) -> None:
        """Sweep when the scheduler has not been heard for a few intervals."""
        pause_s = settings.OMS_SWEEP_S * SILENT_AFTER
        while True:
            await asyncio.sleep(pause_s)
            if monotonic() - self.swept_at_s > pause_s:
                try:
                    await db(sweep)
                except Exception:
                    log.exception("sweep.failed")

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` until it ends or this process stops serving; a failure is logged."""
        task = asyncio.create_task(guarded("runner.work_broke", work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_up_one(self, order_id: int) -> None:
        try:
            await recover.look_up(order_id)
            while await db(outcomes.is_waited_for, order_id):
                await asyncio.sleep(settings.OMS_LOOKUP_FIRST_S)
                await recover.look_up(order_id)
        finally:
            self._looking.discard(order_id)

    async def _expire_one(self, soon: Soon) -> None:
        """End it at its time, not at the sweep after."""
        try:
            await asyncio.sleep((soon.expires_at - timezone.now()).total_seconds())
            await db(expiring.expire, soon.order_id)
        finally:
            self._expiring.discard(soon.order_id)


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
    risk_gate().carry_on()


def start(timeout_s: float = 30.0) -> None:
    """Serve every account; returns when each has caught up or given up trying for now."""
    account_ids = list(Account.objects.order_by("id").values_list("pk", flat=True))

    async def serve_all() -> None:
        await asyncio.gather(*(_runner.serve(account_id) for account_id in account_ids))
        _runner.keep(_runner.sweep_in_silence())
        _runner.keep(_runner.keep_leases())
        _runner.keep(sessions.keep_current())
        _runner.keep(Warmer(lambda: _runner.account_ids).run())

    heartbeat.forget()
    fresh.serve(True)
    _hear_bells()
    loop.call(serve_all(), timeout_s)
    settle()
    _ready.set()
    heartbeat.beat()
    log.info("runner.serving", extra={"account_ids": _runner.account_ids})


def _hear_bells() -> None:
    """Be rung for accounts of ours that another worker was woken for; for the process's life."""
    relay().start()
    hub().listen(_hear)


def _hear(news: News) -> None:
    if not is_ready():
        return
    if news.rings:
        loop.run(_ring(news.account_id))
    if news.prices_of:
        loop.run(_runner.look_up_prices(news.account_id, news.prices_of))


async def _ring(account_id: int) -> None:
    _runner.ring(account_id)


def is_ready() -> bool:
    """Whether ``start`` has finished and ``stop`` has not begun."""
    return _ready.is_set()


def stop(timeout_s: float = 15.0) -> None:
    """End cleanly: no order is left in mid-air."""
    _ready.clear()
    fresh.serve(False)
    heartbeat.forget()
    try:
        loop.call(_runner.stop(), timeout_s)
    except TimeoutError:
        log.warning("runner.stopped_with_sends_in_doubt")
    finally:
        loop.stop()
