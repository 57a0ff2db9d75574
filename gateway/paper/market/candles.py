"""Candles and 24-hour figures of one market, with a plausible past before the venue's first day.

Minutes in which the venue ran are recorded from its own trades and saved when they are over. For
earlier times the price is a fixed function of time, so that indicators and backtests that load a
thousand candles find a past that joins the venue's start price.

Candles may follow each other faster than the clock (``speed``), so that what happens once a candle
happens more often. They are never of the future: they begin ``speed - 1`` hours behind the clock,
and go at its pace once they have caught up with it, an hour later.
"""

import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from gateway.paper.market.symbols import Spec
from gateway.paper.matching.amounts import ZERO, floor_to
from gateway.paper.store import Store

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 86_400_000
INTERVALS_MS = {
    "1s": 1_000,
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
    "1M": 30 * DAY_MS,
}
# Waves of the made-up past: (period in ms, part of the price it swings by).
WAVES = (
    (30 * DAY_MS, Decimal("0.08")),
    (5 * DAY_MS, Decimal("0.04")),
    (DAY_MS, Decimal("0.015")),
    (2 * HOUR_MS, Decimal("0.006")),
    (10 * MINUTE_MS, Decimal("0.002")),
    (MINUTE_MS, Decimal("0.0005")),
)


@dataclass(frozen=True, slots=True)
class Candle:
    """Prices and volumes between ``open_ms`` and the next candle; volumes in base and quote."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    turnover: Decimal = ZERO
    trades: int = 0
    taker_volume: Decimal = ZERO
    taker_turnover: Decimal = ZERO


class Candles:
    """The candles of every symbol of one market. ``born_ms`` is the venue's first moment."""

    def __init__(
        self, market: str, store: Store, specs: dict[str, Spec], *, born_ms: int, speed: int = 1
    ) -> None:
        self._born_ms = born_ms
        self._speed = speed
        self._first_ms = self.time_ms(born_ms)
        self._market = market
        self._store = store
        self._specs = specs
        self._minutes: dict[str, dict[int, Candle]] = {symbol: {} for symbol in specs}
        self._starts: dict[str, list[int]] = {symbol: [] for symbol in specs}
        for name, minute_ms, body in store.candles():
            owner, _, symbol = name.partition(":")
            if owner == market and symbol in specs:
                self._remember(symbol, _from_body(minute_ms, body))

    def add(
        self, symbol: str, time_ms: int, price: Decimal, qty: Decimal, *, taker_buys: bool
    ) -> None:
        """Count one trade. The minute before it is saved when a new one begins."""
        minute_ms = floored(self.time_ms(time_ms), MINUTE_MS)
        starts = self._starts[symbol]
        if starts and starts[-1] < minute_ms:
            self._save(symbol, self._minutes[symbol][starts[-1]])
        traded = Candle(
            minute_ms, price, price, price, price, qty, price * qty, 1,
            qty if taker_buys else ZERO, price * qty if taker_buys else ZERO,
        )  # fmt: skip
        known = self._minutes[symbol].get(minute_ms)
        self._remember(symbol, _joined([known, traded], minute_ms) if known else traded)

    def save(self) -> None:
        """Write the unfinished minutes, before the venue stops."""
        for symbol, starts in self._starts.items():
            if starts:
                self._save(symbol, self._minutes[symbol][starts[-1]])

    def time_ms(self, clock_ms: int) -> int:
        """Where the candles are when the venue's clock shows ``clock_ms``."""
        behind_ms = (self._speed - 1) * (HOUR_MS - (clock_ms - self._born_ms))
        return clock_ms - max(0, behind_ms)

    def running(self, symbol: str, clock_ms: int, interval_ms: int) -> Candle:
        """The candle that is not over when the venue's clock shows ``clock_ms``."""
        return self.one(symbol, floored(self.time_ms(clock_ms), interval_ms), interval_ms)

    def series(self, symbol: str, interval_ms: int, *, first_ms: int, count: int) -> list[Candle]:
        """``count`` candles, the first of which contains ``first_ms``."""
        begin = floored(first_ms, interval_ms)
        return [
            self.one(symbol, begin + place * interval_ms, interval_ms) for place in range(count)
        ]

    def one(self, symbol: str, open_ms: int, interval_ms: int) -> Candle:
        """The candle from ``open_ms`` for ``interval_ms``; flat where nothing was traded."""
        starts = self._starts[symbol]
        left = bisect_left(starts, floored(open_ms, MINUTE_MS))
        right = bisect_left(starts, open_ms + interval_ms)
        recorded = [self._minutes[symbol][start] for start in starts[left:right]]
        if open_ms <= self._first_ms:
            return _joined([self._past(symbol, open_ms, interval_ms), *recorded], open_ms)
        if recorded:
            return _joined(recorded, open_ms)
        last = self._minutes[symbol][starts[left - 1]].close if left else self._specs[symbol].start
        return Candle(open_ms, last, last, last, last)

    def day(self, symbol: str, clock_ms: int) -> Candle:
        """The last 24 hours as one candle, to the minute."""
        this_hour = floored(self.time_ms(clock_ms), HOUR_MS)
        first = this_hour - 23 * HOUR_MS
        whole = [self._whole_hour(symbol, first + hour * HOUR_MS) for hour in range(23)]
        return _joined([*whole, self.one(symbol, this_hour, HOUR_MS)], first)

    @lru_cache(maxsize=4096)  # noqa: B019 - one object for the life of the process
    def _whole_hour(self, symbol: str, open_ms: int) -> Candle:
        return self.one(symbol, open_ms, HOUR_MS)

    def _past(self, symbol: str, open_ms: int, interval_ms: int) -> Candle:
        """A made-up candle before the venue's first moment, or up to it."""
        end_ms, anchor_ms = open_ms + interval_ms, self._first_ms
        times = [min(open_ms + interval_ms * part // 4, anchor_ms) for part in range(5)]
        spec = self._specs[symbol]
        prices = [_past_price(spec, anchor_ms, time_ms) for time_ms in times]
        minutes = Decimal(max(0, min(end_ms, anchor_ms) - open_ms)) / MINUTE_MS
        noise = 1 + _noise(f"{symbol}:volume", open_ms, interval_ms)
        turnover = spec.level_notional * minutes * noise / 2
        volume = floor_to(turnover / prices[-1], spec.step)
        turnover = volume * prices[-1]
        return Candle(
            open_ms, prices[0], max(prices), min(prices), prices[-1], volume, turnover,
            int(minutes * 20), floor_to(volume / 2, spec.step), turnover / 2,
        )  # fmt: skip

    def _remember(self, symbol: str, candle: Candle) -> None:
        if candle.open_ms not in self._minutes[symbol]:
            self._starts[symbol].append(candle.open_ms)
        self._minutes[symbol][candle.open_ms] = candle

    def _save(self, symbol: str, candle: Candle) -> None:
        body = [str(getattr(candle, name)) for name in Candle.__slots__[1:]]
        self._store.put_candle(f"{self._market}:{symbol}", candle.open_ms, body)


def floored(time_ms: int, span_ms: int) -> int:
    """The start of the span that contains a time."""
    return time_ms - time_ms % span_ms


def _from_body(minute_ms: int, body: list[str]) -> Candle:
    values = [Decimal(value) for value in body]
    values[6] = int(values[6])
    return Candle(minute_ms, *values)


def _joined(candles: list[Candle], open_ms: int) -> Candle:
    """Candles that follow each other as one."""
    return Candle(
        open_ms=open_ms,
        open=candles[0].open,
        high=max(candle.high for candle in candles),
        low=min(candle.low for candle in candles),
        close=candles[-1].close,
        volume=sum((candle.volume for candle in candles), ZERO),
        turnover=sum((candle.turnover for candle in candles), ZERO),
        trades=sum(candle.trades for candle in candles),
        taker_volume=sum((candle.taker_volume for candle in candles), ZERO),
        taker_turnover=sum((candle.taker_turnover for candle in candles), ZERO),
    )


@lru_cache(maxsize=65_536)
def _past_price(spec: Spec, anchor_ms: int, time_ms: int) -> Decimal:
    """The price at a time before ``anchor_ms``, where it is ``spec.start``."""
    swing = sum(
        part * (_noise(spec.symbol, time_ms, period) - _noise(spec.symbol, anchor_ms, period))
        for period, part in WAVES
    )
    return max(spec.tick, floor_to(spec.start * (1 + swing), spec.tick))


def _noise(name: str, time_ms: int, period_ms: int) -> Decimal:
    """A smooth number between -1 and 1 that depends on name and time only."""
    place, rest = divmod(time_ms, period_ms)
    left, right = _corner(name, period_ms, place), _corner(name, period_ms, place + 1)
    return left + (right - left) * rest / period_ms


@lru_cache(maxsize=65_536)
def _corner(name: str, period_ms: int, place: int) -> Decimal:
    digest = hashlib.blake2b(f"{name}:{period_ms}:{place}".encode(), digest_size=4).digest()
    return Decimal(int.from_bytes(digest) - 2**31) / 2**31
