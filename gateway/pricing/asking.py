"""Which call brings these prices for the least?

One market at a time, all the tickers, or all the last prices: what each takes of the exchange's
allowance is what ccxt's own table says of the request that it would build, found by having it built
and not sent. Dearer calls are never used, and a list that fails or leaves a market out is made up
for one by one, so that no market's trouble is another's.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from time import monotonic
from typing import Any

from django.conf import settings

from gateway.exchanges.numbers import Unreadable, exact
from gateway.sessions.outcomes import CallFailed, Outcome, Unanswered
from gateway.sessions.session import Session
from gateway.words import Verdict

log = logging.getLogger(__name__)

Told = Callable[[str, Decimal | CallFailed], None]
"""Told a symbol, and its price or why there is none."""

LISTS = ("fetchTickers", "fetchLastPrices")
SHUN_S = 60.0  # A list that failed is left alone for so long.
# A list that takes this many times as long as the last one is not waited for alone any more.
PATIENCE, LEAST_PATIENCE_S, FIRST_PATIENCE_S = 2.0, 0.2, 0.5
_PRICE_KEY = {"fetchTickers": "last", "fetchLastPrices": "price"}
_UNKNOWN = float("inf")


class Asking:
    """The questions of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._costs: dict[tuple[str, str, int], float] = {}
        self._shunned_until_s: dict[str, float] = {}
        self._took_s: dict[str, float] = {}

    async def ask(self, symbols: Iterable[str], told: Told, *, within_s: float | None) -> None:
        """Tell the prices of these symbols as they come. Never raises a failed call.

        Each question is given up after ``within_s`` seconds; ``None``: after as long as any call.
        """
        groups: dict[str, list[str]] = {}
        for symbol in sorted(set(symbols)):
            groups.setdefault(self._kind(symbol), []).append(symbol)
        await asyncio.gather(
            *(self._ask_alike(kind, alike, told, within_s) for kind, alike in groups.items())
        )

    def _kind(self, symbol: str) -> str:
        """Markets of one kind are in one list."""
        market = self._session.exchange.markets.get(symbol) or {}
        kinds = (market.get("type"), "linear" if market.get("linear") else market.get("subType"))
        return "/".join(str(one) for one in kinds if one) or symbol

    async def _ask_alike(
        self, kind: str, symbols: list[str], told: Told, within_s: float | None
    ) -> None:
        method = await self._cheapest_list(kind, symbols)
        if method is None:
            await self._one_by_one(symbols, told, within_s)
            return
        listing = asyncio.create_task(self._by_list(kind, method, symbols, told, within_s))
        try:
            patience_s = None if within_s is None else self._patience_s(f"{kind} {method}")
            done, _ = await asyncio.wait({listing}, timeout=patience_s)
            # Nobody waits longer for a list that hangs than it takes as a rule.
            await self._one_by_one(listing.result() if done else symbols, told, within_s)
            await listing
        finally:
            listing.cancel()

    def _patience_s(self, name: str) -> float:
        took_s = self._took_s.get(name)
        if took_s is None:
            return FIRST_PATIENCE_S
        return max(LEAST_PATIENCE_S, PATIENCE * took_s)

    async def _one_by_one(self, symbols: Iterable[str], told: Told, within_s: float | None) -> None:
        await asyncio.gather(*(self._by_one(symbol, told, within_s) for symbol in symbols))

    async def _by_list(
        self, kind: str, method: str, symbols: list[str], told: Told, within_s: float | None
    ) -> list[str]:
        """Ask for all at once; gives back what the answer lacks."""
        name, began_s = f"{kind} {method}", monotonic()
        try:
            rows = await _in_time(self._session.fetch_prices(method, symbols), within_s)
        except CallFailed as failure:
            if failure.outcome.verdict is Verdict.THROTTLED:
                for symbol in symbols:
                    told(symbol, failure)
                return []
            log.warning("prices.list_failed", extra={"method": method} | failure.details)
            self._shunned_until_s[name] = monotonic() + SHUN_S
            return symbols
        self._took_s[name] = monotonic() - began_s
        listed = rows if isinstance(rows, Mapping) else {}
        prices = {symbol: _price(listed.get(symbol), _PRICE_KEY[method]) for symbol in symbols}
        for symbol, price in prices.items():
            if price is not None:
                told(symbol, price)
        return [symbol for symbol, price in prices.items() if price is None]

    async def _by_one(self, symbol: str, told: Told, within_s: float | None) -> None:
        try:
            row = await _in_time(self._session.fetch_ticker(symbol), within_s)
            price = _price(row, "last")
        except CallFailed as failure:
            told(symbol, failure)
            return
        told(symbol, _unpriced() if price is None else price)

    async def _cheapest_list(self, kind: str, symbols: list[str]) -> str | None:
        """The list that is cheaper than one question for each symbol."""
        if len(symbols) == 1 and self._session.has("fetchTicker"):
            return None
        least, best = _UNKNOWN, None
        if self._session.has("fetchTicker"):
            least = len(symbols) * await self._cost(kind, "fetchTicker", symbols[:1])
        for method in LISTS:
            is_shunned = self._shunned_until_s.get(f"{kind} {method}", 0.0) > monotonic()
            if is_shunned or not self._session.has(method):
                continue
            cost = await self._cost(kind, method, symbols)
            if cost < least:
                least, best = cost, method
        return best

    async def _cost(self, kind: str, method: str, symbols: list[str]) -> float:
        known = (kind, method, len(symbols))
        if known not in self._costs:
            given: Any = symbols[0] if method == "fetchTicker" else symbols
            cost = await self._session.cost_of(method, given)
            self._costs[known] = _UNKNOWN if cost is None else cost
        return self._costs[known]


async def _in_time(question: Any, within_s: float | None) -> Any:
    """The answer.

    Raises:
        CallFailed: there is none, or not in time.
    """
    if within_s is None:
        return await question
    try:
        async with asyncio.timeout(within_s):
            return await question
    except TimeoutError:
        raise Unanswered(Outcome(Verdict.UNANSWERED, exception="RequestTimeout")) from None


def budget_s() -> float:
    """How long one question for a price may take where somebody waits for it."""
    return settings.OMS_PRICE_ASK_S


def _price(row: Any, key: str) -> Decimal | None:
    """The last price traded; no row, no price and nothing above zero are the same: unknown."""
    try:
        price = exact(row.get(key), key) if isinstance(row, Mapping) else None
    except Unreadable:
        return None
    return price if price is not None and price > 0 else None


def _unpriced() -> CallFailed:
    return Unanswered(Outcome(Verdict.UNANSWERED, exception="NullResponse"))
