"""The five formulas under every booking.

Leaves of the engine: they calculate under the context that is set, so they are called only from
functions that are ``@exact``. The rest of the program uses ``value_of`` and ``holding``.
"""

from decimal import Decimal

from positions.engine.market import Market
from positions.engine.money import ONE, UNIT, exact
from positions.engine.types import MarketKind, Side

# Looked up once: on Python 3.11 an enum member costs as much as a multiplication.
_INVERSE = MarketKind.INVERSE
_BUY = Side.BUY


def value(qty: Decimal, price: Decimal, market: Market) -> Decimal:
    """Return what ``qty`` at ``price`` is worth in the profit currency, to 18 places half-even.

    Contract section 6: each fill's value is rounded so. Linear and spot: qty x size x price.
    Inverse: qty x size / price, in the coin.
    """
    if market.contract_size is not ONE:
        qty = qty * market.contract_size
    return (qty / price if market.kind is _INVERSE else qty * price).quantize(UNIT)


@exact
def value_of(qty: Decimal, price: Decimal, market: Market) -> Decimal:
    """Return what ``qty`` at ``price`` is worth in the profit currency, to 18 places half-even."""
    return value(qty, price, market)


def average(qty: Decimal, cost: Decimal, market: Market) -> Decimal | None:
    """Return the average price of a cost, to 18 places half-even; None when there is none.

    For display only: profit is always computed from the exact cost. Inverse contracts average
    harmonically, because their cost is in the coin.
    """
    if not qty or (market.kind is _INVERSE and not cost):
        return None
    size = qty * market.contract_size
    return (size / cost if market.kind is _INVERSE else cost / size).quantize(UNIT)


def released(cost: Decimal, held: Decimal, qty: Decimal) -> Decimal:
    """Return the part of the ``held`` quantity's cost that closing ``qty`` sets free.

    Contract section 6: pro rata, rounded to 18 places half-even; the close that empties a position
    takes all remaining cost, so that profits add up to the cash exactly.
    """
    return cost if qty == held else (cost * qty / held).quantize(UNIT)


def gain(side: Side, cost: Decimal, worth: Decimal, market: Market) -> Decimal:
    """Return the profit of closing what a ``side`` position held at ``cost`` for ``worth``.

    A long earns what the worth exceeds its cost, a short the reverse; an inverse contract's worth
    falls as the price rises, which turns both round.
    """
    return worth - cost if (side is _BUY) is (market.kind is not _INVERSE) else cost - worth


def pro_rata(whole: Decimal, part: Decimal, total: Decimal) -> Decimal:
    """Return ``whole`` x ``part`` / ``total``, to 18 places half-even."""
    return (whole * part / total).quantize(UNIT)
