"""A fill that the exchange reports and never lists: named, and booked."""

from decimal import Decimal

import pytest

from accounts.audit import OPERATOR
from oms_project.errors import Conflict
from positions.engine.types import CaseAction, OrderStatus
from positions.ledger.balances import net_positions
from positions.models import Case, Deal, Execution
from positions.outbox import holding
from positions.projector.reassign.settling import NAMED_AFTER
from positions.projector.unclear import missing
from positions.services.decide_case import Decision, decide
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR
from positions.tests.ledger.checking import differences
from positions.tests.projector.unclear.unlisted import booked, later, listed, unlisted

D = Decimal
AFTER_S = 60
FILLED, CANCELED = OrderStatus.FILLED, OrderStatus.CANCELED


@pytest.fixture
def hasty(db: None) -> Desk:
    """An account that books by itself after a minute."""
    return Desk(provisional_after_s=AFTER_S)


# --- before anything is booked ---


def test_an_order_that_owes_its_trades_is_a_case_after_a_while(desk):
    order = unlisted(desk)
    assert order.status == "SUBMITTED"
    later(1)
    assert not Case.objects.exists()

    later(NAMED_AFTER.total_seconds())
    later(NAMED_AFTER.total_seconds() + 1)

    (case,) = Case.objects.all()
    assert (case.kind, case.order, case.subject) == (
        "missing_fill", order, f"fills of order {order.pk}"
    )  # fmt: skip
    assert case.actions == [
        CaseAction.BOOK_PROVISIONAL, CaseAction.ACKNOWLEDGE, CaseAction.NOTE
    ]  # fmt: skip
    told = {name: case.facts[name] for name in ("missing_qty", "booked_qty", "average_price")}
    assert told == {"missing_qty": "2", "booked_qty": "0", "average_price": "100"}
    assert desk.positions() == []


def test_a_trade_that_comes_in_time_ends_the_case(desk):
    order = unlisted(desk)
    later(NAMED_AFTER.total_seconds())
    leg = desk.leg(order)
    leg.owes_since -= NAMED_AFTER
    leg.save()

    listed(desk, order, "2")

    assert desk.fresh(order).status == "FILLED"
    assert Case.objects.get().resolution == "gone"
    assert desk.leg(order).owes_since is None


def test_what_somebody_acknowledged_is_not_asked_again(desk):
    unlisted(desk)
    later(NAMED_AFTER.total_seconds())
    decide(Case.objects.get().pk, Decision(CaseAction.ACKNOWLEDGE, "by hand"), OPERATOR)

    later(3600)

    assert Case.objects.count() == 1


def test_an_order_that_lives_on_there_is_left_alone(hasty):
    order = hasty.send("buy", "2", price="100")
    hasty.claim()
    hasty.report(order, OrderStatus.PARTIALLY_FILLED, "1", average=D(100))

    later(3600)

    assert not Case.objects.exists()
    assert hasty.positions() == []
    with holding(hasty.account.pk) as lane, pytest.raises(Conflict):
        missing.book_provisionally(lane, hasty.leg(order), None)


def test_without_an_average_price_nothing_is_booked_and_it_is_said_why(hasty):
    order = hasty.send("buy", "2")
    hasty.claim()
    hasty.report(order, FILLED, "2")

    later(3600)

    wish = Decision(CaseAction.BOOK_PROVISIONAL, "so")
    with pytest.raises(Conflict) as refusal:
        decide(Case.objects.get().pk, wish, OPERATOR)
    assert refusal.value.details["field"] == "average"
    assert hasty.positions() == []


# --- one of many ---


TOO_MUCH = "9e19"  # Twice that is more than a column holds, so it cannot be booked.


def test_one_that_cannot_be_booked_is_named_and_holds_up_no_other(hasty):
    bad = unlisted(hasty, average=TOO_MUCH)
    good = unlisted(hasty)

    later(3600)
    later(3601)

    assert hasty.fresh(good).status == "FILLED"
    assert hasty.fresh(bad).status == "SUBMITTED"
    (case,) = Case.objects.open()
    assert case.order_id == bad.pk


def test_those_that_are_told_or_booked_do_not_stand_before_the_next(hasty, monkeypatch):
    monkeypatch.setattr(missing, "AT_ONCE", 1)
    patient = Desk()
    told, done = unlisted(patient), unlisted(hasty)
    for _ in range(3):
        later(3600)
    named, due = unlisted(patient), unlisted(hasty)

    for _ in range(3):
        later(3600)

    assert {case.order_id for case in Case.objects.open()} == {told.pk, named.pk}
    assert [hasty.fresh(order).status for order in (done, due)] == ["FILLED", "FILLED"]


# --- booked ---


def test_a_person_books_it_at_the_orders_average(desk):
    order = booked(desk)

    (execution,), (deal,) = Execution.objects.all(), desk.deals()
    leg = desk.leg(order)
    assert (order.status, order.provisional, order.filled_qty, order.fee) == (
        "FILLED", True, D(2), None
    )  # fmt: skip
    assert (execution.exchange_trade_id, execution.price, execution.fee) == (
        f"provisional-{leg.pk}", D(100), None
    )  # fmt: skip
    assert (deal.qty, deal.reconciled, deal.fee) == (D(2), False, None)
    assert Case.objects.get().resolution == "decided"
    assert desk.events().count("mismatch_resolved") == 1
    assert net_positions(desk.account.pk) == {LINEAR: D(2)}
    assert differences(desk) == []


def test_the_account_books_it_after_its_time_and_once(hasty):
    order = unlisted(hasty)
    later(AFTER_S - 1)
    assert not hasty.fresh(order).provisional

    later(AFTER_S)
    later(AFTER_S * 2)

    assert hasty.fresh(order).status == "FILLED"
    assert [deal.qty for deal in hasty.deals()] == [D(2)]
    assert Case.objects.get().comment == f"Booked provisionally after {AFTER_S} s."


def test_only_what_is_missing_is_booked(desk):
    order = desk.send("buy", "2")
    desk.claim()
    first = desk.trade(order, "0.5", "98")
    desk.report(order, FILLED, "2", trades=[first], average=D(100))
    later(NAMED_AFTER.total_seconds())

    decide(Case.objects.get().pk, Decision(CaseAction.BOOK_PROVISIONAL, "so"), OPERATOR)

    assert [(deal.qty, deal.price) for deal in desk.deals()] == [(D("0.5"), 98), (D("1.5"), 100)]
    assert desk.fresh(order).filled_qty == 2


def test_a_canceled_order_keeps_its_end(desk):
    order = desk.send("buy", "2", price="100")
    desk.claim()
    desk.report(order, CANCELED, "1", average=D(100))
    later(NAMED_AFTER.total_seconds())

    decide(Case.objects.get().pk, Decision(CaseAction.BOOK_PROVISIONAL, "so"), OPERATOR)

    order = desk.fresh(order)
    assert (order.status, order.filled_qty, order.provisional) == ("CANCELED", D(1), True)


# --- crashes ---


def test_a_crash_while_booking_books_nothing_and_the_next_sweep_does(hasty, stumbles):
    unlisted(hasty)
    stumbles()
    later(AFTER_S)
    assert Deal.objects.count() == 0
    assert Case.objects.open().exists()

    later(AFTER_S)

    assert [deal.qty for deal in hasty.deals()] == [D(2)]
    assert not Case.objects.open().exists()
    assert differences(hasty) == []
