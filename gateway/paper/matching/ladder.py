"""The deep synthetic ladder: what the rest of the world offers around a mid price."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from gateway.paper.matching.amounts import ZERO, ceil_to, floor_to

LEVELS = 100
SPREAD = Decimal("0.0001")  # of the mid price, between best bid and best ask
SPACING = Decimal("0.0001")  # of the mid price, between two levels


class Ladder:
    """``LEVELS`` levels on each side; the same seed, mid and step number give the same ladder.

    A level is worth about ``level_notional`` quote units at the top of the book and grows with the
    distance from it. What is taken from a level stays taken until the next ``quote``.
    """

    def __init__(self, *, tick: Decimal, step: Decimal, level_notional: Decimal, seed: str) -> None:
        self._tick = tick
        self._step = step
        self._level_notional = level_notional
        self._seed = seed
        self._mid: Decimal | None = None
        self._step_no = 0
        self._levels: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] | None = ({}, {})

    def quote(self, mid: Decimal, step_no: int) -> None:
        """Move the ladder; its levels are only worked out when somebody looks."""
        self._mid, self._step_no, self._levels = mid, step_no, None

    def asks(self) -> Iterator[tuple[Decimal, Decimal]]:
        """(price, quantity) of the offers to sell, lowest price first."""
        return ((price, qty) for price, qty in self._built()[0].items() if qty > 0)

    def bids(self) -> Iterator[tuple[Decimal, Decimal]]:
        """(price, quantity) of the offers to buy, highest price first."""
        return ((price, qty) for price, qty in self._built()[1].items() if qty > 0)

    def take(self, from_asks: bool, price: Decimal, qty: Decimal) -> None:
        """Remove ``qty`` from a level for the rest of this step."""
        self._built()[0 if from_asks else 1][price] -= qty

    def top(self, from_asks: bool) -> Decimal | None:
        """Best price of a side without working out the ladder; ``None`` before the first quote."""
        if self._mid is None:
            return None
        half = max(self._tick, self._mid * SPREAD / 2)
        if from_asks:
            return ceil_to(self._mid + half, self._tick)
        return max(floor_to(self._mid - half, self._tick), self._tick)

    def _built(self) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
        if self._levels is None:
            rng = Random(f"{self._seed}:{self._step_no}")
            self._levels = (self._side(rng, from_asks=True), self._side(rng, from_asks=False))
        return self._levels

    def _side(self, rng: Random, *, from_asks: bool) -> dict[Decimal, Decimal]:
        spacing = max(self._tick, floor_to(self._mid * SPACING, self._tick))
        price = self.top(from_asks)
        side: dict[Decimal, Decimal] = {}
        for level in range(LEVELS):
            if price <= ZERO:
                break
            worth = self._level_notional * (2 + level) / 2 * rng.randint(50, 150) / 100
            side[price] = max(self._step, floor_to(worth / price, self._step))
            price += spacing if from_asks else -spacing
        return side
