"""Which orders does a reassign mean, and what would it do?"""

import pytest

from accounts.models import AuditEntry
from accounts.words import Role
from oms_project.errors import (
    Conflict,
)
from positions.commands import OrderFilter, Reassign
from positions.models import Deal, Position
from positions.services.reassign import reassign
from positions.tests.desk import NOON
from positions.tests.fakes import SPOT


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
    other.close(other.bought("2"), type="limit", price="150")
    boss = desk.caller_with(Role.ADMIN)
    wish = Reassign(0, filters=OrderFilter((desk.account.pk, other.account.pk)))

    with pytest.raises(Conflict):
        reassign(wish, boss)

    assert [desk.fresh(row).reconciled for row in (first, second)] == [False, False]
