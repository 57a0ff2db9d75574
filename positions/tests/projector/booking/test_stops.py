"""What an order's stops mean for the position that it fills into."""

from decimal import Decimal

import pytest

from positions.tests.guarded import Guarded

D = Decimal


@pytest.fixture
def desk(db):
    return Guarded()


def stops(position):
    return position.stop_loss, position.stop_gain, position.trailing


def test_a_later_order_without_stops_keeps_them(desk):
    position = desk.bought("1", stop_loss="90", stop_gain="120")

    desk.filled("buy", "1")

    assert stops(desk.fresh(position)) == (90, 120, None)


def test_a_later_order_without_stops_clears_them_where_the_account_says_so(db):
    desk = Guarded(keep_stops=False)
    position = desk.bought("1", stop_loss="90")

    desk.filled("buy", "1")

    assert stops(desk.fresh(position)) == (None, None, None)


def test_a_later_order_replaces_what_it_brings(desk):
    position = desk.bought("1", stop_loss="90", stop_gain="120")

    desk.filled("buy", "1", stop_loss="95")

    assert stops(desk.fresh(position)) == (95, 120, None)


def test_a_change_between_two_fills_of_one_order_lasts(desk):
    order = desk.send("buy", "2", stop_loss="90")
    desk.claim()
    desk.executed(order, "1")
    position = desk.fresh(order).position
    desk.give("position_change", position_id=position.pk, stop_loss="80")

    desk.executed(order)

    assert stops(desk.fresh(position)) == (80, None, None)


def test_an_order_that_only_reduces_brings_nothing(desk):
    position = desk.bought("2", stop_loss="90")

    desk.filled("sell", "1", stop_loss="110")

    assert stops(desk.fresh(position)) == (90, None, None)


def test_what_is_left_of_a_crossing_order_has_its_stops(desk):
    desk.bought("1", stop_loss="90")

    position = desk.filled("sell", "3", stop_gain="70").position

    assert stops(desk.fresh(position)) == (None, 70, None)
