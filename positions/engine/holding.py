"""What is held in one position, and what did a booking change?

These values are made once or more per fill, so they are NamedTuples: immutable like the frozen
dataclasses of the rest of the engine, and several times cheaper to make.
"""

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from positions.engine import arithmetic
from positions.engine.market import Market
from positions.engine.money import ZERO, exact
from positions.engine.types import Entry, Side

Fees = tuple[tuple[str, Decimal], ...]
"""Fees paid per currency, in order of first appearance; a rebate is negative."""


class OtherFee(NamedTuple):
    """A fee of a fill beside its first, in a currency of its own, with its rate as in ``Fill``."""

    currency: str
    fee: Decimal
    fee_rate: Decimal | None = None


class PaidFee(NamedTuple):
    """Such a fee on the deal that carries it; ``in_quote`` is its worth, None when unknown."""

    currency: str
    fee: Decimal
    in_quote: Decimal | None


class Fill(NamedTuple):
    """One execution at the exchange: qty and price positive, fee positive = paid.

    ``fee_rate`` is how many units of the market's quote one unit of a third fee currency was worth;
    None when unknown. ``other_fees`` are what it was charged in further currencies; where one of
    several is in the base currency, that is ``fee``.
    """

    side: Side
    qty: Decimal
    price: Decimal
    fee: Decimal = ZERO
    fee_currency: str | None = None
    fee_rate: Decimal | None = None
    other_fees: tuple[OtherFee, ...] = ()


class Holding(NamedTuple):
    """The state of one position.

    ``qty`` is never negative; ``cost`` is what the open quantity was bought or sold for, exact to
    18 places in the profit currency; ``profit`` is realised, fees apart; ``fees_quote`` is the part
    of the fees whose worth in quote is known. A closed position has qty and cost zero.
    """

    side: Side
    qty: Decimal
    cost: Decimal
    profit: Decimal = ZERO
    fees: Fees = ()
    fees_quote: Decimal = ZERO

    @property
    def signed_qty(self) -> Decimal:
        """Positive long, negative short."""
        return self.qty if self.side is Side.BUY else self.qty.copy_negate()


class Target(StrEnum):
    """Which position a leg belongs to: the one the fill was routed to, or a new one."""

    CURRENT = "current"
    NEW = "new"


class Leg(NamedTuple):
    """One deal of a booking.

    ``profit`` is in the profit currency; ``fee`` is this leg's part of the fill's fee;
    ``fee_quote`` its worth in quote, None when unknown; ``base_fee`` the base units by which the
    fee made the position smaller than ``qty`` says (spot buys only). The fill's last leg carries
    its ``other_fees`` whole.
    """

    target: Target
    entry: Entry
    side: Side
    qty: Decimal
    price: Decimal
    profit: Decimal = ZERO
    fee: Decimal = ZERO
    fee_currency: str | None = None
    fee_quote: Decimal | None = ZERO
    base_fee: Decimal = ZERO
    other_fees: tuple[PaidFee, ...] = ()


class DustMove(NamedTuple):
    """A change of the account's dust record that is no deal of a position.

    ``asset`` is a currency on spot and the symbol on derivatives; ``qty`` and ``cost`` are signed:
    what the record gains.
    """

    asset: str
    qty: Decimal
    cost: Decimal = ZERO


NO_DUST: tuple[DustMove, ...] = ()


class Booking(NamedTuple):
    """What one fill changed: its deals in order, the positions after it, and the dust.

    ``current`` is the routed position after the fill (None if there was none), ``opened`` the
    position that the fill opened (None if it opened none).
    """

    legs: tuple[Leg, ...]
    current: Holding | None
    opened: Holding | None = None
    dust: tuple[DustMove, ...] = NO_DUST

    def cost_change(self, leg: Leg, before: Holding | None) -> Decimal:
        """By how much ``leg`` changed the cost of its position, which was ``before``."""
        if leg.target is Target.NEW:
            return ZERO if self.opened is None else self.opened.cost
        was = ZERO if before is None else before.cost
        return was if self.current is None else self.current.cost - was


made = tuple.__new__
"""``made(Leg, (...))`` is ``Leg(...)`` with every field given, at a third of the cost.

For ``book``, which makes three such values per fill.
"""


@exact
def average_price(holding: Holding, market: Market) -> Decimal | None:
    """Return the open price for display, 18 places half-even; None when nothing is held."""
    return arithmetic.average(holding.qty, holding.cost, market)


@exact
def floating_profit(holding: Holding, mark: Decimal, market: Market) -> Decimal:
    """Return what closing everything at ``mark`` would earn, in the profit currency."""
    worth = arithmetic.value(holding.qty, mark, market)
    return arithmetic.gain(holding.side, holding.cost, worth, market)
