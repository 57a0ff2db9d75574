"""A change, its events and its announcement are one."""

from decimal import Decimal

import pytest

from positions.models import AccountLane, Event
from positions.outbox import holding
from positions.relay import News, hub


@pytest.fixture
def heard():
    """The news of this process."""
    news: list[News] = []
    with hub().listening(news.append):
        yield news


def test_events_are_numbered_and_announced_after_the_commit(
    desk, heard, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), holding(desk.account.pk) as lane:
        lane.tell("one", {})
        lane.tell("two", {}, strategy_id=7, namespace="risk")
        early = list(heard)

    rows = Event.objects.order_by("seq").values_list("seq", "event", "strategy_id", "namespace")
    assert list(rows) == [(1, "one", 0, "position"), (2, "two", 7, "risk")]
    assert (early, heard) == ([], [News(desk.account.pk, 2)])


def test_an_exception_undoes_counters_and_events(desk, heard):
    def break_half_way():
        with holding(desk.account.pk) as lane:
            lane.tell("one", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_half_way()

    assert not Event.objects.exists()
    assert not AccountLane.objects.filter(last_seq__gt=0).exists()
    assert heard == []


def test_nothing_is_announced_where_nothing_happened(
    desk, heard, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), holding(desk.account.pk):
        pass

    assert heard == []


def test_settled_commands_are_announced(desk, heard, django_capture_on_commit_callbacks):
    order = desk.send()
    desk.claim()

    with django_capture_on_commit_callbacks(execute=True):
        desk.fill(order, "1")

    assert [news.command_ids for news in heard] == [(order.command_id,)]


def test_inside_decimals_keep_fifty_digits(desk):
    with holding(desk.account.pk):
        total = Decimal("12345678901234567890.123456789012345678") + Decimal("1E-18")

    assert total == Decimal("12345678901234567890.123456789012345679")


def test_each_account_counts_for_itself(desk, new_desk):
    other = new_desk()
    desk.send()
    other.send()

    assert list(Event.objects.values_list("seq", flat=True)) == [1, 1]


def test_a_lane_is_made_with_its_account_or_at_its_first_use(desk):
    made = AccountLane.objects.filter(pk=desk.account.pk).exists()
    AccountLane.objects.all().delete()

    desk.send()

    assert made
    assert AccountLane.objects.get().last_seq == 1
