"""How do an account's private streams become bookings?

``ccxtpro.`` accounts keep them open; after every (re)connect what was missed is asked over REST.
Those of ``ccxt.`` accounts are asked about (``gateway.polling``).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from gateway import pacing
from gateway.evidence.booking import CcxtStructure, book
from gateway.loop import db
from gateway.reconcile import catching_up, cursors
from gateway.sessions import kept as sessions
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.session import Session
from gateway.troubles import blind
from gateway.troubles.beside import side_by_side
from gateway.words import Sense
from gateway.worker import watch
from oms_project.errors import EngineUnavailable

log = logging.getLogger(__name__)

PAUSE_AFTER_FAILURE_S = 2.0

OnStrangers = Callable[[str, set[str]], None]
"""Told a symbol and the exchange's ids of orders in it that we do not know."""


class Streamer:
    """Keeps the private streams of one account open.

    ``on_strangers`` is told of orders that we do not know.
    """

    def __init__(self, account_id: int, *, on_strangers: OnStrangers) -> None:
        self.account_id = account_id
        self._on_strangers = on_strangers
        self._mending: asyncio.Task[None] | None = None

    def ring(self) -> None:
        """Streams bring news by themselves."""

    async def run(self) -> None:
        """Watch for ever; ``gateway.worker.watch`` reconnects."""
        try:
            while True:
                await self._turn()
        finally:
            if self._mending is not None:
                self._mending.cancel()

    async def _turn(self) -> None:
        """One session's streams, until they cannot go on."""
        about = {"account_id": self.account_id}
        try:
            session = await sessions.open_for(self.account_id)
            await watch.watch(
                session,
                on_orders=partial(self._book_orders, session),
                on_trades=partial(self._book_trades, session),
                on_connected=self._catch_up,
                on_lost=self._lost,
            )
            return  # The session was retired: its account's new one streams on.
        except (CallFailed, EngineUnavailable) as failure:
            await blind.failed(self.account_id, Sense.STREAM, "", failure)
            log.warning("stream.failed", extra=about | failure.details)
        except Exception as failure:
            await blind.failed(self.account_id, Sense.STREAM, "", failure)
            log.exception("stream.broke", extra=about)
        await asyncio.sleep(PAUSE_AFTER_FAILURE_S)

    async def _catch_up(self) -> None:
        """Fill the gap; what could not be asked now is asked again, without ending the streams."""
        with pacing.going(pacing.Rank.POLLING):
            failures = await catching_up.catch_up(self.account_id)
        await blind.seen(self.account_id, Sense.STREAM, "")
        if self._mending is not None:
            self._mending.cancel()
        self._mending = asyncio.create_task(self._mend(failures)) if failures else None

    async def _mend(self, failures: dict[str, Exception]) -> None:
        while failures:
            for symbol, failure in failures.items():
                await blind.failed(self.account_id, Sense.ORDERS, symbol, failure)
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
            asked = set(failures)
            try:
                with pacing.going(pacing.Rank.POLLING):
                    failures = await catching_up.catch_up(self.account_id, only=asked)
            except (CallFailed, EngineUnavailable) as failure:
                failures = dict.fromkeys(asked, failure)
            for symbol in asked - set(failures):
                await blind.seen(self.account_id, Sense.ORDERS, symbol)

    async def _lost(self, reason: str) -> None:
        log.warning("stream.lost", extra={"account_id": self.account_id, "reason": reason})
        await blind.failed(self.account_id, Sense.STREAM, "", ConnectionError(reason))

    async def _book_orders(self, session: Session, orders: list[CcxtStructure]) -> None:
        await self._each_symbol(orders, lambda some: book(session, orders=some, streamed=True))
        await self._tell_of_strangers(orders, "id")

    async def _book_trades(self, session: Session, trades: list[CcxtStructure]) -> None:
        await self._each_symbol(trades, lambda some: book(session, trades=some, streamed=True))
        await self._tell_of_strangers(trades, "order")

    async def _each_symbol(
        self,
        news: list[CcxtStructure],
        book_some: Callable[[list[CcxtStructure]], Coroutine[Any, Any, None]],
    ) -> None:
        """Book together what can be; where that breaks, each symbol by itself.

        What a symbol's news broke is asked for over REST, so that nothing of it is lost.
        """
        try:
            return await book_some(news)
        except Exception:
            if len(by_symbol := _by_symbol(news)) == 1:
                raise
            log.exception("stream.not_booked", extra={"account_id": self.account_id})
        works = {symbol: partial(book_some, some) for symbol, some in by_symbol.items()}
        for symbol, failure in (await side_by_side(works)).items():
            await blind.failed(self.account_id, Sense.ORDERS, symbol, failure)

    async def _tell_of_strangers(self, news: list[CcxtStructure], id_key: str) -> None:
        """An own order whose acknowledgement is on its way is told of too."""
        for symbol, some in _by_symbol(news).items():
            ids = {str(one.get(id_key)) for one in some}
            if strange := await db(cursors.strangers, self.account_id, symbol, ids):
                self._on_strangers(symbol, strange)


def _by_symbol(news: Iterable[CcxtStructure]) -> dict[str, list[CcxtStructure]]:
    found: dict[str, list[CcxtStructure]] = {}
    for one in news:
        found.setdefault(str(one.get("symbol")), []).append(one)
    return found
