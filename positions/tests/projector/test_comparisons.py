"""A difference is a case while it lasts, explained, and over when it is found no more."""

from decimal import Decimal

import pytest

from accounts.audit import OPERATOR
from positions.engine.drift import Difference, Finding
from positions.engine.explaining import unshown
from positions.engine.types import CaseAction, CaseKind, OrderStatus
from positions.models import Case, Event
from positions.projector.comparisons import explained, external_positions, note_comparison
from positions.services.decide_case import Decision, decide
from positions.tests.fakes import LINEAR

D = Decimal
EVERYTHING = (Finding.POSITION, Finding.BALANCE, Finding.ORDER_UNKNOWN)


def differs(venue: str, ours: str = "0", symbol: str = LINEAR) -> Difference:
    return Difference(Finding.POSITION, symbol, D(ours), D(venue))


@pytest.fixture
def note(desk):
    def note(*differences: Difference, looked_at=EVERYTHING, also=()):
        found = (*explained(desk.account.pk, differences), *also)
        return note_comparison(desk.account.pk, looked_at, found, tick={"run_id": 7})

    return note


def cases(desk) -> list[Case]:
    return list(Case.objects.filter(account=desk.account).order_by("id"))


def test_a_difference_is_one_case_however_often_it_is_found(desk, note):
    first, again = note(differs("2")), note(differs("2"))

    (case,) = cases(desk)
    assert (case.kind, case.finding, case.action) == ("unexplained", "position", "book_fill")
    assert case.facts == {"ours": "0", "exchange": "2", "amount": "2", "booked_until": 0}
    assert ((first.opened, first.open), (again.opened, again.open)) == ((1, 1), (0, 1))
    assert desk.events() == ["mismatch_opened", "reconciliation_tick", "reconciliation_tick"]


def test_another_amount_is_told_in_the_same_case(desk, note):
    note(differs("2"))
    note(differs("3"))

    (case,) = cases(desk)
    assert case.facts["amount"] == "3"
    assert desk.events().count("mismatch_opened") == 2


def test_what_is_found_no_more_is_over(desk, note):
    note(differs("2"), differs("1", symbol="ETH/USDT:USDT"))
    gone = note(differs("2"))

    stays, over = cases(desk)
    assert (gone.resolved, gone.open) == (1, 1)
    assert (stays.state, over.state, over.owner) == ("open", "resolved", None)
    assert desk.events()[-2:] == ["mismatch_resolved", "reconciliation_tick"]


def test_not_asked_is_not_gone(desk, note):
    note(differs("2"))
    silent = note(looked_at=(Finding.BALANCE,))

    assert (silent.resolved, silent.open) == (0, 1)
    assert cases(desk)[0].state == "open"


def test_cases_of_the_booking_are_left_alone(desk, note):
    desk.filled("buy", "1")
    Case.objects.create(account=desk.account, kind=CaseKind.OVER_CLOSE, subject="position 1",
                        opened_at=desk.positions()[0].opened_at)  # fmt: skip
    note()

    assert cases(desk)[0].state == "open"


def test_an_order_in_doubt_explains_its_symbol_and_its_money(desk, note):
    desk.bought("1")
    order = desk.send()
    desk.claim()

    note(differs("2", "1"), Difference(Finding.BALANCE, "USDT", D(0), D(-100)))

    assert {(case.kind, case.action) for case in cases(desk)} == {
        (CaseKind.MISSING_FILL, CaseAction.NOTE)
    }
    assert all(str(order.pk) in case.explanation for case in cases(desk))


def test_fills_that_are_not_booked_yet_explain_it_too(desk, note):
    desk.bought("1")
    order = desk.rest(qty="3")
    desk.report(order, OrderStatus.PARTIALLY_FILLED, "2")

    note(differs("3", "1"))

    assert cases(desk)[0].kind == CaseKind.MISSING_FILL


def test_an_order_that_is_not_shown_is_a_case_of_its_own(desk, note):
    note(also=[unshown(LINEAR, "17", "does not show it")])
    note()

    (case,) = cases(desk)
    assert (case.subject, case.state) == (f"order 17 of {LINEAR}", "resolved")


def test_every_round_is_told_with_what_is_open(desk, note):
    note(differs("2"))

    told = Event.objects.filter(account=desk.account, event="reconciliation_tick").get()
    assert told.payload == {"run_id": 7, "open_cases": 1}


def test_what_the_exchange_rounds_makes_no_other_case_of_it(desk, note):
    def owned(venue: str) -> Difference:
        return Difference(Finding.BALANCE, "USDT", D(0), D(venue), D("0.01"))

    note(owned("5"))
    note(owned("5.02"))
    kept = cases(desk)[0].facts["amount"]
    note(owned("5.03"))

    assert (kept, cases(desk)[0].facts["amount"]) == ("5", "5.03")
    assert desk.events().count("mismatch_opened") == 2


def unowned(desk, note):
    note(looked_at=(Finding.EXTERNAL_POSITION,), also=external_positions(desk.account.pk))


def test_positions_that_are_nobodys_are_one_case_per_symbol_until_somebody_has_them(desk, note):
    first = desk.external("buy", "2")
    unowned(desk, note)
    second = desk.external("sell", "0.5")
    unowned(desk, note)

    (case,) = cases(desk)
    assert (case.kind, case.subject) == ("external_trade", f"external positions in {LINEAR}")
    assert (case.facts["net"], case.facts["order_ids"]) == ("1.5", [first.pk, second.pk])
    assert desk.events().count("mismatch_opened") == 2

    desk.reassign(first, second, to=0)
    unowned(desk, note)
    assert desk.fresh(case).state == "resolved"


def test_what_was_acknowledged_comes_back_only_with_something_new(desk, note):
    desk.external("buy", "2")
    unowned(desk, note)
    decide(cases(desk)[0].pk, Decision(CaseAction.ACKNOWLEDGE, "mine, by hand"), OPERATOR)

    unowned(desk, note)
    quiet = len(cases(desk))
    desk.external("buy", "1")
    unowned(desk, note)

    assert (quiet, [case.state for case in cases(desk)]) == (1, ["resolved", "open"])


def test_what_went_by_itself_was_not_acknowledged(desk, note):
    desk.external("buy", "2")
    unowned(desk, note)
    note(looked_at=(Finding.EXTERNAL_POSITION,))
    unowned(desk, note)

    assert [case.state for case in cases(desk)] == ["resolved", "open"]
