"""Where prices come from: a seeded random walk, a replayed file, or another exchange.

Every source answers one question: what is the mid price of ``symbol`` at step ``n``, when it was
``mid`` one step before? The same seed gives the same prices by step; the step number and the
prices are saved with every step, so that a restart goes on where the venue stopped.
"""

import csv
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Protocol

from gateway.paper.matching.amounts import SATOSHI

MILLION = Decimal(1_000_000)
PULL = Decimal("0.0005")  # part of the way back to the anchor that each step takes


class Source(Protocol):
    """Gives the next mid price."""

    def next_mid(self, symbol: str, step: int, mid: Decimal, anchor: Decimal) -> Decimal: ...


class Walk:
    """A random walk of about ``volatility`` basis points a step, pulled softly to its anchor."""

    def __init__(self, seed: int, volatility: Decimal) -> None:
        self._seed = seed
        self._span = int(volatility * 100)  # parts per million, of each of three equal draws

    def next_mid(self, symbol: str, step: int, mid: Decimal, anchor: Decimal) -> Decimal:
        rng = Random(f"{self._seed}:{symbol}:{step}")
        drift = sum(rng.randint(-self._span, self._span) for _ in range(3)) / MILLION
        pull = (anchor - mid) * PULL if self._span else 0
        return max(SATOSHI, (mid * (1 + drift) + pull).quantize(SATOSHI))


class Replay:
    """The prices of a CSV file with the columns ``symbol`` and ``price``, over and over.

    Each step takes the next row of each symbol; symbols that the file does not name stand still.
    """

    def __init__(self, path: Path) -> None:
        self._prices: dict[str, list[Decimal]] = {}
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                self._prices.setdefault(row["symbol"], []).append(Decimal(row["price"]))

    def next_mid(self, symbol: str, step: int, mid: Decimal, anchor: Decimal) -> Decimal:
        rows = self._prices.get(symbol)
        return rows[(step - 1) % len(rows)] if rows else mid


class Prices:
    """The mid price of every symbol now. Markets share it: a perpetual follows its spot symbol."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.step = 0
        self._mids: dict[str, Decimal] = {}
        self._anchors: dict[str, Decimal] = {}

    def add(self, symbol: str, start: Decimal) -> None:
        """Begin to price a symbol; one that is priced already is left as it is."""
        self._mids.setdefault(symbol, start)
        self._anchors.setdefault(symbol, start)

    def mid(self, symbol: str) -> Decimal:
        return self._mids[symbol]

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._mids

    def advance(self) -> None:
        """Go one step on."""
        self.step += 1
        for symbol, mid in self._mids.items():
            self._mids[symbol] = self.source.next_mid(symbol, self.step, mid, self._anchors[symbol])

    def put(self, symbol: str, price: Decimal) -> None:
        """Set a price from outside; the walk goes on from there and stays around it."""
        self._mids[symbol] = self._anchors[symbol] = price

    def dump(self) -> dict:
        """The state to save: ``{"step": n, "mids": {...}, "anchors": {...}}``."""
        return {
            "step": self.step,
            "mids": {symbol: str(mid) for symbol, mid in self._mids.items()},
            "anchors": {symbol: str(anchor) for symbol, anchor in self._anchors.items()},
        }

    def load(self, state: dict) -> None:
        """Take over a saved state."""
        self.step = state["step"]
        self._mids.update({symbol: Decimal(mid) for symbol, mid in state["mids"].items()})
        self._anchors.update({symbol: Decimal(at) for symbol, at in state["anchors"].items()})
