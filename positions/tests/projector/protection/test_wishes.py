"""What a position wishes, its triggers follow."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from positions import ports, projector
from positions.engine.types import OrderStatus
from positions.models import Position, Trigger
from positions.projector.protection import following
from positions.tests.guarded import Guarded

D = Decimal


@pytest.fixture
def desk(guarded):
    """The guarded desk."""
    return guarded


def test_a_moved_stop_is_watched_here_until_the_new_one_rests(desk):
    position = desk.held()
    desk.give("position_change", position_id=position.pk, stop_loss="95")
    leaving = desk.state(position)
    desk.carry_on()

    assert leaving == "withdrawing"
    assert [leg.trigger_price for leg in desk.resting()] == [95]


def test_a_cleared_stop_goes(desk):
    position = desk.held(stop_gain="120")

    position = desk.protect(position, stop_loss=None)

    assert [leg.group_role for leg in desk.resting()] == ["take_profit"]
    assert list(position.protection) == ["take_profit"]


def test_a_leg_that_nobody_knows_any_more_is_taken_off_at_the_next_start(desk):
    position = desk.held()
    Trigger.objects.all().delete()
    Position.objects.filter(pk=position.pk).update(stop_loss=None)

    following.resume(desk.account.pk)
    desk.carry_on()

    assert desk.resting() == []


def wished_before_there_were_rows(desk, *, known):
    """A position of a time before stops had rows, at the first start after that.

    ``known`` is the last price that the exchange told, None: it told none, or too long ago.
    """
    position = desk.protect(desk.bought("1"), trailing={"amount": "5"})
    Trigger.objects.all().delete()
    Position.objects.filter(pk=position.pk).update(protection=None)
    prices = ports.exchange().prices
    prices.pop(desk.symbol, None)
    if known is not None:
        prices[desk.symbol] = D(known)
    following.resume(desk.account.pk)
    return desk.fresh(position)


def test_a_trailing_stop_without_a_row_begins_at_the_last_known_price(desk):
    position = wished_before_there_were_rows(desk, known="110")

    row = desk.trigger(position)
    assert (row.state, row.best_price, row.reached_at) == ("watched", 110, None)
    assert position.protection["stop_loss"]["stop_price"] == "105"
    desk.hear("105.01")
    assert desk.state(position) == "watched"
    desk.hear("105")
    desk.carry_on()
    assert desk.fresh(position).state == "closed"


def test_where_no_price_is_known_it_begins_at_the_first_that_comes(desk):
    position = wished_before_there_were_rows(desk, known=None)

    assert desk.trigger(position).best_price is None
    assert position.protection["stop_loss"]["stop_price"] is None
    desk.hear("80")
    assert (desk.trigger(position).best_price, desk.state(position)) == (80, "watched")
    assert desk.fresh(position).protection["stop_loss"]["stop_price"] == "75"
    assert desk.claim() == []


def test_a_row_that_is_there_keeps_its_best_price_at_a_start(desk):
    position = desk.protect(desk.bought("1"), trailing={"amount": "5"})
    desk.hear("120")
    ports.exchange().prices[desk.symbol] = D("117")

    following.resume(desk.account.pk)

    assert desk.trigger(position).best_price == 120


def test_a_leg_adopted_late_is_taken_off_again(desk, settings):
    position = desk.bought("1", stop_loss="90")
    (claim,) = desk.claim()
    projector.mark_unknown(claim.instruction.pk, claim.fence)
    projector.presume_rejected(claim.instruction.order_id)
    desk.give("position_change", position_id=position.pk, stop_loss=None)
    leg = claim.instruction.order

    desk.report(leg, OrderStatus.SUBMITTED)
    desk.carry_on()

    assert desk.fresh(leg).status == "CANCELED"


def test_more_positions_are_followed_by_no_more_queries(db):
    counts = []
    for number in (2, 8):
        hedge = Guarded(position_mode="hedge")
        for _ in range(number):
            hedge.bought("1", stop_loss="90")
        hedge.carry_on()
        with CaptureQueriesContext(connection) as queries:
            following.resume(hedge.account.pk)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_repeating_it_changes_nothing(desk):
    desk.held(stop_gain="120")
    before = desk.events()

    for _ in range(3):
        following.resume(desk.account.pk)

    assert desk.claim() == []
    assert desk.events() == before


def test_a_missing_price_is_shown_until_the_next_one(desk, offset):
    position = desk.held()
    offset("0.4")

    following.prices_missing(desk.account.pk, [desk.symbol])
    blind = desk.fresh(position).protection["stop_loss"]
    desk.hear("99")

    assert blind["blind"] is True
    assert "blind" not in desk.fresh(position).protection["stop_loss"]


def test_the_stops_of_a_merged_position_go_with_it(db):
    desk = Guarded(position_mode="hedge")
    source = desk.held()
    target = desk.held(stop_loss="85")

    desk.give("merge_positions", source_position_id=source.pk, target_position_id=target.pk)
    desk.carry_on()

    assert [(leg.position_id, leg.qty, leg.trigger_price) for leg in desk.resting()] == [
        (target.pk, 2, 85)
    ]


def test_close_by_resizes_the_stops_of_what_is_left(db):
    desk = Guarded(position_mode="hedge")
    long = desk.held("2")
    short = desk.filled("sell", "1").position
    desk.carry_on()

    desk.give("close_by", position_id_a=long.pk, position_id_b=short.pk)
    desk.carry_on()

    assert [(leg.position_id, leg.qty) for leg in desk.resting()] == [(long.pk, 1)]


@pytest.mark.parametrize("reversal", ["split", "mt5"])
def test_a_reversal_takes_the_old_sides_stops_away(db, reversal):
    desk = Guarded(reversal=reversal)
    desk.held()

    desk.filled("sell", "3", "100", stop_loss="110")
    desk.carry_on()

    (position,) = desk.positions()
    assert (position.side, position.qty, position.stop_loss) == ("sell", 2, 110)
    assert [(leg.side, leg.qty, leg.trigger_price) for leg in desk.resting()] == [("buy", 2, 110)]
