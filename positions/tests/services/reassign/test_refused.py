"""What stands in the way of a reassign, who may ask for one, and what it leaves in the trail."""

from decimal import Decimal

import pytest

from accounts.models import AuditEntry
from accounts.words import Role
from oms_project.errors import (
    Conflict,
    Invalid,
    InvalidPositionId,
    InvalidStrategyId,
    OrderNotFound,
    PermissionDenied,
    StrategyPermissionDenied,
)
from positions import ports
from positions.models import JournalEntry, Order
from positions.tests.desk import NOON
from positions.tests.ledger.checking import differences


@pytest.fixture
def boss(desk):
    return desk.caller_with(Role.ADMIN)


# --- what stands in the way ---


def in_the_way(desk, order, **wish):
    with pytest.raises(Conflict) as refusal:
        desk.reassign(order, to=0, **wish)
    assert not JournalEntry.objects.filter(kind="reassign").exists()
    return refusal.value.details


def test_a_close_by_in_the_range_is_named(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    order = desk.external("sell", "1")
    one, other = desk.strategy().pk, 0
    a, b = desk.bought("2", strategy_id=one), desk.filled("sell", "1", strategy_id=other).position
    ports.exchange().prices[desk.symbol] = Decimal(100)
    desk.give("close_by", position_id_a=a.pk, position_id_b=b.pk)

    details = in_the_way(desk, order)

    assert details["limit"] == "close_by"
    assert details["position_id"] == b.pk


def test_a_merge_in_the_range_is_named(new_desk):
    desk = new_desk(position_mode="hedge")
    source = desk.filled("sell", "1")
    target = desk.filled("sell", "1").position
    desk.give(
        "merge_positions", source_position_id=source.position_id, target_position_id=target.pk
    )

    details = in_the_way(desk, source, caller=desk.caller_with(Role.ADMIN), override=True)

    assert details["limit"] == "merge"
    assert details["journal_entry_id"] == JournalEntry.objects.get().pk


def test_a_correction_in_the_range_is_named(desk, venue):
    order = desk.external("buy", "1")
    position = desk.bought("1")
    venue.change_market(desk.symbol, amount_step=Decimal("0.3"), min_amount=Decimal("0.3"))
    desk.fill(desk.close(position), "0.9")

    assert in_the_way(desk, order)["limit"] == "correction"


def test_a_live_close_is_named(desk):
    order = desk.external("sell", "1")
    close = desk.close(desk.bought("2"), type="limit", price="150")

    details = in_the_way(desk, order)

    assert (details["limit"], details["order_id"]) == ("close", close.pk)


def test_a_forced_close_in_the_range_is_named(desk):
    order = desk.external("sell", "1")
    desk.bought("2")
    forced = desk.liquidate("sell", "1")

    details = in_the_way(desk, order)

    assert (details["limit"], details["order_id"]) == ("liquidation", forced.pk)


def test_a_forced_close_that_was_taken_over_is_a_trade_like_any_other(desk, boss):
    first = desk.bought("1", "100")
    forced = desk.liquidate("sell", "3", "90")
    later = desk.filled("buy", "1", "95")
    desk.reassign(forced, to=0)

    desk.reassign(later, to=0, caller=boss, override=True)

    assert desk.fresh(first).state == "closed"
    assert [(row.side, row.qty) for row in desk.positions()] == [("sell", 1)]
    assert differences(desk) == []


def test_a_change_of_the_mode_in_the_range_is_named(desk):
    order = desk.external("sell", "1")
    desk.account.position_mode = "hedge"
    desk.account.save()

    assert in_the_way(desk, order)["limit"] == "position_mode"


def test_an_assigned_order_stays_unless_an_admin_overrides(desk, boss):
    order = desk.filled("buy", "1")

    with pytest.raises(Conflict) as refusal:
        desk.reassign(order, to=0)
    with pytest.raises(PermissionDenied):
        desk.reassign(order, to=0, override=True)
    strategy = desk.strategy().pk
    desk.reassign(order, to=strategy, caller=boss, override=True)

    assert refusal.value.details["value"] == order.pk
    assert desk.fresh(order).strategy_id == strategy


def test_in_hedge_a_position_opened_later_is_no_target(new_desk):
    desk = new_desk(position_mode="hedge")
    order = desk.external("sell", "1")
    position = desk.bought("1")

    with pytest.raises(Invalid) as refusal:
        desk.reassign(order, to=0, target_position_id=position.pk)

    assert refusal.value.details["field"] == "target_position_id"
    assert refusal.value.details["limit"] > NOON


# --- rights and targets ---


def test_both_strategies_have_to_be_the_callers_to_trade(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    own, foreign = desk.strategy().pk, desk.strategy().pk
    order = desk.external("sell", "1")
    order.strategy_id = own
    order.save(update_fields=["strategy_id"])
    robot = desk.caller_with(Role.ROBOT, strategies=[own])

    with pytest.raises(StrategyPermissionDenied):
        desk.reassign(order, to=foreign, caller=robot)


def test_a_restricted_key_does_not_see_what_is_nobodys(desk):
    own = desk.strategy().pk
    order = desk.external("sell", "1")

    with pytest.raises(OrderNotFound):
        desk.reassign(order, to=own, caller=desk.caller_with(Role.ROBOT, strategies=[own]))


def test_somebody_elses_and_missing_orders_are_not_found(desk, new_desk):
    order = new_desk().external("sell", "1")

    for missing in (order, Order(pk=99_999)):
        with pytest.raises(OrderNotFound):
            desk.reassign(missing, to=0)


def test_the_strategy_has_to_be_linked_to_the_account(desk, new_desk):
    order, elsewhere = desk.external("sell", "1"), new_desk().strategy().pk

    with pytest.raises(InvalidStrategyId):
        desk.reassign(order, to=elsewhere)


@pytest.mark.parametrize("what", ["closed", "external", "another strategy's", "none"])
def test_a_position_that_cannot_take_it_is_no_target(new_desk, what):
    desk = new_desk(position_mode="hedge")
    closed = desk.bought("1")
    desk.fill(desk.close(closed), "1")
    theirs = desk.bought("1", strategy_id=desk.strategy().pk)
    other = desk.external("buy", "1").position
    order = desk.external("sell", "1")
    ids = {
        "closed": closed.pk,
        "external": other.pk,
        "another strategy's": theirs.pk,
        "none": 99_999,
    }

    with pytest.raises(InvalidPositionId):
        desk.reassign(order, to=0, target_position_id=ids[what])


def test_it_leaves_a_trace_in_the_audit_trail(desk):
    order = desk.external("sell", "1")

    desk.reassign(order, to=0)

    entry = AuditEntry.objects.get(action="orders_reassigned")
    assert (entry.user_name, entry.object_id) == (desk.user.username, str(desk.account.pk))
    assert entry.before["orders"][0]["order_id"] == order.pk
