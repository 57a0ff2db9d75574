"""What fills make of positions and margins: pure arithmetic."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.paper.linear.positions import (
    Position,
    PositionSide,
    Resting,
    book,
    exposure,
    liquidation_price,
    maintenance,
)
from gateway.paper.linear.symbols import BRACKETS, bracket_of, largest_worth
from gateway.paper.matching.book import Side

D = Decimal


def flat(side=PositionSide.BOTH):
    return Position("BTCUSDT", side)


def filled(position, *fills):
    """The position after fills of (signed quantity, price), and the profit of all of them."""
    profit = D(0)
    for qty, price in fills:
        booked = book(position, qty=D(qty), price=D(price), time_ms=1)
        position, profit = booked.position, profit + booked.profit
    return position, profit


def test_a_second_buy_averages_the_entry_price():
    position, profit = filled(flat(), ("1", "100"), ("1", "110"))

    assert (position.qty, position.entry, profit) == (2, 105, 0)


def test_selling_part_of_it_realises_part_of_the_profit():
    position, profit = filled(flat(), ("2", "100"), ("-0.5", "120"))

    assert (position.qty, position.entry, profit) == (D("1.5"), 100, 10)


def test_a_fill_beyond_the_position_closes_it_and_opens_the_other_way():
    position, profit = filled(flat(), ("1", "100"), ("-3", "90"))

    assert (position.qty, position.entry, profit) == (-2, 90, -10)


def test_what_rounding_cuts_off_stays_in_the_cost():
    position, profit = filled(flat(), ("0.003", "60000.1"), ("0.004", "60007.3"), ("-0.002", "1"))

    paid = D("0.003") * D("60000.1") + D("0.004") * D("60007.3")
    assert position.cost - profit == paid - D("0.002")


quantities = st.integers(-500, 500).filter(bool).map(lambda n: n * D("0.001"))
prices = st.integers(1, 900_000).map(lambda n: n * D("0.1"))


@given(st.lists(st.tuples(quantities, prices), max_size=30))
def test_profit_is_what_came_in_less_what_went_out_whatever_the_fills(fills):
    position, profit = filled(flat(), *fills)

    cash = -sum((qty * price for qty, price in fills), D(0))
    assert profit == cash + position.cost
    assert position.realised == profit
    assert position.qty == sum((qty for qty, _ in fills), D(0))
    assert (position.cost == 0) or (position.cost > 0) == (position.qty > 0)


@given(prices, prices, quantities)
def test_at_its_liquidation_price_a_position_has_just_its_maintenance_margin(entry, mark, qty):
    position, _ = filled(flat(), (qty, entry))
    wallet = abs(position.cost)
    cushion = wallet + position.profit(mark) - maintenance(position.worth(mark))

    ruin = liquidation_price(position, mark, cushion=cushion)

    same_bracket = bracket_of(position.worth(ruin)) == bracket_of(position.worth(mark))
    if ruin and same_bracket:
        balance = wallet + position.profit(ruin)
        assert abs(balance - maintenance(position.worth(ruin))) < D("0.0000001")


def test_the_maintenance_margin_has_no_steps_between_brackets():
    for lower, higher in pairwise(BRACKETS):
        edge = lower.cap
        assert edge * lower.maintenance - lower.cum == edge * higher.maintenance - higher.cum


@pytest.mark.parametrize(
    ("leverage", "worth"), [(125, 300_000), (20, 100_000_000), (1, 1800000000)]
)
def test_more_leverage_allows_smaller_positions(leverage, worth):
    assert largest_worth(leverage) == worth


@pytest.mark.parametrize(
    ("side", "qty", "buys", "sells", "worth"),
    [
        (PositionSide.BOTH, "1", "50", "30", 150),
        (PositionSide.BOTH, "1", "0", "300", 200),
        (PositionSide.BOTH, "-1", "20", "0", 100),
        (PositionSide.LONG, "1", "50", "0", 150),
        (PositionSide.SHORT, "-1", "0", "50", 150),
    ],
)
def test_exposure_is_the_worst_that_open_orders_can_make_of_it(side, qty, buys, sells, worth):
    position, _ = filled(flat(side), (qty, "100"))

    assert exposure(position, Resting(D(buys), D(sells)), D(100)) == worth


def test_resting_orders_add_up_by_side():
    orders = Resting().plus(Side.BUY, D(5)).plus(Side.SELL, D(3)).plus(Side.BUY, D(-2))

    assert orders == Resting(D(3), D(3))
