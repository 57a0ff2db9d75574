"""Where do our books and the exchange differ?

A closed set of findings, each a value with both sides of it. "Could not ask" is never "nothing
there" (contract section 8): an answer of None finds nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from positions.engine.money import ZERO, exact


class Finding(StrEnum):
    """Every way in which the exchange can disagree with us.

    ``position``: net volume of a symbol; ``balance``: of a currency; ``order_unknown``: it shows
    trades of an order that is not ours and cannot be read; ``external_position``: of an order given
    elsewhere, nobody's yet; ``market_gone``: it trades the market of an open position no more.
    """

    POSITION = "position"
    BALANCE = "balance"
    ORDER_UNKNOWN = "order_unknown"
    EXTERNAL_POSITION = "external_position"
    MARKET_GONE = "market_gone"


@dataclass(frozen=True, slots=True)
class Difference:
    """One finding: ``subject`` is the symbol, or currency it is about.

    ``within``: by how much an amount may be off, because the exchange rounds what it tells.
    """

    finding: Finding
    subject: str
    ours: Decimal | None
    venue: Decimal | None
    within: Decimal = ZERO

    @property
    def amount(self) -> Decimal:
        """How much the exchange has more than we; zero where it is not about an amount."""
        return ZERO if self.venue is None or self.ours is None else self.venue - self.ours

    def is_same(self, other: "Difference") -> bool:
        """Whether both tell of the same, give or take what either may be off."""
        about = (self.finding, self.subject) == (other.finding, other.subject)
        return about and abs(self.amount - other.amount) <= self.within + other.within


def compare_positions(
    ours: Mapping[str, Decimal], venue: Mapping[str, Decimal] | None
) -> tuple[Difference, ...]:
    """Compare the signed net volume (dust included) per symbol; what a side lacks is zero."""
    return _compare_amounts(Finding.POSITION, ours, venue, {})


def compare_balances(
    ours: Mapping[str, Decimal],
    venue: Mapping[str, Decimal] | None,
    within: Mapping[str, Decimal] | None = None,
) -> tuple[Difference, ...]:
    """Compare the total balance per currency; what a side lacks is zero.

    ``within`` is how far a currency's sides may be apart because the exchange rounds what it tells.
    """
    return _compare_amounts(Finding.BALANCE, ours, venue, within or {})


@exact
def _compare_amounts(
    finding: Finding,
    ours: Mapping[str, Decimal],
    venue: Mapping[str, Decimal] | None,
    within: Mapping[str, Decimal],
) -> tuple[Difference, ...]:
    if venue is None:
        return ()
    return tuple(
        Difference(
            finding, name, ours.get(name, ZERO), venue.get(name, ZERO), within.get(name, ZERO)
        )
        for name in sorted(ours.keys() | venue.keys())
        if abs(ours.get(name, ZERO) - venue.get(name, ZERO)) > within.get(name, ZERO)
    )
