"""Triggers rest where they belong, and what ends there goes on here."""

from datetime import timedelta
from decimal import Decimal

import pytest

from positions.engine.types import OrderStatus
from positions.models import Order, Trigger
from positions.projector.protection import following

D = Decimal


@pytest.fixture
def desk(guarded):
    """The guarded desk."""
    return guarded


def test_a_stop_given_with_an_order_rests_at_the_exchange_once_the_position_is_there(desk):
    position = desk.held(stop_gain="120")

    stop, gain = desk.resting()
    assert (stop.order_type, stop.side, stop.qty, stop.trigger_price) == ("stop", "sell", 1, 90)
    assert (gain.order_type, gain.trigger_price) == ("take_profit", 120)
    assert all(leg.reduce_only and desk.leg(leg).reduce_only for leg in (stop, gain))
    assert (stop.reason, gain.reason) == ("sl", "tp")
    assert (stop.group_role, gain.group_role) == ("stop_loss", "take_profit")
    entry = Order.objects.get(pk=position.ticket)
    assert (entry.group_role, entry.group_id) == ("entry", entry.pk)
    assert stop.group_id == gain.group_id == entry.pk
    assert position.protection == {
        "stop_loss": {"place": "exchange", "state": "resting", "order_id": stop.pk},
        "take_profit": {"place": "exchange", "state": "resting", "order_id": gain.pk},
    }


def test_until_the_exchange_has_confirmed_the_oms_watches(desk):
    position = desk.bought("1", stop_loss="90")

    desk.take()

    shown = desk.fresh(position).protection["stop_loss"]
    assert (shown["place"], shown["state"]) == ("oms", "placing")


def test_when_another_strategy_offsets_the_net_the_stop_comes_to_the_oms_and_goes_back(
    desk, offset
):
    position = desk.held()

    offset("0.4")
    at_the_oms = desk.fresh(position).protection["stop_loss"], desk.resting()
    offset("0.4", "buy")

    assert at_the_oms == ({"place": "oms", "state": "watched", "order_id": None}, [])
    assert desk.state(position) == "resting"
    assert [leg.qty for leg in desk.resting()] == [1]


def test_in_a_move_the_oms_waits_for_the_confirmed_cancel(desk):
    position = desk.held()
    other = desk.strategy()
    desk.filled("sell", "0.5", strategy_id=other.pk)

    desk.take()
    shown = desk.fresh(position).protection["stop_loss"]
    desk.hear("80")
    while_leaving = desk.claim()
    desk.cancelled(desk.resting()[0])
    fired = desk.claim_one().instruction.order

    assert (shown["place"], shown["state"]) == ("exchange", "withdrawing")
    assert while_leaving == []
    assert (fired.order_type, fired.side, fired.qty, fired.reason) == ("market", "sell", 1, "sl")


def test_a_partial_close_takes_the_stop_back_and_places_it_anew(desk):
    position = desk.held("2", stop_gain="120")

    desk.close(position, qty="0.5")
    desk.carry_on()

    assert [(leg.order_type, leg.qty) for leg in desk.resting()] == [
        ("stop", D("1.5")),
        ("take_profit", D("1.5")),
    ]


def test_the_position_goes_and_its_stops_go_confirmed(desk):
    position = desk.held(stop_gain="120")

    desk.close(position)
    desk.carry_on()

    assert desk.resting() == []
    assert not Trigger.objects.exists()
    assert desk.fresh(position).protection is None


def test_a_market_that_knows_no_stops_leaves_them_to_the_oms(desk, venue):
    venue.change_market(desk.symbol, order_types=frozenset({"market", "limit"}))

    position = desk.held()

    assert desk.state(position) == "watched"
    assert desk.resting() == []


def test_a_raise_by_fills_makes_one_new_stop_of_the_whole(desk):
    position = desk.held()

    order = desk.send("buy", "1.5")
    desk.executed(order, "0.5")
    leaving = desk.state(position)
    desk.executed(order)
    desk.carry_on()

    assert leaving == "withdrawing"
    assert [leg.qty for leg in desk.resting()] == [D("2.5")]
    assert desk.fresh(position).stop_loss == 90


def test_the_exchange_fires_the_stop_and_the_take_profit_goes(desk):
    position = desk.held(stop_gain="120")
    stop, gain = desk.resting()

    desk.executed(stop)
    desk.carry_on()

    deal = desk.deals()[-1]
    assert (deal.position_id, deal.entry, deal.reason) == (position.pk, "out", "sl")
    assert deal.trigger_source == "exchange"
    assert desk.fresh(gain).status == "CANCELED"
    assert desk.positions() == []
    assert not Trigger.objects.exists()


def test_a_leg_that_fills_less_than_its_volume_is_completed_by_the_oms(desk):
    position = desk.held()
    (stop,) = desk.resting()
    desk.executed(stop, "0.4")

    desk.cancelled(stop)
    desk.carry_on()

    closing = Order.objects.filter(order_type="market").latest("id")
    assert (closing.qty, closing.status, closing.reason) == (D("0.6"), "FILLED", "sl")
    assert [deal.trigger_source for deal in desk.deals()] == [None, "exchange", "oms"]
    assert desk.fresh(position).state == "closed"


def test_a_leg_that_ends_unexpectedly_is_watched_here_and_placed_again_after_a_pause(desk):
    position = desk.held()
    (stop,) = desk.resting()

    desk.report(stop, OrderStatus.EXPIRED)
    between = desk.state(position), desk.claim()
    following.sweep(desk.trigger(position).place_after + timedelta(seconds=1))
    Trigger.objects.update(place_after=None)
    following.resume(desk.account.pk)
    desk.carry_on()

    assert between == ("watched", [])
    assert desk.state(position) == "resting"
