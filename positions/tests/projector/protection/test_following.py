"""The OMS fires what it watches, once."""

from datetime import timedelta
from decimal import Decimal

import pytest

from oms_project.errors import OrderRejected
from positions import projector
from positions.engine.types import OrderStatus
from positions.models import Case, Order, Position, Trigger
from positions.projector.protection import following
from positions.tests.fakes import SPOT
from positions.tests.guarded import REFUSAL, STOP_LOSS, TAKE_PROFIT, Guarded

D = Decimal
TOO_MANY = OrderRejected(exception="ExchangeError", exchange_code="-4045")


@pytest.fixture
def desk(guarded):
    """The guarded desk."""
    return guarded


def test_the_oms_fires_a_reduce_only_market_close(desk, offset):
    position = desk.held()
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
    desk.held()
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
    projector.refuse(claim.instruction.pk, claim.fence, TOO_MANY)
    refused = desk.state(position), desk.trigger(position).refusals

    desk.hear("89")
    desk.carry_on()

    assert refused == ("watched", 1)
    assert desk.fresh(position).state == "closed"


def test_what_a_fired_close_leaves_unfilled_is_fired_again(desk, offset):
    position = desk.held()
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
    position = desk.held()
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
        following.sweep()
    case = Case.objects.get()
    desk.carry_on()

    assert pauses == [timedelta(seconds=seconds) for seconds in (1, 1, 1)]
    assert (case.kind, case.position_id) == ("protection_blocked", position.pk)
    assert desk.fresh(case).state == "resolved"
    assert desk.fresh(position).state == "closed"


def test_closes_that_rest_are_cancelled_and_their_part_is_fired_after_them(desk, offset):
    position = desk.held()
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
    position = desk.held()
    desk.protect(position, stop_loss=None, trailing={"amount": "5"})

    for price in ("104", "110", "106"):
        desk.hear(price)
    before = desk.state(position), desk.trigger(position).best_price
    desk.hear("105")
    desk.carry_on()

    assert before == ("watched", 110)
    assert desk.fresh(position).state == "closed"


def test_two_stops_of_one_position_never_close_it_twice(desk, offset):
    position = desk.held(stop_gain="120")
    offset("0.4")
    Trigger.objects.update(price=D(95))
    Position.objects.update(stop_loss=D(95), stop_gain=D(95))

    desk.hear("95")
    desk.carry_on()

    closes = Order.objects.filter(position=position, closes_position=True)
    assert [order.filled_qty for order in closes] == [1]


def test_on_spot_the_oms_watches_and_sells_what_is_held(db):
    desk = Guarded(SPOT)
    position = desk.held()
    before = desk.state(position), desk.resting()

    desk.hear("90")
    desk.carry_on()

    assert before == ("watched", [])
    assert desk.fresh(position).state == "closed"


def test_on_spot_with_the_exchanges_policy_the_stop_alone_rests(db):
    desk = Guarded(SPOT, protection="exchange")

    position = desk.held(stop_gain="120")

    assert [leg.order_type for leg in desk.resting()] == ["stop"]
    assert not desk.leg(desk.resting()[0]).reduce_only
    assert desk.state(position, TAKE_PROFIT) == "watched"


def test_the_watched_take_profit_cancels_the_resting_stop_before_it_sells(db):
    desk = Guarded(SPOT, protection="exchange")
    position = desk.held(stop_gain="120")
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
    position = desk.held()
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
    position = desk.held(stop_gain="120")

    roles = set(position.triggers.values_list("role", flat=True))

    assert roles == {STOP_LOSS, TAKE_PROFIT}
