"""Triggers follow their positions, and at most one of exchange and OMS can fire."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oms_project.errors import OrderRejected
from positions import projector
from positions.engine.types import OrderStatus
from positions.models import Case, Order, Position, Trigger
from positions.projector import protection
from positions.tests.fakes import SPOT
from positions.tests.guarded import STOP_LOSS, TAKE_PROFIT, Guarded

D = Decimal
REFUSAL = OrderRejected(exception="OrderImmediatelyFillable", exchange_code="-2021")


@pytest.fixture
def desk(db):
    """A strategy-netting account on a linear market that knows stops."""
    return Guarded(position_mode="strategy_netting")


@pytest.fixture
def offset(desk):
    """Another strategy, which sells as much as it is told."""
    strategy = desk.strategy()

    def sell(qty, side="sell"):
        desk.filled(side, qty, desk.price, strategy_id=strategy.pk)
        desk.carry_on()

    return sell


def held(desk, qty="1", **stops):
    """A long of strategy 0 with a stop at 90 unless told otherwise, everything answered."""
    position = desk.bought(qty, **({"stop_loss": "90"} | stops))
    desk.carry_on()
    return desk.fresh(position)


# --- where it rests ---------------------------------------------------------------------------


def test_a_stop_given_with_an_order_rests_at_the_exchange_once_the_position_is_there(desk):
    position = held(desk, stop_gain="120")

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
    position = held(desk)

    offset("0.4")
    at_the_oms = desk.fresh(position).protection["stop_loss"], desk.resting()
    offset("0.4", "buy")

    assert at_the_oms == ({"place": "oms", "state": "watched", "order_id": None}, [])
    assert desk.state(position) == "resting"
    assert [leg.qty for leg in desk.resting()] == [1]


def test_in_a_move_the_oms_waits_for_the_confirmed_cancel(desk):
    position = held(desk)
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
    position = held(desk, "2", stop_gain="120")

    desk.close(position, qty="0.5")
    desk.carry_on()

    assert [(leg.order_type, leg.qty) for leg in desk.resting()] == [
        ("stop", D("1.5")),
        ("take_profit", D("1.5")),
    ]


def test_the_position_goes_and_its_stops_go_confirmed(desk):
    position = held(desk, stop_gain="120")

    desk.close(position)
    desk.carry_on()

    assert desk.resting() == []
    assert not Trigger.objects.exists()
    assert desk.fresh(position).protection is None


def test_a_market_that_knows_no_stops_leaves_them_to_the_oms(desk, venue):
    venue.change_market(desk.symbol, order_types=frozenset({"market", "limit"}))

    position = held(desk)

    assert desk.state(position) == "watched"
    assert desk.resting() == []


def test_a_raise_by_fills_makes_one_new_stop_of_the_whole(desk):
    position = held(desk)

    order = desk.send("buy", "1.5")
    desk.executed(order, "0.5")
    leaving = desk.state(position)
    desk.executed(order)
    desk.carry_on()

    assert leaving == "withdrawing"
    assert [leg.qty for leg in desk.resting()] == [D("2.5")]
    assert desk.fresh(position).stop_loss == 90


# --- firing at the exchange --------------------------------------------------------------------


def test_the_exchange_fires_the_stop_and_the_take_profit_goes(desk):
    position = held(desk, stop_gain="120")
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
    position = held(desk)
    (stop,) = desk.resting()
    desk.executed(stop, "0.4")

    desk.cancelled(stop)
    desk.carry_on()

    closing = Order.objects.filter(order_type="market").latest("id")
    assert (closing.qty, closing.status, closing.reason) == (D("0.6"), "FILLED", "sl")
    assert [deal.trigger_source for deal in desk.deals()] == [None, "exchange", "oms"]
    assert desk.fresh(position).state == "closed"


def test_a_leg_that_ends_unexpectedly_is_watched_here_and_placed_again_after_a_pause(desk):
    position = held(desk)
    (stop,) = desk.resting()

    desk.report(stop, OrderStatus.EXPIRED)
    between = desk.state(position), desk.claim()
    protection.sweep(desk.trigger(position).not_before + timedelta(seconds=1))
    Trigger.objects.update(not_before=None)
    protection.resume(desk.account.pk)
    desk.carry_on()

    assert between == ("watched", [])
    assert desk.state(position) == "resting"


# --- firing here -------------------------------------------------------------------------------


def test_the_oms_fires_a_reduce_only_market_close(desk, offset):
    position = held(desk)
    offset("0.4")

    desk.hear("90")
    (claim,) = desk.claim()
    fired = claim.instruction.order
    state = desk.fresh(position).state
    desk.answer(claim)

    assert (fired.qty, fired.group_role, fired.reduce_only) == (1, "stop_loss", True)
    assert not desk.leg(fired).reduce_only  # The exchange's net is smaller than the position.
    assert claim.instruction.urgent
    assert state == "close_requested"
    deal = desk.deals()[-1]
    assert (deal.reason, deal.trigger_source) == ("sl", "oms")
    assert not Trigger.objects.exists()


def test_it_passes_when_the_account_is_blocked(desk, offset):
    held(desk)
    offset("0.4")
    desk.account.status = "blocked"
    desk.account.save()

    desk.hear("89")
    desk.carry_on()

    assert [deal.reason for deal in desk.deals()][-1] == "sl"


def test_a_price_that_returns_before_it_could_fire_does_not_save_the_position(desk):
    position = desk.bought("1", stop_loss="90")
    desk.take()
    desk.hear("89")
    desk.hear("100")
    (leg,) = desk.resting()

    desk.report(leg, OrderStatus.SUBMITTED)
    desk.carry_on()

    assert desk.fresh(leg).status == "CANCELED"
    assert desk.fresh(position).state == "closed"


def test_reached_while_its_leg_is_on_the_wire_the_leg_is_taken_back_first(desk):
    position = desk.bought("1", stop_loss="90")
    desk.take()
    desk.hear("89")
    early = desk.claim()
    (leg,) = desk.resting()
    desk.report(leg, OrderStatus.SUBMITTED)
    cancel = desk.claim_one()
    desk.cancelled(leg)
    fired = desk.claim_one()

    assert early == []
    assert (cancel.kind, cancel.instruction.order) == ("cancel", leg)
    assert fired.instruction.order.order_type == "market"
    assert desk.state(position) == "fired"


def test_a_leg_that_fills_while_it_is_taken_back_leaves_nothing_to_fire(desk):
    position = desk.bought("1", stop_loss="90")
    desk.take()
    desk.hear("89")
    (leg,) = desk.resting()

    desk.executed(leg)
    desk.carry_on()

    assert desk.fresh(position).state == "closed"
    assert Order.objects.filter(order_type="market").count() == 1


def test_a_refused_leg_is_fired_here_when_the_price_is_there(desk):
    position = desk.bought("1", stop_loss="90")
    (claim,) = desk.claim()
    projector.refuse(claim.instruction.pk, claim.fence, REFUSAL)
    refused = desk.state(position), desk.trigger(position).failures

    desk.trigger(position)
    Trigger.objects.update(not_before=None)
    desk.hear("89")
    desk.carry_on()

    assert refused == ("watched", 1)
    assert desk.fresh(position).state == "closed"


def test_what_a_fired_close_leaves_unfilled_is_fired_again(desk, offset):
    position = held(desk)
    offset("0.4")
    desk.hear("89")
    fired = desk.claim_one().instruction.order
    desk.executed(fired, "0.3")

    desk.cancelled(fired)
    again = desk.claim_one().instruction.order
    desk.executed(again)

    assert again.qty == D("0.7")
    assert desk.fresh(position).state == "closed"


def test_a_refused_close_is_fired_again_later_and_opens_a_case_after_three(desk, offset):
    position = held(desk)
    offset("0.4")
    desk.hear("89")
    pauses = []
    for _ in range(3):
        (claim,) = desk.claim()
        projector.refuse(claim.instruction.pk, claim.fence, REFUSAL)
        row = desk.trigger(position)
        pauses.append(row.not_before - row.updated_at)
        assert desk.claim() == []
        Trigger.objects.update(not_before=row.updated_at)
        protection.sweep()
    case = Case.objects.get()
    desk.carry_on()

    assert pauses == [timedelta(seconds=seconds) for seconds in (1, 2, 4)]
    assert (case.kind, case.position_id) == ("protection_blocked", position.pk)
    assert desk.fresh(case).state == "resolved"
    assert desk.fresh(position).state == "closed"


def test_closes_that_rest_are_cancelled_and_their_part_is_fired_after_them(desk, offset):
    position = held(desk)
    offset("0.4")
    resting = desk.close(position, qty="0.3", type="limit", price="110")
    desk.carry_on()

    desk.hear("89")
    asked = desk.take()
    desk.executed(asked["create close"])
    desk.cancelled(resting)
    rest = desk.claim_one().instruction.order
    desk.executed(rest)

    assert asked["create close"].qty == D("0.7")
    assert asked["cancel close"] == resting
    assert rest.qty == D("0.3")
    assert desk.fresh(position).state == "closed"


def test_a_trailing_stop_is_watched_here_and_fires_behind_the_best_price(desk):
    position = held(desk)
    desk.protect(position, stop_loss=None, trailing={"amount": "5"})

    for price in ("104", "110", "106"):
        desk.hear(price)
    before = desk.state(position), desk.trigger(position).best_price
    desk.hear("105")
    desk.carry_on()

    assert before == ("watched", 110)
    assert desk.fresh(position).state == "closed"


def test_two_stops_of_one_position_never_close_it_twice(desk, offset):
    position = held(desk, stop_gain="120")
    offset("0.4")
    Trigger.objects.update(price=D(95))
    Position.objects.update(stop_loss=D(95), stop_gain=D(95))

    desk.hear("95")
    desk.carry_on()

    closes = Order.objects.filter(position=position, closes_position=True)
    assert [order.filled_qty for order in closes] == [1]


# --- wishes ------------------------------------------------------------------------------------


def test_a_moved_stop_is_watched_here_until_the_new_one_rests(desk):
    position = held(desk)
    desk.give("position_change", position_id=position.pk, stop_loss="95")
    leaving = desk.state(position)
    desk.carry_on()

    assert leaving == "withdrawing"
    assert [leg.trigger_price for leg in desk.resting()] == [95]


def test_a_cleared_stop_goes(desk):
    position = held(desk, stop_gain="120")

    position = desk.protect(position, stop_loss=None)

    assert [leg.group_role for leg in desk.resting()] == ["take_profit"]
    assert list(position.protection) == ["take_profit"]


def test_a_leg_that_nobody_knows_any_more_is_taken_off_at_the_next_start(desk):
    position = held(desk)
    Trigger.objects.all().delete()
    Position.objects.filter(pk=position.pk).update(stop_loss=None)

    protection.resume(desk.account.pk)
    desk.carry_on()

    assert desk.resting() == []


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
            protection.resume(hedge.account.pk)
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_repeating_it_changes_nothing(desk):
    held(desk, stop_gain="120")
    before = desk.events()

    for _ in range(3):
        protection.resume(desk.account.pk)

    assert desk.claim() == []
    assert desk.events() == before


def test_a_missing_price_is_shown_until_the_next_one(desk, offset):
    position = held(desk)
    offset("0.4")

    protection.prices_missing(desk.account.pk, [desk.symbol])
    blind = desk.fresh(position).protection["stop_loss"]
    desk.hear("99")

    assert blind["blind"] is True
    assert "blind" not in desk.fresh(position).protection["stop_loss"]


# --- positions that become others -----------------------------------------------------------------


def test_the_stops_of_a_merged_position_go_with_it(db):
    desk = Guarded(position_mode="hedge")
    source = held(desk)
    target = held(desk, stop_loss="85")

    desk.give("merge_positions", source_position_id=source.pk, target_position_id=target.pk)
    desk.carry_on()

    assert [(leg.position_id, leg.qty, leg.trigger_price) for leg in desk.resting()] == [
        (target.pk, 2, 85)
    ]


def test_close_by_resizes_the_stops_of_what_is_left(db):
    desk = Guarded(position_mode="hedge")
    long = held(desk, "2")
    short = desk.filled("sell", "1").position
    desk.carry_on()

    desk.give("close_by", position_id_a=long.pk, position_id_b=short.pk)
    desk.carry_on()

    assert [(leg.position_id, leg.qty) for leg in desk.resting()] == [(long.pk, 1)]


@pytest.mark.parametrize("reversal", ["split", "mt5"])
def test_a_reversal_takes_the_old_sides_stops_away(db, reversal):
    desk = Guarded(reversal=reversal)
    held(desk)

    desk.filled("sell", "3", "100", stop_loss="110")
    desk.carry_on()

    (position,) = desk.positions()
    assert (position.side, position.qty, position.stop_loss) == ("sell", 2, 110)
    assert [(leg.side, leg.qty, leg.trigger_price) for leg in desk.resting()] == [("buy", 2, 110)]


# --- spot --------------------------------------------------------------------------------------


def test_on_spot_the_oms_watches_and_sells_what_is_held(db):
    desk = Guarded(SPOT)
    position = held(desk)
    before = desk.state(position), desk.resting()

    desk.hear("90")
    desk.carry_on()

    assert before == ("watched", [])
    assert desk.fresh(position).state == "closed"


def test_on_spot_with_the_exchanges_policy_the_stop_alone_rests(db):
    desk = Guarded(SPOT, protection="exchange")

    position = held(desk, stop_gain="120")

    assert [leg.order_type for leg in desk.resting()] == ["stop"]
    assert not desk.leg(desk.resting()[0]).reduce_only
    assert desk.state(position, TAKE_PROFIT) == "watched"


def test_a_close_on_spot_waits_until_the_stop_is_gone(db):
    desk = Guarded(SPOT, protection="exchange")
    position = held(desk)
    (stop,) = desk.resting()

    close = desk.close(position)
    first = desk.take()
    desk.cancelled(stop)
    second = desk.take()
    desk.executed(close)

    assert list(first) == ["cancel stop_loss"]
    assert list(second) == ["create close"]
    assert desk.fresh(position).state == "closed"
    assert desk.claim() == []


def test_a_close_on_spot_that_fails_gets_its_stop_back(db):
    desk = Guarded(SPOT, protection="exchange")
    position = held(desk)
    (stop,) = desk.resting()
    desk.close(position)
    desk.claim()
    desk.cancelled(stop)
    (close,) = desk.claim()

    projector.refuse(close.instruction.pk, close.fence, REFUSAL)
    desk.carry_on()

    assert desk.state(position) == "resting"


def test_a_close_on_spot_whose_stop_was_faster_sells_nothing(db):
    desk = Guarded(SPOT, protection="exchange")
    position = held(desk)
    (stop,) = desk.resting()
    close = desk.close(position)
    desk.claim()

    desk.executed(stop)
    desk.carry_on()

    assert desk.fresh(close).status == "CANCELED"
    assert desk.fresh(position).state == "closed"
    assert sum(deal.qty for deal in desk.deals() if deal.side == "sell") == 1


def test_a_close_on_spot_shrinks_to_what_a_partly_filled_stop_left(db):
    desk = Guarded(SPOT, protection="exchange")
    position = held(desk)
    (stop,) = desk.resting()
    close = desk.close(position)
    desk.claim()
    desk.executed(stop, "0.4")

    desk.cancelled(stop)
    desk.carry_on()

    assert desk.fresh(close).qty == D("0.6")
    assert desk.fresh(position).state == "closed"


def test_a_sell_that_reduces_waits_for_the_stop_too(db):
    desk = Guarded(SPOT, protection="exchange")
    position = held(desk)

    sell = desk.send("sell", "0.4")
    first = desk.take()
    desk.cancelled(desk.resting()[0])
    desk.carry_on()

    assert list(first) == ["cancel stop_loss"]
    assert desk.fresh(sell).status == "FILLED"
    assert [leg.qty for leg in desk.resting()] == [D("0.6")]
    assert desk.state(position) == "resting"


def test_the_watched_take_profit_cancels_the_resting_stop_before_it_sells(db):
    desk = Guarded(SPOT, protection="exchange")
    position = held(desk, stop_gain="120")
    (stop,) = desk.resting()

    desk.hear("121")
    first = desk.take()
    desk.cancelled(stop)
    fired = desk.claim_one()
    desk.answer(fired)

    assert list(first) == ["cancel stop_loss"]
    assert fired.instruction.order.reason == "tp"
    assert desk.fresh(position).state == "closed"
    assert not Trigger.objects.exists()


def test_a_stop_that_finds_less_held_sells_that_and_opens_a_case(db):
    desk = Guarded(SPOT, position_mode="strategy_netting")
    other = desk.strategy()
    position = held(desk)
    desk.filled("sell", "0.4", strategy_id=other.pk)

    desk.hear("89")
    desk.carry_on()
    case = Case.objects.get()
    left = desk.fresh(position).qty
    desk.filled("buy", "0.4", "89", strategy_id=other.pk)
    desk.carry_on()

    assert (case.kind, case.facts["volume"]) == ("protection_blocked", "0.4")
    assert left == D("0.4")
    assert desk.fresh(position).state == "closed"
    assert desk.fresh(case).state == "resolved"


def test_dust_after_a_fired_close_is_written_off(db):
    desk = Guarded(SPOT)
    order = desk.send("buy", "1", stop_loss="90")
    desk.fill(order, "1", fee="0.0005", fee_currency="BTC")
    position = desk.fresh(order).position

    desk.hear("90")
    desk.carry_on()

    assert desk.fresh(position).state == "closed"
    assert [deal.kind for deal in desk.deals()] == ["fill", "fill", "correction"]


def test_the_row_of_a_role_is_there_once(desk):
    position = held(desk, stop_gain="120")

    roles = set(position.triggers.values_list("role", flat=True))

    assert roles == {STOP_LOSS, TAKE_PROFIT}
