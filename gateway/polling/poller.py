"""Which of an account's resting orders are asked about next?

A place is one list of the exchange: a symbol's orders, or its triggers where they are kept apart.
Each is asked for again ``OMS_POLL_S`` after its last answer, waiting for the polls' share of the
allowance where many wait; one whose price the market has reached is asked for at once, before
them. No place waits for another.
"""

import asyncio
import logging
from contextlib import suppress
from decimal import Decimal
from time import monotonic

from django.conf import settings
from django.utils import timezone

from gateway import pacing
from gateway.loop import db
from gateway.polling.touching import is_touched
from gateway.pricing import feeds
from gateway.pricing.feeds import STREAMED_WITHIN_S, Feed, Follower
from gateway.reconcile import catching_up
from gateway.reconcile.catching_up import Place
from gateway.sessions import kept as sessions
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.session import Session
from gateway.troubles import blind
from gateway.words import Sense
from oms_project.errors import OmsError
from positions.models import ExchangeOrder

log = logging.getLogger(__name__)

PAUSE_AFTER_FAILURE_S = 2.0
GATHER_S = 0.02  # A burst of bookings is looked at once, and the answers to clients go first.
LOOK_EVERY_S = 0.5
RELOAD_EVERY_S = 5.0  # A bell may be lost.
# While trades reach a place it is asked for so often, and once more after the last of them.
TOUCHED_EVERY_S = 1.5
TOUCHED_FOR_S = 2.0


class Poller:
    """Asks for the open orders of one account while it has some. Lives on the exchange loop."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self._bell = asyncio.Event()
        self._may_have_changed = True
        self._loaded_at_s = 0.0
        self._places: dict[Place, list[ExchangeOrder]] = {}
        self._due_s: dict[Place, float] = {}
        self._touched_until_s: dict[Place, float] = {}
        self._touch_due_s: dict[Place, float] = {}
        self._reached: set[Place] = set()  # Since the last question about it began.
        self._asking: dict[tuple[Place, bool], asyncio.Task[None]] = {}
        self._feed: Feed | None = None
        self._follower = Follower(self._hear, rank=pacing.Rank.ACTING)

    def ring(self) -> None:
        """There may be another resting order now."""
        self._may_have_changed = True
        self._bell.set()

    async def run(self) -> None:
        """Poll for ever; without resting orders, wait for the bell."""
        try:
            while True:
                try:
                    await self._turn()
                except (CallFailed, OmsError) as failure:
                    about = {"account_id": self.account_id} | failure.details
                    log.warning("poll.failed", extra=about)
                    await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
                except Exception:
                    log.exception("poll.broke", extra={"account_id": self.account_id})
                    await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
        finally:
            self._follow(())
            for task in self._asking.values():
                task.cancel()

    async def _turn(self) -> None:
        if self._may_have_changed or monotonic() - self._loaded_at_s >= RELOAD_EVERY_S:
            self._may_have_changed = False
            await self._reload()
        self._ask_what_is_due()
        if self._may_have_changed:
            await asyncio.sleep(GATHER_S)
            return
        self._bell.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S if self._places else None):
                await self._bell.wait()

    async def _reload(self) -> None:
        """Read again what rests, and have the prices of those symbols told."""
        self._loaded_at_s = monotonic()
        resting = await db(catching_up.resting, self.account_id)
        places: dict[Place, list[ExchangeOrder]] = {}
        if resting:
            places = catching_up.places(await self._session(), resting)
            self._feed = self._feed or await feeds.feed_of(self.account_id)
        known = {leg.pk for legs in self._places.values() for leg in legs}
        self._places = places
        for memory in (self._due_s, self._touched_until_s, self._touch_due_s):
            for gone in memory.keys() - self._places.keys():
                del memory[gone]
        self._reached &= self._places.keys()
        symbols = {symbol for symbol, _ in places}
        self._follow(symbols)
        self._compare_new(known)
        await blind.only(self.account_id, Sense.ORDERS, symbols)

    async def _session(self) -> Session:
        try:
            session = await sessions.open_for(self.account_id)
        except (CallFailed, OmsError) as failure:
            await blind.failed(self.account_id, Sense.SESSION, "", failure)
            raise
        await blind.seen(self.account_id, Sense.SESSION, "")
        return session

    def _follow(self, symbols: set[str] | tuple[()]) -> None:
        if self._feed is not None:
            self._feed.want(self._follower, dict.fromkeys(symbols, STREAMED_WITHIN_S))

    def _compare_new(self, known: set[int]) -> None:
        """What came to rest while a price was told already does not wait for the next one."""
        fresh = [leg for legs in self._places.values() for leg in legs if leg.pk not in known]
        for symbol in {leg.symbol for leg in fresh}:
            seen = None if self._feed is None else self._feed.known(symbol)
            if seen is not None and seen.age_s(timezone.now()) <= STREAMED_WITHIN_S:
                self._hear(symbol, seen.price)

    def _hear(self, symbol: str, price: Decimal) -> None:
        """Note which places a price has reached."""
        now_s = monotonic()
        for place, legs in self._places.items():
            if place[0] == symbol and any(is_touched(leg, price) for leg in legs):
                self._touched_until_s[place] = now_s + TOUCHED_FOR_S
                self._reached.add(place)
                if self._touch_due_s.get(place, 0.0) <= now_s:
                    self._bell.set()

    # --- asking -------------------------------------------------------------------------------

    def _ask_what_is_due(self) -> None:
        now_s = monotonic()
        for place in self._places:
            # A question that began before the price was there may not show what came of it.
            is_touched_now = (
                place in self._reached or self._touched_until_s.get(place, 0.0) >= now_s
            )
            if is_touched_now and self._touch_due_s.get(place, 0.0) <= now_s:
                self._ask(place, is_touched=True)
            if self._due_s.get(place, 0.0) <= now_s:
                self._ask(place, is_touched=False)

    def _ask(self, place: Place, *, is_touched: bool) -> None:
        """Have one question under way for a place, and one more if it is touched meanwhile."""
        asking = self._asking.get((place, is_touched))
        if asking is None or asking.done():
            if is_touched:
                self._reached.discard(place)
            self._asking[place, is_touched] = asyncio.create_task(self._compare(place, is_touched))

    async def _compare(self, place: Place, is_touched: bool) -> None:
        pause_s, about = settings.OMS_POLL_S, {"account_id": self.account_id, "symbol": place[0]}
        try:
            session = await sessions.open_for(self.account_id)
            with pacing.going(pacing.Rank.ACTING if is_touched else pacing.Rank.POLLING):
                await catching_up.compare(session, place, self._places.get(place, ()))
            await blind.seen(self.account_id, Sense.ORDERS, place[0])
        except (CallFailed, OmsError) as failure:
            log.warning("poll.failed", extra=about | failure.details)
            pause_s = PAUSE_AFTER_FAILURE_S
            await blind.failed(self.account_id, Sense.ORDERS, place[0], failure)
        except Exception as failure:
            log.exception("poll.broke", extra=about)
            pause_s = PAUSE_AFTER_FAILURE_S
            await blind.failed(self.account_id, Sense.ORDERS, place[0], failure)
        finally:
            now_s = monotonic()
            self._due_s[place] = now_s + pause_s
            if is_touched:
                self._touch_due_s[place] = now_s + TOUCHED_EVERY_S
