"""Stops are set, replaced and cleared."""

import pytest

from accounts.words import Right, Role
from oms_project.errors import Conflict, Invalid, PermissionDenied, PositionNotFound
from positions.models import Command
from positions.tests.guarded import Guarded

ALL = frozenset(Right)


@pytest.fixture
def desk(db):
    return Guarded()


@pytest.fixture
def position(desk):
    return desk.bought("1")


def change(desk, position, **fields):
    return desk.give("position_change", position_id=position.pk, **fields)


def test_it_is_done_at_once_and_told(desk, position):
    command = change(desk, position, stop_loss="90", stop_gain="120")

    after = desk.fresh(position)
    assert (command.status, command.position_ids) == ("completed", [position.pk])
    assert (after.stop_loss, after.stop_gain) == (90, 120)
    assert desk.events().count("position_updated") >= 1


def test_absent_stays_and_null_clears(desk, position):
    change(desk, position, stop_loss="90", stop_gain="120", comment="mine")

    change(desk, position, stop_gain=None)
    without_gain = desk.fresh(position)
    change(desk, position, stop_loss=None, comment=None)
    without_any = desk.fresh(position)

    assert (without_gain.stop_loss, without_gain.stop_gain) == (90, None)
    assert without_gain.comment == "mine"
    assert (without_any.stop_loss, without_any.comment) == (None, "")


def test_a_trailing_distance_is_kept_as_it_was_given(desk, position):
    change(desk, position, trailing={"percent": "1.50"})

    assert desk.fresh(position).trailing == {"percent": "1.5"}
    assert desk.trigger(position).best_price == 100


def test_a_trailing_stop_begins_at_a_price_that_is_asked_for(desk, position, venue):
    venue.asked_for.clear()
    change(desk, position, trailing={"amount": "5"})
    asked = list(venue.asked_for)
    venue.prices.clear()
    change(desk, position, trailing={"amount": "6"})
    without = desk.trigger(position).best_price
    desk.hear("97")

    assert asked == [{desk.symbol}]
    assert without is None  # Nobody could say: the first price that comes is its beginning.
    assert desk.trigger(position).best_price == 97


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"stop_loss": "100"}, "stop_loss"),
        ({"stop_gain": "99"}, "stop_gain"),
        ({"stop_loss": "90.001"}, "stop_loss"),
        ({"trailing": {}}, "trailing"),
        ({"trailing": {"amount": "1", "percent": "1"}}, "trailing"),
        ({"trailing": {"percent": "100"}}, "trailing.percent"),
        ({"trailing": {"amount": "100"}}, "trailing.amount"),
        ({"trailing": {"points": "3"}}, "trailing"),
        ({}, "stop_loss, stop_gain, trailing, comment"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(desk, position, fields, named):
    with pytest.raises(Invalid) as refused:
        change(desk, position, **fields)

    assert refused.value.details["field"] == named
    assert not Command.objects.filter(kind="position_change").exists()


def test_a_new_stop_is_measured_against_one_that_stays(desk, position, venue):
    change(desk, position, stop_loss="90")
    venue.prices.clear()

    with pytest.raises(Invalid):
        change(desk, position, stop_gain="80")


def test_a_stop_that_stays_is_not_judged_again(desk, position, venue):
    change(desk, position, stop_loss="90")
    venue.prices[desk.symbol] = 85

    change(desk, position, stop_gain="120")

    assert desk.fresh(position).stop_gain == 120


def test_a_closed_position_has_no_stops(desk, position):
    desk.filled("sell", "1")

    with pytest.raises(Invalid):
        change(desk, position, stop_loss="90")


def test_nobody_else_finds_the_position(desk, position):
    stranger = desk.caller_with(strategies=[desk.strategy().pk])

    with pytest.raises(PositionNotFound):
        desk.give("position_change", caller=stranger, position_id=position.pk, stop_loss="90")


def test_it_needs_the_right_to_trade(desk, position):
    closer = desk.caller_with(rights=ALL - {Right.TRADE})
    risk = desk.caller_with(Role.RISK)

    for caller in (closer, risk):
        with pytest.raises(PermissionDenied):
            desk.give("position_change", caller=caller, position_id=position.pk, stop_loss="90")


def test_repeating_the_request_id_changes_nothing_more(desk, position):
    first = change(desk, position, request_id="once", stop_loss=None, stop_gain="120")
    change(desk, position, stop_gain="130")

    again = change(desk, position, request_id="once", stop_loss=None, stop_gain="120")

    assert again == first
    assert desk.fresh(position).stop_gain == 130


def test_a_positions_stop_is_no_order_to_cancel_or_change(desk, position):
    desk.protect(position, stop_loss="90")
    (leg,) = desk.resting()

    for command, fields in (("cancel_order", {}), ("change_order", {"new_trigger_price": "80"})):
        with pytest.raises(Conflict):
            desk.give(command, order_id=leg.pk, **fields)


def test_cancelling_all_orders_leaves_the_stops(desk, position):
    desk.protect(position, stop_loss="90")
    order = desk.rest(price="80")

    command = desk.give("cancel_all_orders")

    assert command.order_ids == [order.pk]
