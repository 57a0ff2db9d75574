"""What works for one account that this process serves?"""

import asyncio

from accounts.models import Account
from gateway.evidence import booking
from gateway.polling.poller import Poller
from gateway.reconcile.rounds import Importer
from gateway.sending.lanes import Lane
from gateway.sending.leasing import Tenure
from gateway.worker.prices import PriceWatch
from gateway.worker.watching import Streamer


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
