"""How are fills of resting orders noticed?

``ccxtpro.`` accounts keep private streams open; after every (re)connect what was missed is asked
over REST. ``ccxt.`` accounts ask for their open orders while there are any, and sleep otherwise.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from django.conf import settings

from gateway import catching_up, cursors, sessions, watch
from gateway.booking import CcxtStructure, book
from gateway.loop import db
from gateway.outcomes import CallFailed
from gateway.session import Session
from oms_project.errors import EngineUnavailable

log = logging.getLogger(__name__)

PAUSE_AFTER_FAILURE_S = 2.0
GATHER_S = 0.02  # A burst of bookings is looked at once, and the answers to clients go first.

OnStrangers = Callable[[str, set[str]], None]
"""Told a symbol and the exchange's ids of orders in it that we do not know."""


class Poller:
    """Asks for the open orders of one account while it has some."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self._bell = asyncio.Event()

    def ring(self) -> None:
        """There may be a resting order now."""
        self._bell.set()

    async def run(self) -> None:
        """Poll for ever; without resting orders, wait for the bell."""
        while True:
            try:
                self._bell.clear()
                resting = await db(catching_up.resting, self.account_id)
                if not resting:
                    await self._bell.wait()
                    await asyncio.sleep(GATHER_S)
                    continue
                session = await sessions.open_for(self.account_id)
                await catching_up.compare(session, resting)
                await asyncio.sleep(settings.OMS_POLL_S)
            except (CallFailed, EngineUnavailable) as failure:
                log.warning("poll.failed", extra={"account_id": self.account_id} | failure.details)
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
            except Exception:
                log.exception("poll.broke", extra={"account_id": self.account_id})
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)


class Streamer:
    """Keeps the private streams of one account open.

    ``on_strangers`` is told of orders that we do not know.
    """

    def __init__(self, account_id: int, *, on_strangers: OnStrangers) -> None:
        self.account_id = account_id
        self._on_strangers = on_strangers

    def ring(self) -> None:
        """Streams bring news by themselves."""

    async def run(self) -> None:
        """Watch for ever; ``gateway.watch`` reconnects."""
        while True:
            try:
                session = await sessions.open_for(self.account_id)
                await watch.watch(
                    session,
                    on_orders=partial(self._book_orders, session),
                    on_trades=partial(self._book_trades, session),
                    on_connected=self._catch_up,
                    on_lost=self._lost,
                )
            except (CallFailed, EngineUnavailable) as failure:
                log.warning(
                    "stream.failed", extra={"account_id": self.account_id} | failure.details
                )
            except Exception:
                log.exception("stream.broke", extra={"account_id": self.account_id})
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)

    async def _catch_up(self) -> None:
        await catching_up.catch_up(self.account_id)

    async def _lost(self, reason: str) -> None:
        log.warning("stream.lost", extra={"account_id": self.account_id, "reason": reason})

    async def _book_orders(self, session: Session, orders: list[CcxtStructure]) -> None:
        await book(session, orders=orders, streamed=True)
        await self._tell_of_strangers(orders, "id")

    async def _book_trades(self, session: Session, trades: list[CcxtStructure]) -> None:
        await book(session, trades=trades, streamed=True)
        await self._tell_of_strangers(trades, "order")

    async def _tell_of_strangers(self, news: list[CcxtStructure], id_key: str) -> None:
        """An own order whose acknowledgement is on its way is told of too."""
        by_symbol: dict[str, set[str]] = {}
        for one in news:
            by_symbol.setdefault(str(one.get("symbol")), set()).add(str(one.get(id_key)))
        for symbol, ids in by_symbol.items():
            if strange := await db(cursors.strangers, self.account_id, symbol, ids):
                self._on_strangers(symbol, strange)
