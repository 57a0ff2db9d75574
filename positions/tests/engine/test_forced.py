"""A forced close takes from several positions and loses nothing on the way."""

from decimal import Decimal

import pytest

from positions.engine.book import book_fill, book_forced_close
from positions.engine.errors import ValidationError
from positions.engine.money import UNIT
from positions.engine.types import Entry
from positions.tests.engine.ledger import LINEAR, buy, sell

THIRD_OF_FEE = Decimal("0.033333333333333333")


def held(*qtys: str):
    return {
        number: book_fill(None, buy(qty, "100"), LINEAR).opened
        for number, qty in enumerate(qtys, start=1)
    }


def test_shares_are_pro_rata_and_the_last_part_takes_what_is_left_of_the_fee():
    parts = book_forced_close(held("1", "1", "1"), sell("1", "90", "0.1", "USDT"), LINEAR)

    legs = [part.booking.legs[0] for part in parts]
    assert [part.position_id for part in parts] == [1, 2, 3]
    assert sum(leg.qty for leg in legs) == 1
    assert sum(leg.fee for leg in legs) == Decimal("0.1")
    assert [leg.fee for leg in legs] == [THIRD_OF_FEE, THIRD_OF_FEE, THIRD_OF_FEE + UNIT]


def test_the_values_of_the_parts_add_up_to_the_fills():
    """Three parts of 1/3 at an odd price: each rounds its value, the last makes up for it."""
    price = "0.000000000000000007"
    before = held("1", "1", "1")

    parts = book_forced_close(before, sell("1", price), LINEAR)

    freed = sum(before[p.position_id].cost - p.booking.current.cost for p in parts)
    earned = sum(part.booking.legs[0].profit for part in parts)
    assert earned + freed == Decimal(price)


def test_what_exceeds_them_opens_a_position_with_the_rest_of_the_fee():
    parts = book_forced_close(held("1"), sell("3", "90", "0.3", "USDT"), LINEAR)

    closed, beyond = parts
    assert (beyond.position_id, beyond.booking.legs[0].entry) == (None, Entry.IN)
    assert (beyond.booking.opened.qty, beyond.booking.opened.cost) == (2, 180)
    assert [part.booking.legs[0].fee for part in (closed, beyond)] == [
        Decimal("0.1"),
        Decimal("0.2"),
    ]


def test_a_second_excess_raises_the_first():
    first = book_forced_close({}, sell("1", "90"), LINEAR)[0].booking.opened

    (part,) = book_forced_close({}, sell("1", "80"), LINEAR, excess=first)

    assert (part.booking.opened, part.booking.current.qty) == (None, 2)


def test_nothing_is_no_fill():
    with pytest.raises(ValidationError):
        book_forced_close(held("1"), sell("0", "90"), LINEAR)
