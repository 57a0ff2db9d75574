"""A stop at the exchange and a close never both close a whole position."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from positions import ports
from positions.engine.types import OrderStatus
from positions.models import Command, Trigger
from positions.projector.protection import following
from positions.tests.fakes import SPOT
from positions.tests.guarded import STOP_LOSS, TAKE_PROFIT, Guarded

D = Decimal
MODES = ["strategy_netting", "hedge"]


def beside_another(mode):
    """A desk on which somebody else is long too: the exchange's reduce-only caps nothing."""
    desk = Guarded(position_mode=mode)
    desk.other = desk.strategy()
    desk.filled("buy", "1", strategy_id=desk.other.pk)
    return desk


@pytest.fixture(params=MODES)
def shared(request, db):
    return beside_another(request.param)


@pytest.fixture(params=["spot", *MODES])
def uncapped(request, db):
    """The same, or spot, where nothing caps either."""
    if request.param == "spot":
        return Guarded(SPOT, protection="exchange")
    return beside_another(request.param)


def sold(desk):
    return sum(deal.qty for deal in desk.deals() if deal.side == "sell")


def test_a_close_waits_until_its_stop_is_proven_gone(uncapped):
    position = uncapped.held()
    (stop,) = uncapped.resting()

    close = uncapped.close(position)
    first = uncapped.take()
    uncapped.cancelled(stop)
    second = uncapped.take()
    uncapped.executed(close)

    assert list(first) == ["cancel stop_loss"]
    assert list(second) == ["create close"]
    assert uncapped.fresh(position).state == "closed"
    assert uncapped.claim() == []


def test_a_close_whose_stop_was_faster_sells_nothing(uncapped):
    position = uncapped.held()
    (stop,) = uncapped.resting()
    close = uncapped.close(position)
    uncapped.take()

    uncapped.executed(stop)
    uncapped.carry_on()

    assert uncapped.fresh(close).status == "CANCELED"
    assert (uncapped.fresh(position).state, sold(uncapped)) == ("closed", 1)


def test_a_partial_close_takes_only_what_its_stop_left(shared):
    position = shared.held()
    (stop,) = shared.resting()
    close = shared.close(position, qty="0.5")
    shared.take()
    shared.executed(stop, "0.7")

    shared.cancelled(stop)
    shared.carry_on()

    assert shared.fresh(close).filled_qty == D("0.3")
    assert (shared.fresh(position).state, sold(shared)) == ("closed", 1)


def test_a_close_waits_for_both_of_a_stop_and_a_take_profit(shared):
    position = shared.held(stop_gain="120")
    stop, gain = shared.resting()

    shared.close(position)
    asked = shared.take()
    shared.cancelled(stop)
    between = shared.take()
    shared.cancelled(gain)
    after = shared.take()

    assert set(asked) == {"cancel stop_loss", "cancel take_profit"}
    assert (between, list(after)) == ({}, ["create close"])


def test_a_reduce_only_order_of_a_client_waits_as_a_close_does(shared):
    position = shared.held(strategy_id=(own := shared.strategy()).pk)
    wish = {"strategy_id": own.pk, "reduce_only": True}
    if shared.account.position_mode == "hedge":
        wish["position_id"] = position.pk

    order = shared.send("sell", "0.4", **wish)
    first = shared.take()
    shared.cancelled(shared.resting()[0])
    shared.carry_on()

    assert list(first) == ["cancel stop_loss"]
    assert shared.fresh(order).status == "FILLED"
    assert [leg.qty for leg in shared.resting()] == [D("0.6")]


def test_while_a_close_rests_the_oms_watches_and_the_stop_goes_back_afterwards(shared):
    position = shared.held()
    close = shared.close(position, type="limit", price="110")
    shared.carry_on()
    meanwhile = shared.state(position), shared.resting()

    shared.give("cancel_order", order_id=close.pk)
    shared.carry_on()

    assert meanwhile == ("watched", [])
    assert shared.state(position) == "resting"


def test_what_would_lift_the_cap_waits_while_stop_and_close_both_live(db):
    desk = Guarded(position_mode="strategy_netting")
    position, other = desk.held(), desk.strategy()
    desk.close(position)
    both = desk.take()

    desk.send("buy", "1", strategy_id=other.pk)
    meanwhile = desk.take()
    desk.cancelled(desk.resting()[0])
    after = desk.take()

    assert set(both) == {"cancel stop_loss", "create close"}  # Nobody else's volume: capped.
    assert (meanwhile, list(after)) == ({}, ["create market"])


def test_an_order_that_could_add_to_the_net_makes_the_close_wait(db):
    desk = Guarded(position_mode="strategy_netting")
    position, other = desk.held(), desk.strategy()
    desk.rest("buy", "1", price="95", strategy_id=other.pk)

    desk.close(position)

    assert list(desk.take()) == ["cancel stop_loss"]


def test_a_fired_take_profit_waits_for_the_stop_that_rests(shared):
    position = shared.held(stop_gain="120")
    stop, gain = shared.resting()
    shared.report(gain, OrderStatus.EXPIRED)  # It ended by itself: the OMS watches it now.
    Trigger.objects.update(failures=0, not_before=None)
    shared.hear("121")
    asked = shared.take()

    shared.cancelled(stop)
    after = shared.take()

    assert list(asked) == ["cancel stop_loss"]
    assert list(after) == ["create close"]
    assert shared.state(position, TAKE_PROFIT) == "fired"


def test_a_close_by_waits_for_the_stop_and_then_books(shared):
    position, opposite = shared.held(), _short(shared)
    (stop,) = shared.resting()

    command = _close_by(shared, position, opposite)
    asked, waiting = shared.take(), shared.fresh(command).status
    shared.cancelled(stop)

    assert (list(asked), waiting) == (["cancel stop_loss"], "accepted")
    assert shared.fresh(command).status == "completed"
    assert shared.fresh(position).state == shared.fresh(opposite).state == "closed"


def test_a_close_by_whose_stop_was_faster_fails_and_leaves_the_other_side(shared):
    position, opposite = shared.held(), _short(shared)
    (stop,) = shared.resting()
    command = _close_by(shared, position, opposite)
    shared.take()

    shared.executed(stop)
    shared.carry_on()

    assert shared.fresh(command).status == "failed"
    assert Command.objects.get(pk=command.pk).error["code"] == "validation_error"
    assert shared.fresh(opposite).qty == 1
    assert shared.state(position, STOP_LOSS) is None


def test_a_close_by_that_waits_has_a_price_of_its_own_day(shared):
    position, opposite = shared.held(), _short(shared)
    (stop,) = shared.resting()
    command = _close_by(shared, position, opposite)
    shared.take()
    ports.exchange().prices.clear()  # The last one is too old by now.
    shared.cancelled(stop)
    following.sweep()
    waiting = shared.fresh(command).status

    shared.hear("103")
    following.sweep()
    prices = {deal.price for deal in shared.deals() if deal.kind == "transfer"}

    assert waiting == "accepted"
    assert (shared.fresh(command).status, prices) == ("completed", {103})


def test_a_close_by_without_a_price_ends_after_the_patience_of_an_order(shared):
    position, opposite = shared.held(), _short(shared)
    (stop,) = shared.resting()
    command = _close_by(shared, position, opposite)
    shared.take()
    ports.exchange().prices.clear()
    shared.cancelled(stop)

    Command.objects.update(created_at=timezone.now() - timedelta(seconds=121))
    following.sweep()

    after = shared.fresh(command)
    assert (after.status, after.error["code"]) == ("failed", "exchange_timeout")
    assert [shared.fresh(row).qty for row in (position, opposite)] == [1, 1]


def test_a_close_by_goes_on_where_no_row_knows_the_stop_any_more(shared):
    position, opposite = shared.held(), _short(shared)
    (stop,) = shared.resting()
    command = _close_by(shared, position, opposite)
    shared.take()
    Trigger.objects.all().delete()
    shared.cancelled(stop)

    assert shared.fresh(command).status == "completed"


def _short(desk):
    """A short of a third party, so that the net still has room for the stop: 1 + 1 + 1 - 1."""
    desk.filled("buy", "1", strategy_id=desk.strategy().pk)
    short = desk.filled("sell", "1", strategy_id=desk.strategy().pk).position
    desk.carry_on()
    return short


def _close_by(desk, a, b):
    return desk.give("close_by", position_id_a=a.pk, position_id_b=b.pk)


def test_a_stop_that_fills_after_its_position_was_merged_closes_that_much_of_the_other(db):
    desk = Guarded(position_mode="hedge")
    desk.filled("buy", "1", strategy_id=desk.strategy().pk)  # The exchange caps nothing.
    source, target = desk.held(), desk.bought("2")
    desk.carry_on()
    (stop,) = desk.resting()
    desk.give("merge_positions", source_position_id=source.pk, target_position_id=target.pk)
    desk.take()

    close = desk.close(target)
    meanwhile = desk.take()
    desk.executed(stop)
    desk.carry_on()

    assert meanwhile == {}  # It waits for the stop that came along.
    assert (desk.fresh(close).filled_qty, sold(desk)) == (2, 3)
    assert [desk.fresh(row).qty for row in (source, target)] == [0, 0]
    assert [row.qty for row in desk.positions()] == [1]
