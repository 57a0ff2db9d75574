"""Money that positions pay and earn for being open."""

from datetime import timedelta
from decimal import Decimal

import pytest

from positions import projector
from positions.models import Case, Deal, Funding, JournalEntry, Position
from positions.reports import Reports
from positions.tests.desk import NOON
from positions.tests.fakes import INVERSE
from positions.tests.ledger.checking import differences


@pytest.fixture
def hedge(new_desk):
    """Long 3, short 1, long 1: the exchange's net is 3."""
    desk = new_desk(position_mode="hedge")
    desk.bought("3")
    desk.filled("sell", "1")
    desk.external("buy", "1")
    return desk


def shares(desk):
    return [deal.profit for deal in desk.deals() if deal.kind == "funding"]


def test_each_open_position_gets_its_share_and_the_largest_the_remainder(hedge):
    hedge.pay("-10")

    third = Decimal("-3.333333333333333333")
    assert shares(hedge) == [Decimal(-10), -third, third]
    assert [row.profit for row in Position.objects.order_by("id")] == [Decimal(-10), -third, third]
    assert differences(hedge) == []


def test_the_sum_is_the_venues_to_the_last_digit(hedge):
    hedge.pay("0.000000000000000007")

    assert sum(shares(hedge)) == Decimal("0.000000000000000007")
    assert differences(hedge) == []


def test_a_share_is_a_deal_without_quantity_price_and_entry(desk):
    position = desk.bought("1")

    report = desk.pay("2.5")

    deal = desk.deals()[-1]
    assert (deal.kind, deal.qty, deal.price, deal.entry) == ("funding", 0, None, None)
    assert (deal.position, deal.reason, deal.profit) == (position, "funding", Decimal("2.5"))
    assert (deal.exchange_trade_id, deal.executed_at) == (
        report.exchange_funding_id,
        report.paid_at,
    )
    assert desk.events()[-2:] == ["deal_created", "position_updated"]


def test_a_payment_is_booked_once(desk):
    desk.bought("1")
    report = desk.pay("2.5")

    for _ in range(2):
        projector.apply(desk.account.pk, Reports(fundings=(report,)))

    assert Funding.objects.count() == JournalEntry.objects.count() == 1
    assert shares(desk) == [Decimal("2.5")]


def test_the_same_id_on_another_symbol_is_another_payment(desk):
    desk.bought("1")
    desk.pay("2.5", exchange_funding_id="f")

    desk.symbol = INVERSE
    desk.bought("1")
    desk.pay("1", exchange_funding_id="f", currency="BTC")

    assert shares(desk) == [Decimal("2.5"), 1]


def test_a_late_report_goes_to_what_was_open_then(desk):
    """Long 1 at the time; closed and opened larger the other way since."""
    then = desk.bought("1")
    at = NOON + timedelta(seconds=next(desk.seconds))
    desk.filled("sell", "1", "110")
    desk.filled("sell", "5", "110")

    desk.pay("4", at=at)

    assert shares(desk) == [4]
    assert desk.deals()[-1].position == then
    assert (desk.fresh(then).state, desk.fresh(then).profit) == ("closed", 14)
    assert differences(desk) == []


def test_a_merge_since_then_changes_nothing_about_then(new_desk):
    desk = new_desk(position_mode="hedge")
    source, target = desk.bought("1"), desk.bought("3")
    at = NOON + timedelta(seconds=next(desk.seconds))
    desk.give("merge_positions", source_position_id=source.pk, target_position_id=target.pk)

    desk.pay("8", at=at)

    assert (desk.fresh(source).profit, desk.fresh(target).profit) == (2, 6)
    assert desk.fresh(source).state == "merged"
    assert differences(desk) == []


@pytest.mark.parametrize("sides", [(), ("buy", "sell")])
def test_money_that_no_position_explains_is_a_case(new_desk, sides):
    desk = new_desk(position_mode="hedge")
    for side in sides:
        desk.filled(side, "1")

    report = desk.pay("4")

    case = Case.objects.get()
    assert (case.kind, case.subject) == ("funding", f"funding {report.exchange_funding_id}")
    assert (case.symbol, case.facts["amount"]) == (desk.symbol, "4")
    assert not Deal.objects.filter(kind="funding").exists()
    assert differences(desk) == []


def test_no_money_is_no_case(desk):
    desk.pay("0")

    assert Funding.objects.exists()
    assert not Case.objects.exists()


def test_a_payment_in_another_currency_is_nobodys_share(desk):
    desk.bought("1")

    desk.pay("0.1", currency="BNB")

    assert shares(desk) == []
    assert Case.objects.get().facts["currency"] == "BNB"
    assert differences(desk) == []
