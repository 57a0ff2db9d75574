"""How much is at risk, and is a plain order a close?"""

from decimal import Decimal

import pytest

from positions.engine.types import PositionMode, Side
from riskdesk.measures import closes_its_book, gross_qty, net_qty, notional
from riskdesk.tests.test_rules import (
    BTC,
    BUY,
    HEDGE,
    INVERSE,
    SELL,
    exposure,
    held,
    order,
    working,
)


@pytest.mark.parametrize(
    ("asked", "counted", "closes"),
    [
        (order("3", SELL), exposure(held("3")), True),
        (order("3.1", SELL), exposure(held("3")), False),
        (order("1", BUY), exposure(held("3")), False),
        (order("2", SELL), exposure(held("3"), working("1", SELL)), True),
        (order("2", SELL), exposure(held("3"), working("2", SELL)), False),
        (order("2", SELL), exposure(held("3"), working("2", BUY)), True),
        (order("2", BUY), exposure(held("2", SELL)), True),
        (order("1", SELL), exposure(held("3", book=7), mode=HEDGE), False),
        (
            order("1", SELL, book=2),
            exposure(held("3", book=1), mode=PositionMode.STRATEGY_NETTING),
            False,
        ),
    ],
)
def test_a_plain_order_closes_only_what_its_book_surely_holds(asked, counted, closes):
    assert closes_its_book(asked, counted) is closes


def test_net_is_the_worst_of_both_directions():
    counted = exposure(held("2"), working("3", BUY), working("9", SELL))

    assert net_qty(counted, BTC.symbol) == Decimal(7)
    assert net_qty(exposure(), BTC.symbol) == 0


def test_gross_adds_books_up():
    parts = (held("2", book=1), held("2", Side.SELL, book=2))

    assert gross_qty(exposure(*parts, mode=HEDGE), BTC.symbol) == 4
    assert gross_qty(exposure(*parts, mode=PositionMode.STRATEGY_NETTING), BTC.symbol) == 4
    assert gross_qty(exposure(held("2")), BTC.symbol) == 2


def test_inverse_contracts_are_worth_their_size_whatever_the_price():
    assert notional(Decimal(3), None, INVERSE) == 300
    assert notional(Decimal(3), None, BTC) is None
    assert notional(Decimal(3), Decimal(2), BTC) == 6
