"""What flattening nets, closes and names."""

from decimal import Decimal

from positions.engine.types import OrderStatus
from positions.models import Command, Order
from positions.tests.fakes import SPOT
from riskdesk.tests.acting import kill
from riskdesk.words import KillScope


def flatten(desk, by, scope=KillScope.ACCOUNT, target_id=None):
    (stopped,) = kill(by, scope, target_id or desk.account.pk, flatten=True)
    return stopped.flattened


def test_a_position_is_closed_at_market_in_the_name_of_the_desk(desk, by):
    position = desk.bought("2")

    done = flatten(desk, by)

    close = Order.objects.get(closes_position=True)
    assert done.closing == (position.pk,)
    assert (close.side, close.qty, close.order_type) == ("sell", Decimal(2), "market")
    assert (close.reduce_only, close.reason, close.command.user_id) == (True, "risk", by.user_id)
    assert [claim.instruction.order_id for claim in desk.claim()] == [close.pk]


def test_opposite_positions_are_netted_first(new_desk, by):
    desk = new_desk(position_mode="hedge")
    long, short = desk.bought("3"), desk.filled("sell", "1").position
    other = desk.filled("sell", "0.5").position

    done = flatten(desk, by)

    close = Order.objects.get(reduce_only=True)
    assert set(done.netted) == {long.pk, short.pk, other.pk}
    assert done.closing == (long.pk,)
    assert (close.position_id, close.qty) == (long.pk, Decimal("1.5"))


def test_what_nets_to_nothing_needs_no_order(new_desk, by):
    desk = new_desk(position_mode="hedge")
    desk.bought("1")
    desk.filled("sell", "1")

    done = flatten(desk, by)

    assert (done.closing, done.failed) == ((), {})
    assert desk.positions() == []


def test_two_strategies_are_netted_where_a_price_is_known(new_desk, by, venue):
    desk = new_desk(position_mode="strategy_netting")
    first, second = desk.strategy(), desk.strategy()
    desk.filled("buy", "1", strategy_id=first.pk)
    desk.filled("sell", "1", strategy_id=second.pk)
    venue.prices[desk.symbol] = Decimal(100)

    done = flatten(desk, by)

    assert len(done.netted) == 2
    assert desk.positions() == []


def test_two_strategies_without_a_price_are_closed_by_orders(new_desk, by):
    desk = new_desk(position_mode="strategy_netting")
    first, second = desk.strategy(), desk.strategy()
    desk.filled("buy", "1", strategy_id=first.pk)
    desk.filled("sell", "1", strategy_id=second.pk)

    done = flatten(desk, by)

    assert (done.netted, len(done.closing)) == ((), 2)


def test_a_position_that_is_being_closed_is_named_and_holds_up_no_other(new_desk, by):
    desk = new_desk(position_mode="hedge")
    closing, other = desk.bought("1"), desk.bought("1")
    desk.close(closing)

    done = flatten(desk, by)

    assert done.failed == {closing.pk: "position_close_in_progress"}
    assert done.closing == (other.pk,)


def test_on_spot_what_is_held_is_sold(new_desk, by):
    desk = new_desk(SPOT)
    desk.bought("1")

    done = flatten(desk, by)
    close = Order.objects.get(closes_position=True)
    desk.fill(close, "1")

    assert len(done.closing) == 1
    assert desk.fresh(close).status == OrderStatus.FILLED
    assert desk.positions() == []


def test_of_a_user_only_what_their_orders_opened_is_closed(new_desk, by):
    desk = new_desk(position_mode="hedge")
    own = desk.bought("1")
    other = new_desk()
    caller = desk.caller_with()
    theirs = type(caller)(other.user.pk, "other", caller.role, None, caller.rights)
    order = {"symbol": desk.symbol, "side": "buy", "type": "market", "qty": "1"}
    foreign = desk.give("send_order", caller=theirs, **order)
    desk.fill(Order.objects.get(pk=foreign.order_ids[0]), "1")

    done = flatten(desk, by, KillScope.USER, desk.user.pk)

    assert done.closing == (own.pk,)


def test_without_being_asked_nothing_is_closed(desk, by):
    desk.bought("1")

    kill(by, KillScope.ALL)

    assert not Command.objects.filter(kind="close_position").exists()
