"""Whatever is changed about a reassign, a forced close or a payment afterwards is named too."""

from decimal import Decimal

import pytest

from positions.models import Deal, Execution, JournalEntry, Order, Position
from positions.tests.ledger.checking import broken, differences, rebuilt

UNIT = Decimal("1e-18")


@pytest.fixture
def past(desk):
    """Long 1, an external sell of 2 that was given to the account, funding, a forced close."""
    desk.bought("1", "100")
    desk.order = desk.external("sell", "2", "105")
    desk.reassign(desk.order, to=0)
    desk.pay("-3")
    desk.liquidate("buy", "0.5", "120")
    return desk


def only(queryset, **facts):
    """Change one row behind the back of the program."""
    assert queryset.update(**facts) == 1


def test_an_honest_past_has_no_difference(past):
    assert differences(past) == []
    assert [(deal.booking_no, deal.kind) for deal in past.deals()] == [
        (1, "fill"),
        (4, "fill"),
        (5, "fill"),
        (7, "funding"),
        (8, "fill"),
    ]
    assert [deal.superseded_by for deal in past.superseded()] == [3]


def test_a_superseded_deal_brought_back_to_life_is_named(past):
    only(Deal.objects.filter(booking_no=2), superseded_by=None)

    assert "deal 2 superseded_by: null / 3" in rebuilt(past.account.pk)
    assert any("position" in line for line in broken(past.account.pk))


def test_a_live_deal_marked_as_superseded_is_found(past):
    only(Deal.objects.filter(booking_no=5), superseded_by=3)

    assert "superseded deals count: 2 / 1" in rebuilt(past.account.pk)
    assert any("qty" in line for line in broken(past.account.pk))


def test_a_superseded_deal_altered_by_the_smallest_unit_is_named(past):
    only(Deal.objects.filter(booking_no=2), price=Decimal(105) + UNIT)

    assert "deal 2 price: 105.000000000000000001 / 105" in rebuilt(past.account.pk)


def test_a_deals_cost_altered_by_the_smallest_unit_is_named_by_both(past):
    deal = past.deals()[0]
    only(Deal.objects.filter(pk=deal.pk), cost=deal.cost + UNIT)

    assert "deal 1 cost: 100.000000000000000001 / 100" in rebuilt(past.account.pk)
    assert f"position {deal.position_id} cost: 0 / 0.000000000000000001" in broken(past.account.pk)


@pytest.mark.parametrize(
    ("fact", "value"), [("strategy_id", 7), ("position_ids", []), ("order_ids", [])]
)
def test_a_reassign_written_anew_is_found(past, fact, value):
    entry = JournalEntry.objects.get(kind="reassign")
    only(JournalEntry.objects.filter(pk=entry.pk), facts=entry.facts | {fact: value})

    assert rebuilt(past.account.pk)


def test_a_missing_reassign_is_found_by_both(past):
    JournalEntry.objects.filter(kind="reassign").delete()

    assert "booking 3 row: missing / an execution or a journal entry" in "\n".join(
        line.replace("bookings 3 to 5", "booking 3") for line in rebuilt(past.account.pk)
    )
    assert "booking 3 row: missing / a row" in broken(past.account.pk)


@pytest.mark.parametrize(
    ("number", "facts"),
    [
        (1, {"external": True}),
        (2, {"external": False}),
        (3, {"forced": None}),
        (3, {"forced": "adl"}),
        (3, {"forced_step": Decimal("0.1")}),
    ],
)
def test_what_an_execution_rarely_says_is_in_the_chain(past, number, facts):
    only(Execution.objects.filter(number=number), **facts)

    assert any(f"execution {number} hash" in line for line in broken(past.account.pk))


def test_a_share_of_funding_altered_by_the_smallest_unit_is_named_by_both(past):
    only(Deal.objects.filter(kind="funding"), profit=Decimal(-3) + UNIT)

    assert "deal 7 profit: -2.999999999999999999 / -3" in rebuilt(past.account.pk)
    assert f"funding of {past.symbol} profit: -2.999999999999999999 / -3" in broken(past.account.pk)


def test_a_position_made_external_again_is_named(past):
    position = Order.objects.get(pk=past.order.pk).position_id
    only(Position.objects.filter(pk=position), is_external=True)

    assert f"position {position} is_external: True / False" in rebuilt(past.account.pk)
