"""Orders go to another strategy with all that they did: positions by strategy, or each its own."""

from decimal import Decimal

from accounts.words import Role
from positions import projector
from positions.models import Position
from positions.reports import Reports
from positions.tests.ledger.checking import differences


def test_orders_go_from_one_strategy_to_another(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one, other, third = (desk.strategy().pk for _ in "abc")
    desk.bought("1", "100", strategy_id=one)
    order = desk.filled("buy", "2", "110", strategy_id=one)
    untouched = desk.bought("7", "100", strategy_id=third)
    boss = desk.caller_with(Role.ADMIN)

    desk.reassign(order, to=other, caller=boss, override=True)

    held = {row.strategy_id: (row.qty, row.cost) for row in desk.positions()}
    assert held == {one: (1, 100), other: (2, 220), third: (7, 700)}
    assert not desk.fresh(untouched).deals.exclude(superseded_by=None).exists()
    assert differences(desk) == []


def test_it_can_go_there_and_back_again(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one, other = desk.strategy().pk, desk.strategy().pk
    position = desk.bought("1", "100", strategy_id=one)
    order = desk.filled("sell", "3", "110", strategy_id=one)
    desk.filled("buy", "1", "90", strategy_id=one)
    boss = desk.caller_with(Role.ADMIN)
    before = {(row.side, row.qty, row.cost, row.profit) for row in Position.objects.all()}

    for to in (other, one, other, one):
        desk.reassign(order, to=to, caller=boss, override=True)
        assert differences(desk) == []

    standing = Position.objects.standing()
    assert {(row.side, row.qty, row.cost, row.profit) for row in standing} == before
    assert desk.fresh(position).state == "closed"


def test_reassigns_of_different_orders_build_on_each_other(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one, other = desk.strategy().pk, desk.strategy().pk
    desk.bought("1", "100", strategy_id=one)
    first = desk.external("sell", "2", "110")
    desk.bought("2", "105", strategy_id=other)
    second = desk.external("buy", "3", "95")

    desk.reassign(second, to=one)
    desk.reassign(first, to=one)

    held = {row.strategy_id: (row.side, row.qty) for row in desk.positions()}
    assert held == {one: ("buy", 2), other: ("buy", 2)}
    assert differences(desk) == []


def test_in_hedge_an_external_order_keeps_its_own_position(new_desk):
    desk = new_desk(position_mode="hedge")
    order, strategy = desk.external("sell", "2", "105"), desk.strategy().pk

    desk.reassign(order, to=strategy)

    position = desk.fresh(order.position)
    assert (position.strategy_id, position.is_external, position.qty) == (strategy, False, 2)
    assert desk.close(position).qty == 2
    assert differences(desk) == []


def test_in_hedge_it_may_close_a_position(new_desk):
    desk = new_desk(position_mode="hedge")
    position = desk.bought("3", "100")
    order = desk.external("sell", "2", "105")

    answer = desk.reassign(order, to=0, target_position_id=position.pk)

    after = desk.fresh(position)
    assert (after.qty, after.profit) == (1, 10)
    assert answer["items"][0]["position_id"] == position.pk
    assert desk.fresh(order).closes_position is True
    assert differences(desk) == []


def test_in_hedge_it_may_raise_a_position(new_desk):
    desk = new_desk(position_mode="hedge")
    position = desk.bought("3", "100")
    order = desk.adopt(desk.foreign("buy", "2", ("1", "104"), name="f1"))

    desk.reassign(order, to=0, target_position_id=position.pk)
    late = desk.foreign_trade("f1", "buy", "1", "106")
    projector.apply(desk.account.pk, Reports(trades=(late,)))

    after = desk.fresh(position)
    assert (after.qty, after.cost) == (5, 510)
    assert len(desk.positions()) == 1
    assert differences(desk) == []


def test_in_hedge_what_exceeds_the_position_is_its_own_and_a_case(new_desk):
    desk = new_desk(position_mode="hedge")
    position = desk.bought("1", "100")
    order = desk.external("sell", "3", "105")

    desk.reassign(order, to=0, target_position_id=position.pk)

    (excess,) = desk.positions()
    assert desk.fresh(position).state == "closed"
    assert (excess.qty, excess.reason, excess.is_external) == (2, "correction", False)
    assert "mismatch_opened" in desk.events()
    assert differences(desk) == []


def test_in_hedge_other_positions_are_not_touched(new_desk):
    desk = new_desk(position_mode="hedge")
    order = desk.external("sell", "2", "105")
    other = desk.bought("1")
    desk.give(
        "close_by",
        position_id_a=other.pk,
        position_id_b=desk.filled("sell", "1", "110").position_id,
    )

    desk.reassign(order, to=0)

    assert [deal.position_id for deal in desk.superseded()] == [order.position_id]
    assert differences(desk) == []


def test_funding_since_then_is_shared_anew(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one = desk.strategy().pk
    own = desk.bought("1", strategy_id=one)
    order = desk.external("buy", "2")
    third = desk.bought("3", strategy_id=desk.strategy().pk)
    desk.pay("-6")

    desk.reassign(order, to=one)

    assert desk.fresh(own).profit == -3
    assert desk.fresh(third).profit == -3
    assert sum(d.profit for d in desk.deals() if d.kind == "funding") == -6
    assert differences(desk) == []


def test_funding_of_positions_that_net_to_nothing_is_not_lost(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one, other = desk.strategy().pk, desk.strategy().pk
    desk.bought("1", strategy_id=one)
    order = desk.external("sell", "1")
    desk.bought("7", strategy_id=other)
    desk.pay("0.000000000000000010")

    desk.reassign(order, to=one)

    paid = sum(d.profit for d in desk.deals() if d.kind == "funding")
    assert paid == Decimal("0.000000000000000010")
    assert differences(desk) == []
