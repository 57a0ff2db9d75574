"""How does the OMS notice that a stop it watches was reached?

One watch per account, asleep while nothing of it waits for a price; prices come from the feed that
all accounts of the exchange share (``gateway.pricing.feeds``). A price is compared in memory; the
database is asked only when it reaches a trigger, or improves on a trailing one's best. The price is
the last one traded. What fires is decided under the account's lane, from the rows, so a restart
loses nothing.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from time import monotonic

from django.conf import settings
from django.utils import timezone

from gateway.loop import db
from gateway.pacing import Rank
from gateway.pricing import feeds
from gateway.pricing.feeds import Feed, Follower
from oms_project.errors import OmsError
from positions.projector.protection import following
from positions.projector.protection.following import Armed

log = logging.getLogger(__name__)

RELOAD_EVERY_S = 5.0  # A bell may be lost.
LOOK_EVERY_S = 1.0
KEEP_BEST_EVERY_S = 1.0
PAUSE_AFTER_FAILURE_S = 1.0


class PriceWatch:
    """Watches the prices that the triggers of one account wait for. Lives on the exchange loop."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self._bell = asyncio.Event()
        self._may_have_changed = True
        self._armed: dict[int, Armed] = {}
        self._feed: Feed | None = None
        self._follower = Follower(self._hear, rank=Rank.CLOSING)
        self._news: list[tuple[str, Decimal]] = []
        self._unbooked: list[tuple[float, str, Decimal]] = []  # First, when it is tried again.
        self._heard_at_s: dict[str, float] = {}
        self._kept_at_s: dict[int, float] = {}
        self._blind: set[str] = set()
        self._loaded_at_s = 0.0

    @property
    def is_asleep(self) -> bool:
        """Whether nothing is watched, as far as it knows."""
        return not self._armed

    def ring(self) -> None:
        """The account's triggers may have changed."""
        self._may_have_changed = True
        self._bell.set()

    async def run(self) -> None:
        """Watch for ever; without anything to watch, wait for the bell."""
        try:
            while True:
                await self._turn()
        finally:
            if self._feed is not None:
                self._feed.want(self._follower, {})

    async def _turn(self) -> None:
        try:
            await self._reload_if_due()
            await self._follow()
            await self._compare()
            await self._tell_missing()
            await self._rest()
        except OmsError as failure:
            log.warning("prices.failed", extra={"account_id": self.account_id} | failure.details)
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
        except Exception:
            log.exception("prices.broke", extra={"account_id": self.account_id})
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)

    async def _rest(self) -> None:
        """Until a price comes, the triggers may have changed, or it is time to look at both."""
        if self._may_have_changed or self._news:
            return
        self._bell.clear()
        wait_s = min(LOOK_EVERY_S, settings.OMS_PRICE_STALE_S / 2) if self._armed else None
        if self._unbooked:
            wait_s = PAUSE_AFTER_FAILURE_S
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._bell.wait()

    # --- what waits ---------------------------------------------------------------------------

    async def _reload_if_due(self) -> None:
        is_due = monotonic() - self._loaded_at_s >= RELOAD_EVERY_S
        if self._may_have_changed or is_due or not self._armed:
            self._may_have_changed = False
            await self._reload()

    async def _reload(self) -> None:
        """Read the triggers again; best prices seen since they were stored are kept."""
        self._loaded_at_s = monotonic()
        fresh = {row.trigger_id: row for row in await db(following.armed, self.account_id)}
        for number, row in fresh.items():
            known = self._armed.get(number)
            if (
                known
                and known.watch.best
                and replace(known.watch, best=None) == replace(row.watch, best=None)
            ):
                fresh[number] = replace(row, watch=row.watch.after(known.watch.best))
        for number in fresh.keys() - self._armed.keys():
            self._compare_at_once(fresh[number].symbol)
        self._armed = fresh
        for gone in self._heard_at_s.keys() - self._symbols():
            del self._heard_at_s[gone]

    def _compare_at_once(self, symbol: str) -> None:
        """A trigger that is new does not wait for the market to move."""
        known = None if self._feed is None else self._feed.known(symbol)
        if known is not None and known.age_s(timezone.now()) < settings.OMS_PRICE_POLL_S:
            self._hear(symbol, known.price)

    def _symbols(self) -> set[str]:
        return {row.symbol for row in self._armed.values()}

    # --- prices -------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Have the exchange's feed tell what is waited for, and nothing else."""
        symbols = self._symbols()
        if self._feed is None and symbols:
            self._feed = await feeds.feed_of(self.account_id)
        if self._feed is not None:
            self._feed.want(self._follower, dict.fromkeys(symbols, settings.OMS_PRICE_POLL_S))
        now_s = monotonic()
        for symbol in symbols:
            self._heard_at_s.setdefault(symbol, now_s)

    def _hear(self, symbol: str, price: Decimal) -> None:
        """Note a price; it is compared in the next turn, with every one that came before it."""
        self._news.append((symbol, price))
        self._bell.set()

    async def _compare(self) -> None:
        """Compare the prices that came with what waits for them; whatever matters is booked.

        What could not be booked is tried again a little later, and holds up no other symbol.
        """
        news, self._news = self._news, []
        now_s = monotonic()
        self._heard_at_s |= dict.fromkeys((symbol for symbol, _ in news), now_s)
        again = [one for one in self._unbooked if one[0] <= now_s]
        self._unbooked = [one for one in self._unbooked if one[0] > now_s]
        for symbol, price in [*(one[1:] for one in again), *news]:
            try:
                await self._compare_one(symbol, price)
            except Exception:
                about = {"account_id": self.account_id, "symbol": symbol}
                log.exception("prices.not_booked", extra=about)
                again_at_s = monotonic() + PAUSE_AFTER_FAILURE_S
                self._unbooked.append((again_at_s, symbol, price))

    async def _compare_one(self, symbol: str, price: Decimal) -> None:
        if self._matters(symbol, price):
            await db(following.prices_seen, self.account_id, {symbol: price})
            self._blind.discard(symbol)
            await self._reload()

    def _matters(self, symbol: str, price: Decimal) -> bool:
        """Whether the price reaches a trigger, is a best worth storing, or the first for long."""
        matters = symbol in self._blind
        for number, row in self._armed.items():
            if row.symbol != symbol:
                continue
            watch = row.watch.after(price)
            matters |= watch.is_reached(price)
            if watch is not row.watch:
                self._armed[number] = replace(row, watch=watch)
                matters |= self._is_time_to_keep(number)
        return matters

    def _is_time_to_keep(self, number: int) -> bool:
        now_s = monotonic()
        if now_s - self._kept_at_s.get(number, 0.0) < KEEP_BEST_EVERY_S:
            return False
        self._kept_at_s[number] = now_s
        return True

    async def _tell_missing(self) -> None:
        """A price that is too old is no price: say so, and show it on the positions."""
        late_s = monotonic() - settings.OMS_PRICE_STALE_S
        missing = {symbol for symbol, at_s in self._heard_at_s.items() if at_s < late_s}
        if new := missing - self._blind:
            log.error("prices.stale", extra={"account_id": self.account_id, "symbols": sorted(new)})
            self._blind |= new
            await db(following.prices_missing, self.account_id, new)
