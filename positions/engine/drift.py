"""Where do our books and the exchange differ?

A closed set of findings, each a value with both sides of it. "Could not ask" is never "nothing
there" (contract section 8): an answer of None finds nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from positions.engine.money import ZERO, exact
from positions.engine.orders import is_final
from positions.engine.types import OrderStatus


class Finding(StrEnum):
    """Every way in which the exchange can disagree with us.

    ``position``: net volume of a symbol; ``balance``: of a currency; ``order_unknown``: it shows an
    order that is not ours (external); ``order_absent``: ours is open and it did not show it, which
    is a question and no proof; ``order_status``: final on one side only; ``fills_missing``: it
    filled more than we booked; ``fills_surplus``: we booked more than it filled;
    ``external_position``: of an order given elsewhere, nobody's yet.
    """

    POSITION = "position"
    BALANCE = "balance"
    ORDER_UNKNOWN = "order_unknown"
    ORDER_ABSENT = "order_absent"
    ORDER_STATUS = "order_status"
    FILLS_MISSING = "fills_missing"
    FILLS_SURPLUS = "fills_surplus"
    EXTERNAL_POSITION = "external_position"


@dataclass(frozen=True, slots=True)
class Difference:
    """One finding: ``subject`` is the symbol, currency or exchange order id it is about.

    ``within``: by how much an amount may be off, because the exchange rounds what it tells.
    """

    finding: Finding
    subject: str
    ours: Decimal | OrderStatus | None
    venue: Decimal | OrderStatus | None
    within: Decimal = ZERO

    @property
    def amount(self) -> Decimal:
        """How much the exchange has more than we; zero where it is not about an amount."""
        if isinstance(self.venue, Decimal) and isinstance(self.ours, Decimal):
            return self.venue - self.ours
        return ZERO

    def is_same(self, other: "Difference") -> bool:
        """Whether both tell of the same, give or take what either may be off."""
        about = (self.finding, self.subject) == (other.finding, other.subject)
        return about and abs(self.amount - other.amount) <= self.within + other.within


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as one side sees it."""

    status: OrderStatus
    filled_qty: Decimal


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


def compare_orders(
    ours: Mapping[str, OrderState], venue: Mapping[str, OrderState] | None
) -> tuple[Difference, ...]:
    """Compare orders by exchange order id, in the order of the ids."""
    if venue is None:
        return ()
    return tuple(
        difference
        for order_id in sorted(ours.keys() | venue.keys())
        for difference in _compare_order(order_id, ours.get(order_id), venue.get(order_id))
    )


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


def _compare_order(
    order_id: str, ours: OrderState | None, venue: OrderState | None
) -> Iterator[Difference]:
    if ours is None:
        yield Difference(Finding.ORDER_UNKNOWN, order_id, None, venue.status if venue else None)
        return
    if venue is None:
        if not is_final(ours.status):
            yield Difference(Finding.ORDER_ABSENT, order_id, ours.status, None)
        return
    if is_final(ours.status) != is_final(venue.status):
        yield Difference(Finding.ORDER_STATUS, order_id, ours.status, venue.status)
    if venue.filled_qty > ours.filled_qty:
        yield Difference(Finding.FILLS_MISSING, order_id, ours.filled_qty, venue.filled_qty)
    if venue.filled_qty < ours.filled_qty:
        yield Difference(Finding.FILLS_SURPLUS, order_id, ours.filled_qty, venue.filled_qty)
