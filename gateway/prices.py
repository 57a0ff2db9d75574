"""How does the OMS notice that a stop it watches was reached?

One watch per account, asleep while nothing of it waits for a price. ``ccxtpro.`` accounts listen to
ticker streams, and ask over REST for a symbol whose stream is silent; ``ccxt.`` accounts ask for
all their symbols in one call per market type. A price is compared in memory; the database is asked
only when it reaches a trigger, or improves on a trailing one's best. The price is the last one
traded. What fires is decided under the account's lane, from the rows, so a restart loses nothing.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from time import monotonic
from typing import Any

from django.conf import settings

from gateway import capabilities, normalize, sessions
from gateway.loop import db
from gateway.outcomes import CallFailed
from gateway.session import Session
from oms_project.errors import EngineUnavailable
from positions.projector import protection
from positions.projector.protection import Armed

log = logging.getLogger(__name__)

RELOAD_EVERY_S = 5.0  # A bell may be lost.
KEEP_BEST_EVERY_S = 1.0
PAUSE_AFTER_FAILURE_S = 1.0


class PriceWatch:
    """Watches the prices that the triggers of one account wait for. Lives on the exchange loop."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self._bell = asyncio.Event()
        self._armed: dict[int, Armed] = {}
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._heard_at_s: dict[str, float] = {}
        self._kept_at_s: dict[int, float] = {}
        self._blind: set[str] = set()
        self._loaded_at_s = 0.0
        self._looks_at_s = 0.0

    @property
    def is_asleep(self) -> bool:
        """Whether nothing is watched, as far as it knows."""
        return not self._armed

    def ring(self) -> None:
        """The account's triggers may have changed."""
        self._bell.set()

    async def run(self) -> None:
        """Watch for ever; without anything to watch, wait for the bell."""
        try:
            while True:
                await self._turn()
        finally:
            self._listen_to(())

    async def _turn(self) -> None:
        about = {"account_id": self.account_id}
        try:
            await self._reload_if_due()
            if not self._armed:
                self._listen_to(())
                await self._bell.wait()
            elif (wait_s := self._looks_at_s - monotonic()) > 0:
                await self._rest(wait_s)
            else:
                self._looks_at_s = monotonic() + settings.OMS_PRICE_POLL_S
                await self._tell_missing()
                await self._look()
        except (CallFailed, EngineUnavailable) as failure:
            log.warning("prices.failed", extra=about | failure.details)
        except Exception:
            log.exception("prices.broke", extra=about)
            await asyncio.sleep(PAUSE_AFTER_FAILURE_S)

    async def _rest(self, wait_s: float) -> None:
        """Until it is time to look at prices again, or the triggers have changed."""
        try:
            async with asyncio.timeout(wait_s):
                await self._bell.wait()
        except TimeoutError:
            pass

    # --- what waits ---------------------------------------------------------------------------

    async def _reload_if_due(self) -> None:
        is_due = monotonic() - self._loaded_at_s >= RELOAD_EVERY_S
        if self._bell.is_set() or is_due or not self._armed:
            self._bell.clear()
            await self._reload()

    async def _reload(self) -> None:
        """Read the triggers again; best prices seen since they were stored are kept."""
        self._loaded_at_s = monotonic()
        fresh = {row.trigger_id: row for row in await db(protection.armed, self.account_id)}
        for number, row in fresh.items():
            known = self._armed.get(number)
            if (
                known
                and known.watch.best
                and replace(known.watch, best=None) == replace(row.watch, best=None)
            ):
                fresh[number] = replace(row, watch=row.watch.after(known.watch.best))
        self._armed = fresh
        for gone in self._heard_at_s.keys() - self._symbols():
            del self._heard_at_s[gone]

    def _symbols(self) -> set[str]:
        return {row.symbol for row in self._armed.values()}

    # --- prices -------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Keep the streams, and ask for what they do not tell."""
        session = await sessions.open_for(self.account_id)
        wanted, now_s = self._symbols(), monotonic()
        streams = capabilities.is_streaming(session.exchange_id) and session.streams_tickers
        if streams:
            self._listen_to(wanted)
            quiet_s = settings.OMS_PRICE_STALE_S / 2
            wanted = {
                symbol
                for symbol in wanted
                if now_s - self._heard_at_s.get(symbol, now_s - quiet_s) >= quiet_s
            }
        for symbol in self._symbols():
            self._heard_at_s.setdefault(symbol, now_s)
        for alike in _by_market_type(session, wanted):
            tickers = await session.fetch_tickers(alike)
            prices = {symbol: _last(tickers.get(symbol)) for symbol in alike}
            await self._hear({symbol: price for symbol, price in prices.items() if price})

    async def _hear(self, prices: dict[str, Decimal]) -> None:
        """Compare prices with what waits for them; whatever matters is booked."""
        now_s = monotonic()
        self._heard_at_s |= dict.fromkeys(prices, now_s)
        news = {symbol: price for symbol, price in prices.items() if self._matters(symbol, price)}
        if news:
            await db(protection.prices_seen, self.account_id, news)
            self._blind -= news.keys()
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
            await db(protection.prices_missing, self.account_id, new)

    # --- streams ------------------------------------------------------------------------------

    def _listen_to(self, symbols: Iterable[str]) -> None:
        """Have one stream per symbol, and none for others."""
        wanted = set(symbols)
        for symbol in self._streams.keys() - wanted:
            self._streams.pop(symbol).cancel()
        for symbol in wanted - self._streams.keys():
            self._streams[symbol] = asyncio.create_task(self._stream(symbol))

    async def _stream(self, symbol: str) -> None:
        while True:
            try:
                session = await sessions.open_for(self.account_id)
                price = _last(await session.exchange.watch_ticker(symbol))
            except Exception as error:  # noqa: BLE001 (ccxt's text is not for logs; REST asks meanwhile)
                log.warning(
                    "prices.stream_lost",
                    extra={"account_id": self.account_id, "reason": type(error).__name__},
                )
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
                continue
            if price:
                await self._heard(symbol, price)

    async def _heard(self, symbol: str, price: Decimal) -> None:
        try:
            await self._hear({symbol: price})
        except Exception:
            # The rows are as they were: the next price asks again.
            log.exception("prices.not_booked", extra={"account_id": self.account_id})


def _by_market_type(session: Session, symbols: Iterable[str]) -> list[list[str]]:
    """The symbols in groups that one call may ask for."""
    groups: dict[bool, list[str]] = {}
    for symbol in sorted(symbols):
        groups.setdefault(session.is_spot(symbol), []).append(symbol)
    return list(groups.values())


def _last(ticker: dict[str, Any] | None) -> Decimal | None:
    """The last price traded."""
    return normalize.exact((ticker or {}).get("last"), "last")
