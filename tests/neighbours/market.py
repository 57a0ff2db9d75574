"""The prices that stops wait for: a public exchange of which some symbols are in trouble, and the
rows of the stops.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import ccxt

from gateway.pacing import Pace
from gateway.sessions.session import Session
from gateway.sessions.wire import current
from positions.engine.stops import Watch
from positions.engine.types import GroupRole, Side
from positions.projector.protection.following import Armed

BEGINS_AT, FALLS_PER_S = Decimal(1000), Decimal(1)
TOLD_EVERY_S = 1.0
_COSTS = {"fetchTicker": 2.0, "fetchTickers": 4.0}


class Market:
    """As much of a ccxt class as a price feed uses; every price falls by one a second.

    Trouble begins after ``begins_s``. Where one symbol hangs or is gone, so does the list of all.
    """

    id = "binance"

    def __init__(
        self,
        now_s: Callable[[], float],
        symbols: Iterable[str],
        trouble: Mapping[str, str],
        *,
        begins_s: float,
        streams: bool,
    ) -> None:
        self.now_s, self.trouble, self._begins_s = now_s, trouble, begins_s
        self.has = {"fetchTicker": True, "fetchTickers": True, "watchTicker": streams}
        self.pace = Pace(requests=())
        self.options: dict[str, Any] = {}
        self.markets = {each: {"symbol": each, "type": "spot"} for each in symbols}

    def price(self, at_s: float) -> Decimal:
        """What is traded at that moment."""
        return BEGINS_AT - FALLS_PER_S * Decimal(str(round(at_s, 6)))

    async def fetch_ticker(self, symbol: str, params: dict[str, Any]) -> Any:
        return await self._told(symbol)

    async def fetch_tickers(self, symbols: list[str], params: dict[str, Any]) -> Any:
        kinds = [self._trouble_of(each) for each in symbols]
        for kind in ("hanging", "refused", "gone"):
            if kind in kinds:
                await self._told(symbols[kinds.index(kind)])
        return {each: await self._row(each) for each in symbols}

    async def watch_ticker(self, symbol: str) -> Any:
        await asyncio.sleep(TOLD_EVERY_S - self.now_s() % TOLD_EVERY_S)
        return await self._told(symbol)

    async def close(self) -> None:
        return None

    def _trouble_of(self, symbol: str) -> str | None:
        return self.trouble.get(symbol) if self.now_s() >= self._begins_s else None

    async def _told(self, symbol: str) -> Any:
        await asyncio.sleep(0.03)
        wire = current.get(None)
        if wire is not None:
            wire.leaving("GET")
            wire.status = 200
        match self._trouble_of(symbol):
            case "hanging":
                await asyncio.get_running_loop().create_future()
            case "refused" | "gone":
                if wire is not None:
                    wire.judged, wire.status, wire.code = True, 400, "-1121"
                raise ccxt.BadSymbol("Invalid symbol.")
        return await self._row(symbol)

    async def _row(self, symbol: str) -> Any:
        match self._trouble_of(symbol):
            case "garbage":
                return {"symbol": symbol, "last": "a lot"}
            case "empty":
                return {}
        return {"symbol": symbol, "last": str(self.price(self.now_s()))}


class PublicSession(Session):
    """A session whose markets stay, and whose calls cost what is said here."""

    def take_over(self, loaded: Any) -> None:
        return None

    async def cost_of(self, method: str, *args: Any) -> float | None:
        return _COSTS.get(method)


@dataclass
class Stops:
    """One stop of every account in every symbol, as the database keeps them.

    The closes of those in ``unbooked`` cannot be stored.
    """

    market: Market
    reached_at_s: Mapping[tuple[int, str], float]
    unbooked: set[tuple[int, str]]
    fired_at_s: dict[tuple[int, str], float] = field(default_factory=dict)
    blind: set[tuple[int, str]] = field(default_factory=set)

    def armed(self, account_id: int) -> list[Armed]:
        places = [place for place in self.reached_at_s if place[0] == account_id]
        return [
            Armed(number, place[1], self._watch(place))
            for number, place in enumerate(places, 1)
            if place not in self.fired_at_s
        ]

    def seen(self, account_id: int, prices: Mapping[str, Decimal]) -> None:
        for symbol, price in prices.items():
            place = account_id, symbol
            if place in self.unbooked:
                raise ValueError("This row cannot be stored.")
            if self._watch(place).is_reached(price):
                self.fired_at_s.setdefault(place, self.market.now_s())

    def missing(self, account_id: int, symbols: Iterable[str]) -> None:
        self.blind |= {(account_id, symbol) for symbol in symbols}

    def _watch(self, place: tuple[int, str]) -> Watch:
        level = self.market.price(self.reached_at_s[place])
        return Watch(GroupRole.STOP_LOSS, Side.BUY, price=level)
