"""Orders go to another strategy with all that they did."""

from decimal import Decimal

import pytest

from accounts.models import AuditEntry
from accounts.words import Role
from oms_project.errors import (
    Conflict,
)
from positions import projector
from positions.commands import OrderFilter, Reassign
from positions.models import Deal, Dust, Event, JournalEntry, Position
from positions.reports import Reports
from positions.services.reassign import reassign
from positions.tests.desk import NOON
from positions.tests.fakes import SPOT
from positions.tests.ledger.checking import differences


def booked(desk):
    """Entry, quantity, profit and position of every live deal, oldest booking first."""
    return [(deal.entry, deal.qty, deal.profit, deal.position_id) for deal in desk.deals()]


# --- netting ---


def test_an_external_order_joins_the_accounts_position(desk):
    own = desk.bought("1", "100")
    order = desk.external("sell", "2", "105")
    strategy = desk.strategy().pk

    answer = desk.reassign(order, to=strategy)

    after = desk.fresh(order)
    assert booked(desk) == [
        ("in", 1, 0, own.pk),
        ("out", 1, 5, own.pk),
        ("in", 1, 0, order.position_id),
    ]
    assert (after.strategy_id, after.reconciled) == (strategy, True)
    assert {deal.reconciled for deal in desk.deals()} == {True}
    assert {key: answer[key] for key in ("orders_updated", "deals_relinked", "preview")} == {
        "orders_updated": 1,
        "deals_relinked": 2,
        "preview": False,
    }
    assert differences(desk) == []


def test_a_position_keeps_its_id_while_its_opening_order_is_the_same(desk):
    order = desk.external("sell", "2")

    desk.reassign(order, to=0)

    position = desk.fresh(order).position
    assert position.pk == order.position_id
    assert (position.is_external, position.superseded_by) == (False, None)


def test_a_position_left_without_deals_is_gone_from_the_lists(desk):
    own = desk.bought("3")
    order = desk.external("sell", "2", "105")
    dedicated = order.position

    desk.reassign(order, to=0)

    gone = desk.fresh(dedicated)
    assert (gone.state, gone.qty, gone.profit) == ("closed", 0, 0)
    assert gone.superseded_by == JournalEntry.objects.get().booking_no
    assert not Position.objects.history().exists()
    assert desk.fresh(order).position == own
    assert desk.fresh(order).previous_position_id == dedicated.pk
    assert differences(desk) == []


def test_what_came_later_is_booked_anew_in_the_order_of_its_time(desk):
    """The external sell came between two buys: the second one covered a short."""
    desk.bought("1", "100")
    order = desk.external("sell", "2", "110")
    desk.bought("3", "104")
    before = Deal.objects.count()

    desk.reassign(order, to=0)

    assert [(entry, qty, profit) for entry, qty, profit, _ in booked(desk)] == [
        ("in", 1, 0),
        ("out", 1, 10),
        ("in", 1, 0),
        ("out", 1, 6),
        ("in", 2, 0),
    ]
    assert [deal.booking_no for deal in desk.deals()] == [1, 5, 6, 7, 8]
    assert Deal.objects.count() == before + 4
    assert differences(desk) == []


def test_one_found_late_takes_its_place_in_time(desk):
    """The exchange executed it first; it was found when the books had gone on."""
    found_late = desk.foreign("sell", "1", ("1", "90"))
    desk.bought("1", "100")
    desk.bought("1", "120")
    order = desk.adopt(found_late)

    desk.reassign(order, to=0)

    assert [(entry, profit) for entry, _, profit, _ in booked(desk)] == [
        ("in", 0),
        ("out", -10),
        ("in", 0),
    ]
    assert differences(desk) == []


def test_the_deals_say_what_replaced_them_and_where_they_were(desk):
    desk.bought("1")
    order = desk.external("sell", "1", "105")

    desk.reassign(order, to=0)

    (old,) = desk.superseded()
    new = desk.deals()[-1]
    entry = JournalEntry.objects.get()
    assert (entry.kind, old.superseded_by) == ("reassign", entry.booking_no)
    assert new.booking_no == entry.booking_no + 1
    assert new.previous_position_id == old.position_id
    assert (new.execution_id, new.executed_at) == (old.execution_id, old.executed_at)


def test_it_is_told(desk):
    desk.bought("1")
    order = desk.external("sell", "1", "105")
    told = Event.objects.count()

    desk.reassign(order, to=0)

    names = list(Event.objects.order_by("seq").values_list("event", flat=True))[told:]
    assert names == [
        "deals_superseded",
        "deal_created",
        "position_closed",
        "position_closed",
        "order_updated",
        "reassigned",
    ]
    assert Event.objects.get(event="reassigned").payload["order_ids"] == [order.pk]


def test_mt5_reversal_keeps_and_gives_back_the_ticket(new_desk):
    desk = new_desk(reversal="mt5")
    own = desk.bought("1", "100")
    order = desk.external("sell", "3", "105")
    later = desk.filled("sell", "1", "107")

    desk.reassign(order, to=0)
    turned = desk.fresh(own)
    boss = desk.caller_with(Role.ADMIN)
    desk.reassign(later, to=0, caller=boss, override=True)

    assert (turned.ticket, turned.side, turned.qty) == (order.pk, "sell", 3)
    assert desk.fresh(own).ticket == order.pk
    assert differences(desk) == []


def test_later_fills_of_the_order_follow_it(desk):
    desk.bought("5")
    order = desk.adopt(desk.foreign("sell", "2", ("1", "105"), name="f1"))
    desk.reassign(order, to=0)

    late = desk.foreign_trade("f1", "sell", "1", "107")
    projector.apply(desk.account.pk, Reports(trades=(late,)))

    assert desk.positions()[0].qty == 3
    assert len(desk.positions()) == 1
    assert differences(desk) == []


def test_an_order_without_fills_is_assigned_and_nothing_is_booked(desk):
    order = desk.adopt(desk.foreign("buy", "1"))
    strategy = desk.strategy().pk

    answer = desk.reassign(order, to=strategy)

    assert (answer["orders_updated"], answer["deals_relinked"]) == (1, 0)
    assert desk.fresh(order).strategy_id == strategy
    assert differences(desk) == []


def test_several_orders_of_several_symbols_go_at_once(desk):
    desk.bought("2")
    first = desk.external("sell", "1", "105")
    desk.symbol = SPOT
    second, third = desk.external("buy", "1", "95"), desk.external("buy", "2", "96")

    answer = desk.reassign(first, second, third, to=0)

    assert answer["orders_updated"] == 3
    assert [item["order_id"] for item in answer["items"]] == [second.pk, third.pk, first.pk]
    assert [(row.symbol, row.qty) for row in desk.positions()] == [(first.symbol, 1), (SPOT, 3)]
    assert differences(desk) == []


def test_on_spot_the_dust_record_is_what_it_would_have_been(new_desk):
    """As a close of a short, a buy's base fee leaves the dust record instead of the volume."""
    desk = new_desk(SPOT, position_mode="strategy_netting")
    one, other = desk.strategy().pk, desk.strategy().pk
    desk.bought("2", strategy_id=one)
    short = desk.filled("sell", "1", "110", strategy_id=other).position
    fee = {"fee": Decimal("0.001"), "fee_currency": "BTC"}
    order = desk.adopt(desk.foreign("buy", "1", ("1", "105"), fees=fee))
    before = order.position.qty

    desk.reassign(order, to=other)

    assert before == Decimal("0.999")
    assert (desk.fresh(short).qty, desk.fresh(short).profit) == (0, 5)
    assert Dust.objects.get().qty == Decimal("-0.001")
    assert differences(desk) == []


# --- strategies ---


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


# --- hedge ---


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


# --- funding in the range ---


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


# --- preview ---


def test_a_preview_answers_the_same_and_changes_nothing(desk):
    desk.bought("1")
    order = desk.external("sell", "2", "105")
    before = list(Deal.objects.values()), list(Position.objects.values()), desk.events()

    preview = desk.reassign(order, to=0, preview=True)
    after = list(Deal.objects.values()), list(Position.objects.values()), desk.events()
    traces = AuditEntry.objects.filter(action="orders_reassigned").count()
    real = desk.reassign(order, to=0)

    assert after == before
    assert traces == 0
    assert preview["preview"] is True
    for name in ("orders_updated", "deals_relinked", "positions_rebuilt"):
        assert preview[name] == real[name]
    assert preview["items"][0]["position_id"] == real["items"][0]["position_id"]


def test_a_preview_knows_no_id_of_what_is_not_there_yet(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one, other = desk.strategy().pk, desk.strategy().pk
    desk.bought("1", strategy_id=one)
    order = desk.filled("buy", "2", strategy_id=one)

    preview = desk.reassign(
        order, to=other, caller=desk.caller_with(Role.ADMIN), override=True, preview=True
    )

    assert preview["items"][0]["position_id"] is None
    assert preview["items"][0]["previous_position_id"] == order.position_id


# --- filters ---


def test_filters_take_the_unassigned_orders_that_match(desk):
    desk.bought("1")
    first, second = desk.external("sell", "1"), desk.external("sell", "1")
    desk.symbol = SPOT
    other = desk.external("buy", "1")
    wish = Reassign(0, filters=OrderFilter((desk.account.pk,), symbol=first.symbol))

    answer = reassign(wish, desk.caller)
    again = reassign(wish, desk.caller)

    assert [item["order_id"] for item in answer["items"]] == [first.pk, second.pk]
    assert desk.fresh(other).reconciled is False
    assert (again["orders_updated"], again["items"]) == (0, [])


def test_filters_know_days(desk):
    order = desk.external("sell", "1")
    today = order.created_at.date()
    accounts = (desk.account.pk,)

    before = reassign(Reassign(0, filters=OrderFilter(accounts, end_date=NOON.date())), desk.caller)
    that_day = OrderFilter(accounts, start_date=today, end_date=today)
    found = reassign(Reassign(0, filters=that_day), desk.caller)

    assert before["orders_updated"] == 0
    assert [item["order_id"] for item in found["items"]] == [order.pk]


def test_two_accounts_go_together_or_not_at_all(desk, new_desk):
    other = new_desk()
    first, second = desk.external("sell", "1"), other.external("sell", "1")
    other.close(other.bought("1"), type="limit", price="150")
    boss = desk.caller_with(Role.ADMIN)
    wish = Reassign(0, filters=OrderFilter((desk.account.pk, other.account.pk)))

    with pytest.raises(Conflict):
        reassign(wish, boss)

    assert [desk.fresh(row).reconciled for row in (first, second)] == [False, False]
