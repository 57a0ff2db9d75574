"""When is an account reconciled with its exchange?

When it is served, by its three loops, when somebody asks, and, for the symbols alone, soon after
its private stream showed an order or a trade that is not ours.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Account
from gateway import pacing, runs
from gateway.loop import db
from gateway.reconcile import cursors, importing, reconciling
from gateway.schedule import Loop, Schedule, loops
from gateway.sessions.outcomes import CallFailed
from gateway.words import Scope
from oms_project.errors import OmsError

log = logging.getLogger(__name__)

SOON_S = 0.3  # What a stream tells of one order comes in several messages.
PAUSE_AFTER_FAILURE_S = 2.0


class Importer:
    """The rounds of one account. Lives on the process's exchange loop."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self._bell = asyncio.Event()
        self._strange: dict[str, set[str]] = {}
        self._may_wait = True  # Whether somebody may have asked for a run.

    def ring(self, symbol: str, exchange_order_ids: Iterable[str]) -> None:
        """Orders that we do not know were seen."""
        self._strange.setdefault(symbol, set()).update(exchange_order_ids)
        self._bell.set()

    def look(self) -> None:
        """Somebody may have asked for a run."""
        self._may_wait = True
        self._bell.set()

    async def run(self) -> None:
        """Reconcile for ever; a round that failed is repeated at the next turn."""
        schedule: Schedule | None = None
        while True:
            try:
                if schedule is None:
                    await db(runs.take_up, self.account_id)
                    schedule = Schedule(await db(runs.last_successes, self.account_id))
                    with pacing.going(pacing.Rank.CATCHING_UP):
                        await self._first(schedule)
                if self._may_wait:
                    with pacing.going(pacing.Rank.CATCHING_UP):
                        await self._make_asked(schedule)
                with pacing.going(pacing.Rank.COMPARING):
                    await self._turn(schedule)
            except Exception:
                log.exception("reconcile.rounds_broke", extra={"account_id": self.account_id})
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)

    async def _first(self, schedule: Schedule) -> None:
        """At the start every symbol is read, far back only where that is due."""
        wanted = await self._loops()
        scope, wait_s = schedule.next(wanted, timezone.now())
        is_due = scope is Scope.LONG and not wait_s
        await self._make(Scope.LONG if is_due else Scope.HOURLY, wanted, schedule)

    async def _turn(self, schedule: Schedule) -> None:
        """A loop that is due, or strangers, whichever is first; the bell ends the wait too."""
        wanted = await self._loops()
        scope, wait_s = schedule.next(wanted, timezone.now())
        try:
            async with asyncio.timeout(wait_s):
                await self._bell.wait()
                await asyncio.sleep(0 if self._may_wait else SOON_S)
        except TimeoutError:
            await self._make(scope, wanted, schedule)
            return
        self._bell.clear()
        if symbols := await self._still_strange():
            await self._bring_in(symbols)

    async def _loops(self) -> dict[Scope, Loop]:
        return loops(await db(_policy, self.account_id))

    async def _make(self, scope: Scope, wanted: dict[Scope, Loop], schedule: Schedule) -> None:
        began = timezone.now()
        since = began - timedelta(seconds=wanted[scope].look_back_s)
        run = await db(runs.begin, self.account_id, runs.Asked(scope, since))
        await reconciling.reconcile(run)
        # Failed or not: a loop keeps its pace, and what was missed is not lost.
        schedule.ran(scope, began)

    async def _make_asked(self, schedule: Schedule) -> None:
        """Everything that was asked for, oldest first."""
        self._may_wait = False
        while run := await db(runs.take, self.account_id):
            began = timezone.now()
            if run.since is None:
                loop = (await self._loops())[Scope(run.scope)]
                run.since = began - timedelta(seconds=loop.look_back_s)
                await db(runs.reach_back, run.pk, run.since)
            if await reconciling.reconcile(run):
                schedule.ran(Scope(run.scope), began)

    async def _still_strange(self) -> set[str]:
        """Most strangers were own orders, acknowledged by now."""
        seen, self._strange = self._strange, {}
        return {
            symbol
            for symbol, ids in seen.items()
            if await db(cursors.strangers, self.account_id, symbol, ids)
        }

    async def _bring_in(self, only: set[str]) -> None:
        about = {"account_id": self.account_id}
        try:
            await importing.bring_in(self.account_id, only=only)
        except (CallFailed, OmsError) as failure:
            log.warning("import.failed", extra=about | failure.details)
        except Exception:
            # Nothing was concluded: cursors stand where they stood.
            log.exception("import.broke", extra=about)


def _policy(account_id: int) -> dict[str, Any]:
    return Account.objects.values_list("reconcile_policy", flat=True).get(pk=account_id)
