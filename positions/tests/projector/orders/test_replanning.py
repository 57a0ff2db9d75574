"""Closes that broke a rule of their market, and positions of which none would be taken."""

from decimal import Decimal

import pytest

from oms_project.errors import Invalid, OrderRejected
from positions import projector
from positions.engine.types import OrderStatus
from positions.models import Case, Dust, Order
from positions.projector.booking import closable
from positions.tests.fakes import LINEAR, SPOT

D = Decimal
SUBMITTED = OrderStatus.SUBMITTED


def refuse(claim, rule):
    error = OrderRejected(exception="InvalidOrder", exchange_code="-1013", filter=rule)
    projector.refuse(claim.instruction.pk, claim.fence, error)


@pytest.fixture
def changed(venue):
    """The market has other rules by the time the exchange refuses."""

    def change(symbol=SPOT, **rules):
        venue.change_market(symbol, **rules)

    return change


# --- planned again ------------------------------------------------------------------------------


def test_a_close_is_planned_again_by_the_new_step_and_the_rest_is_dust(new_desk, changed):
    desk = new_desk(SPOT)
    position = desk.bought("2.497")
    close = desk.close(position)
    first = desk.claim_one()
    changed(amount_step=D(1), min_amount=D(1))
    refuse(first, "step")

    again = desk.claim_one()
    assert again.instruction.exchange_order.qty == 2
    assert again.instruction.exchange_order.client_order_id != (
        first.instruction.exchange_order.client_order_id
    )
    assert desk.fresh(close).note == "Refused as 2.497 (step): planned again as 2."
    assert desk.fresh(close.command).status == "accepted"
    desk.fill(close, "2")

    assert desk.fresh(close).status == "FILLED"
    assert desk.fresh(close.command).status == "completed"
    assert desk.fresh(position).state == "closed"
    assert Dust.objects.get(currency="BTC").qty == D("0.497")


def test_a_position_that_the_new_rules_leave_below_the_minimum_is_dust(new_desk, changed):
    desk = new_desk(SPOT)
    position = desk.bought("0.4")
    close = desk.close(position)
    claim = desk.claim_one()
    changed(amount_step=D(1), min_amount=D(1))

    refuse(claim, "quantity")

    assert desk.fresh(close).status == "REJECTED"
    assert desk.fresh(position).state == "closed"
    assert Dust.objects.get(currency="BTC").qty == D("0.4")


@pytest.mark.parametrize("rule", ["step", "tick", "value", "status", "unnamed"])
def test_where_the_rules_are_as_before_the_close_is_refused_with_the_reason(new_desk, rule):
    desk = new_desk(SPOT)
    close = desk.close(desk.bought("1"), type="limit", price="200")

    refuse(desk.claim_one(), rule)

    ended = desk.fresh(close)
    assert (ended.status, ended.note) == ("REJECTED", f"InvalidOrder -1013 {rule}")
    assert ended.command.error["details"]["filter"] == rule
    assert desk.claim() == []


def test_a_price_that_no_longer_keeps_the_tick_is_not_made_up(new_desk, changed):
    desk = new_desk(SPOT)
    close = desk.close(desk.bought("1.5"), type="limit", price="200.01")
    claim = desk.claim_one()
    changed(price_step=D("0.5"), amount_step=D(1))

    refuse(claim, "tick")

    assert desk.fresh(close).status == "REJECTED"


def test_a_market_that_is_closed_takes_nothing_and_nothing_is_written_off(new_desk, changed):
    desk = new_desk(SPOT)
    position = desk.bought("1.5")
    close = desk.close(position)
    claim = desk.claim_one()
    changed(active=False, amount_step=D(2))

    refuse(claim, "status")

    assert desk.fresh(close).status == "REJECTED"
    assert desk.fresh(position).qty == D("1.5")
    with pytest.raises(Invalid, match="not open"):
        desk.close(position)


def test_an_opening_is_never_made_smaller(new_desk, changed):
    desk = new_desk(SPOT)
    order = desk.send("buy", "1.5")
    claim = desk.claim_one()
    changed(amount_step=D(1))

    refuse(claim, "step")

    assert (desk.fresh(order).status, desk.fresh(order).qty) == ("REJECTED", D("1.5"))
    with pytest.raises(Invalid, match="step"):
        desk.send("buy", "1.5")


def test_a_partial_close_is_planned_again_and_leaves_no_dust(new_desk, changed):
    desk = new_desk(SPOT)
    position = desk.bought("3")
    close = desk.close(position, qty="1.5")
    claim = desk.claim_one()
    changed(amount_step=D(1))
    refuse(claim, "step")

    desk.fill(close, "1")

    assert desk.fresh(position).qty == 2
    assert not Dust.objects.exists()


def test_who_asked_to_cancel_it_meanwhile_gets_no_other_one(new_desk, changed):
    desk = new_desk(SPOT)
    close = desk.close(desk.bought("1.5"))
    claim = desk.claim_one()
    desk.give("cancel_order", order_id=close.pk)
    changed(amount_step=D(1))

    refuse(claim, "step")

    assert not desk.fresh(close).is_open


# --- unclosable ---------------------------------------------------------------------------------


@pytest.fixture
def offset(new_desk, venue):
    """Two strategies whose net is zero: the exchange is never told reduce only."""
    desk = new_desk(position_mode="strategy_netting")
    venue.change_market(LINEAR, min_cost=D(50))
    venue.prices[LINEAR] = D(60000)
    desk.filled("sell", "0.001", "60000", strategy_id=desk.strategy().pk)
    return desk, desk.bought("0.001", "60000")


def test_a_close_below_the_minimum_value_is_refused_and_the_position_flagged(offset, venue):
    desk, position = offset
    venue.prices[LINEAR] = D(48000)

    for _ in range(2):
        with pytest.raises(Invalid) as refusal:
            desk.close(position)

    assert (refusal.value.details["limit"], refusal.value.details["value"]) == (50, 48)
    assert desk.fresh(position).unclosable
    case = Case.objects.get(kind="unclosable")
    assert (case.facts["notional"], case.facts["min_notional"]) == ("48", "50")
    assert case.proposal
    assert not Order.objects.open().exists()


def test_the_flag_goes_when_a_close_would_pass_again(offset, venue):
    desk, position = offset
    venue.prices[LINEAR] = D(48000)
    with pytest.raises(Invalid):
        desk.close(position)

    closable.sweep([desk.account.pk])
    assert desk.fresh(position).unclosable
    venue.prices.clear()
    closable.sweep([desk.account.pk])
    assert desk.fresh(position).unclosable  # Nobody knows.
    venue.prices[LINEAR] = D(60000)
    closable.sweep([desk.account.pk])

    assert not desk.fresh(position).unclosable
    assert Case.objects.get(kind="unclosable").state == "resolved"


def test_it_goes_too_when_the_net_lets_the_exchange_be_told(offset, venue):
    desk, position = offset
    venue.prices[LINEAR] = D(48000)
    with pytest.raises(Invalid):
        desk.close(position)

    desk.filled("buy", "1", "48000", strategy_id=desk.strategy().pk)

    assert not desk.fresh(position).unclosable
    assert desk.leg(desk.close(position)).reduce_only


def test_where_the_exchange_is_told_reduce_only_no_value_is_too_small(new_desk, venue):
    desk = new_desk()
    venue.change_market(LINEAR, min_cost=D(50))
    venue.prices[LINEAR] = D(60000)
    position = desk.bought("0.001", "60000")
    venue.prices[LINEAR] = D(48000)

    assert desk.leg(desk.close(position)).reduce_only
    assert not desk.fresh(position).unclosable


def test_on_spot_a_small_position_is_flagged_at_the_first_close(new_desk, venue):
    desk = new_desk(SPOT)
    venue.prices[SPOT] = D(100)
    position = desk.bought("0.06", "100")
    venue.prices[SPOT] = D(60)

    with pytest.raises(Invalid):
        desk.close(position)

    assert desk.fresh(position).unclosable


def test_a_part_that_is_too_small_says_nothing_of_the_whole(new_desk, venue):
    desk = new_desk(SPOT)
    venue.prices[SPOT] = D(100)
    position = desk.bought("1", "100")

    with pytest.raises(Invalid):
        desk.close(position, qty="0.01")

    assert not desk.fresh(position).unclosable


def test_what_the_exchange_refuses_for_its_value_is_flagged_without_a_price(offset, venue):
    desk, position = offset
    venue.prices.clear()
    desk.close(position)

    refuse(desk.claim_one(), "value")

    assert desk.fresh(position).unclosable
    assert desk.fresh(position).state == "open"
    with pytest.raises(Invalid):  # Nor is it sent again until a price says that it would pass.
        desk.close(position)
    venue.prices[LINEAR] = D(60000)
    assert desk.close(position).is_open
