"""A reached stop fires whatever hindered its placing; one that must not fire is held and told."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from oms_project.errors import Conflict, OrderRejected
from positions import ports, projector
from positions.engine.types import OrderStatus, OrderType
from positions.models import Case, ExchangeOrder, Order, Trigger
from positions.projector.protection import following
from positions.rows import position_row
from positions.tests.fakes import LINEAR, SPOT
from positions.tests.guarded import REFUSAL, Guarded

D = Decimal
TOO_MANY = OrderRejected(exception="ExchangeError", exchange_code="-4045")
NOTHING_TO_REDUCE = OrderRejected(exception="InvalidOrder", exchange_code="-2022")


@pytest.fixture
def desk(guarded):
    """The guarded desk."""
    return guarded


def refuse(desk, why=TOO_MANY):
    """The exchange says no to everything that waits."""
    for claim in desk.claim():
        projector.refuse(claim.instruction.pk, claim.fence, why)


def later(seconds):
    """That much later the sweeper comes by."""
    for row in Trigger.objects.all():
        for name in ("not_before", "place_after"):
            if (until := getattr(row, name)) is not None:
                setattr(row, name, until - timedelta(seconds=seconds))
        row.save()
    following.sweep()


# --- a stop that cannot be placed -------------------------------------------------------------


def test_a_reached_stop_fires_at_once_though_its_placings_are_refused(desk):
    position = desk.bought("1", stop_loss="90")
    for _ in range(6):
        refuse(desk)
        later(70)
    refuse(desk)
    case, shown = Case.objects.get(), desk.fresh(position).protection["stop_loss"]

    desk.hear("89")
    desk.carry_on()

    assert case.kind == "protection_blocked"
    assert case.facts["why"] == "the exchange does not take the stop: ExchangeError -4045"
    assert (shown["state"], shown["not_placed"]) == ("watched", "ExchangeError -4045")
    assert desk.fresh(position).state == "closed"
    assert desk.fresh(case).state == "resolved"


def test_a_refusal_that_says_reached_fires(desk):
    position = desk.bought("1", stop_loss="90")

    refuse(desk, REFUSAL)
    desk.carry_on()

    assert desk.fresh(position).state == "closed"
    assert [deal.reason for deal in desk.deals()][-1] == "sl"


@pytest.mark.parametrize("end", [OrderStatus.REJECTED, OrderStatus.CANCELED])
def test_a_stop_that_triggered_and_came_to_nothing_is_fired_here(desk, end):
    position = desk.held()
    (leg,) = desk.resting()
    if end == OrderStatus.CANCELED:  # What the trigger placed filled nothing.
        ExchangeOrder.objects.filter(order=leg).update(conditional_order_id="t1")

    desk.report(leg, end)
    fired = desk.claim_one().instruction.order

    assert (fired.order_type, fired.qty) == ("market", 1)
    assert desk.state(position) == "fired"


def test_beyond_its_level_a_stop_is_not_placed_again(desk):
    position = desk.held()
    (leg,) = desk.resting()
    desk.report(leg, OrderStatus.EXPIRED)
    ports.exchange().prices[desk.symbol] = D(89)

    later(5)
    between = desk.claim()
    desk.hear("89")
    desk.carry_on()

    assert between == []
    assert desk.fresh(position).state == "closed"


def test_what_was_promised_to_a_close_is_fired_as_soon_as_that_has_ended(desk, offset):
    position = desk.held()
    offset("0.4")
    resting = desk.close(position, type="limit", price="110")
    desk.carry_on()
    desk.hear("89")
    asked = desk.take()

    desk.cancelled(resting)
    fired = desk.claim_one().instruction.order

    assert list(asked) == ["cancel close"]
    assert (fired.order_type, fired.qty) == ("market", 1)


def test_where_the_exchange_caps_both_the_stop_does_not_wait_for_the_close(desk):
    position = desk.held()
    desk.close(position, type="limit", price="110")
    desk.carry_on()

    desk.hear("89")

    assert set(desk.take()) == {"cancel close", "create close"}
    assert desk.state(position) == "fired"


def test_a_cancel_without_an_answer_becomes_a_case_after_three_seconds(desk):
    other = desk.strategy()
    position = desk.held()
    desk.filled("buy", "1", strategy_id=other.pk)
    desk.close(position)
    desk.take()
    before = Case.objects.count()

    Order.objects.legs().update(cancel_requested_at=_ago(4))
    later(4)
    case = Case.objects.get()
    desk.cancelled(desk.resting()[0])

    assert before == 0
    assert case.facts["why"] == "the exchange does not say whether the stop there is gone"
    assert case.order_id is not None
    assert desk.fresh(case).state == "resolved"


def _ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


# --- a position that was closed elsewhere -----------------------------------------------------


@pytest.fixture
def netting(db):
    """A netting account whose market takes no stop orders: the OMS watches."""
    desk = Guarded()
    types = {OrderType.MARKET, OrderType.LIMIT}
    ports.exchange().change_market(LINEAR, order_types=frozenset(types))
    return desk


def test_a_stop_of_a_position_that_was_closed_elsewhere_is_held(netting):
    position = netting.held()
    netting.external("sell", "1")

    netting.hear("89")
    case = Case.objects.get(kind="closed_elsewhere")

    assert netting.claim() == []
    assert (case.position_id, case.facts["exchange_net"]) == (position.pk, "0")
    assert netting.fresh(position).qty == 1


def test_what_the_net_allows_is_closed_with_reduce_only(netting):
    position = netting.held()
    netting.external("sell", "0.4")

    netting.hear("89")
    fired = netting.claim_one().instruction.order
    netting.executed(fired)

    assert (fired.qty, netting.leg(fired).reduce_only) == (D("0.6"), True)
    assert netting.fresh(position).qty == D("0.4")
    assert Case.objects.get(kind="closed_elsewhere").state == "open"


def test_a_stop_whose_reduce_only_is_refused_opens_the_case_before_it_is_imported(netting):
    position = netting.held()
    netting.hear("89")
    refuse(netting, NOTHING_TO_REDUCE)

    netting.external("sell", "1")
    later(5)

    assert Case.objects.get(kind="closed_elsewhere").position_id == position.pk
    assert netting.claim() == []


def test_in_a_strategys_account_a_stop_is_held_too(db):
    desk = Guarded(position_mode="strategy_netting")
    desk.held()
    desk.external("sell", "1")
    desk.carry_on()

    desk.hear("89")

    assert desk.claim() == []
    assert Case.objects.get(kind="closed_elsewhere").facts["external_position_ids"]


def test_a_close_answers_conflict_and_names_what_stands_against_it(netting):
    position = netting.held()
    external = netting.external("sell", "1").position

    with pytest.raises(Conflict) as refusal:
        netting.close(position)

    assert refusal.value.details["external_position_ids"] == [external.pk]
    assert refusal.value.details["exchange_net"] == 0


def test_a_close_of_all_sends_what_the_net_allows_and_always_reduce_only(netting):
    position = netting.held()
    netting.external("sell", "0.4")

    close = netting.close(position)
    with pytest.raises(Conflict):
        netting.close(position, qty="0.4")

    assert (close.qty, netting.leg(close).reduce_only) == (D("0.6"), True)


# --- worth too little -------------------------------------------------------------------------


def test_a_stop_below_the_minimum_value_is_told_when_it_is_set_and_sends_nothing(db):
    desk = Guarded(SPOT)
    position = desk.held("0.052", stop_loss=None)

    warned = desk.protect(position, stop_loss="90").protection["warning"]
    desk.hear("89")
    silent, case = desk.claim(), Case.objects.get()
    desk.hear("100")
    later(5)
    desk.carry_on()

    expected = {"role": "stop_loss", "code": "below_minimum_value", "limit": "5", "value": "4.68"}
    assert (warned, silent) == (expected, [])
    assert (case.kind, case.position_id) == ("unclosable", position.pk)
    assert desk.fresh(position).state == "closed"  # At 100 it is worth enough.


def test_a_derivative_is_exempt_where_the_exchange_is_told_reduce_only(desk):
    held = desk.held("0.052")

    assert "warning" not in held.protection


# --- where a trailing stop is -----------------------------------------------------------------


def test_a_position_shows_how_far_its_trailing_stop_has_come(desk):
    position = desk.held(stop_loss=None)
    desk.protect(position, trailing={"percent": "5"})
    desk.hear("110")
    desk.hear("108")

    shown = position_row(desk.fresh(position))["trailing"]

    assert shown == {"percent": "5", "best_price": "110", "stop_price": "104.5"}
