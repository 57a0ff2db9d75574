"""What a position is, what a fill makes of it, and what margin it asks for.

Pure arithmetic. Quantities are in base units and signed (short is below zero), everything else is
in USDT. A position remembers what it cost rather than its average price, so that the profits that
are booked on the way add up, to the last digit, to what was received less what was paid.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from gateway.paper.linear.symbols import bracket_of
from gateway.paper.matching.amounts import ZERO, cut
from gateway.paper.matching.book import Side


class PositionSide(StrEnum):
    """Which of a symbol's positions: the only one, or in hedge mode one of the two."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


@dataclass(frozen=True, slots=True)
class Position:
    """One position; ``cost`` has the sign of ``qty``. ``realised`` is before fees, ever since."""

    symbol: str
    side: PositionSide
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    updated_ms: int = 0

    @property
    def entry(self) -> Decimal:
        """The average entry price; zero without a position."""
        return self.cost / self.qty if self.qty else ZERO

    def profit(self, mark: Decimal) -> Decimal:
        """Unrealised profit at a mark price, cut to 8 decimals."""
        return cut(self.qty * mark - self.cost)

    def worth(self, mark: Decimal) -> Decimal:
        """What the position is worth at a mark price, without sign."""
        return abs(self.qty * mark)


@dataclass(frozen=True, slots=True)
class Booked:
    """A position after a fill and the profit that the fill realised, before fees."""

    position: Position
    profit: Decimal


@dataclass(frozen=True, slots=True)
class Resting:
    """What a login's open orders would buy and sell for one position, in USDT."""

    buys: Decimal = ZERO
    sells: Decimal = ZERO

    def plus(self, side: Side, worth: Decimal) -> "Resting":
        if side is Side.BUY:
            return Resting(self.buys + worth, self.sells)
        return Resting(self.buys, self.sells + worth)


def book(position: Position, *, qty: Decimal, price: Decimal, time_ms: int) -> Booked:
    """The position after a fill of ``qty`` (signed: bought is above zero) at ``price``.

    Profit is cut to 8 decimals, towards zero; what is cut off stays in the cost of what is left,
    so nothing is lost. A fill beyond the position closes it and opens the other way.
    """
    closing = _closing(position.qty, qty)
    opening = qty - closing
    proceeds = -closing * price
    left = position.qty + closing
    given_up = position.cost * -closing / position.qty if left else position.cost
    profit = cut(proceeds - given_up) if closing else ZERO
    cost = position.cost - (proceeds - profit) if left else ZERO
    after = replace(
        position,
        qty=left + opening,
        cost=cost + opening * price,
        realised=position.realised + profit,
        updated_ms=time_ms,
    )
    return Booked(after, profit)


def maintenance(worth: Decimal) -> Decimal:
    """The margin below which a position of that worth is liquidated."""
    bracket = bracket_of(worth)
    return cut(worth * bracket.maintenance - bracket.cum)


def exposure(position: Position, resting: Resting, mark: Decimal) -> Decimal:
    """The largest worth the position could get if its open orders were filled on one side."""
    held = position.qty * mark
    match position.side:
        case PositionSide.LONG:
            return held + resting.buys
        case PositionSide.SHORT:
            return resting.sells - held
        case _:
            return max(abs(held), abs(held + resting.buys), abs(held - resting.sells))


def liquidation_price(position: Position, mark: Decimal, *, cushion: Decimal) -> Decimal:
    """The mark price at which the login's margin is used up; zero when there is none.

    ``cushion`` is what the margin balance now exceeds the maintenance margin by, this position
    included. While its bracket stays the same both are straight lines in the mark price.
    """
    if not position.qty:
        return ZERO
    rate = bracket_of(position.worth(mark)).maintenance
    slope = position.qty - abs(position.qty) * rate
    return max(ZERO, mark - cushion / slope)


def _closing(held: Decimal, qty: Decimal) -> Decimal:
    """The part of a fill that reduces the position, with the fill's sign."""
    if held * qty >= 0:
        return ZERO
    return qty if abs(qty) <= abs(held) else -held
