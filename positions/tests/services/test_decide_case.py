"""What a person decides is booked once, and the books agree afterwards."""

from decimal import Decimal

import pytest

from accounts.audit import OPERATOR, Actor
from accounts.models import AuditEntry
from oms_project.errors import Conflict, Invalid, NotFound
from positions.engine.drift import Difference, Finding
from positions.engine.types import CaseAction, CaseKind
from positions.ledger.balances import balances, net_positions
from positions.models import Case, Order, Transfer
from positions.outbox import holding
from positions.projector.cases import open_case
from positions.projector.comparisons import explained, note_comparison
from positions.services.decide_case import Decision, decide
from positions.tests.fakes import LINEAR

D = Decimal


@pytest.fixture
def found(desk):
    """Have a comparison find differences; returns their cases."""

    def found(*differences: Difference) -> list[Case]:
        told = explained(desk.account.pk, differences)
        note_comparison(desk.account.pk, (Finding.POSITION, Finding.BALANCE), told, tick={})
        return list(Case.objects.open().filter(account=desk.account).order_by("id"))

    return found


def money(venue: str, ours: str = "0") -> Difference:
    return Difference(Finding.BALANCE, "USDT", D(ours), D(venue))


def hidden(venue: str, ours: str = "0") -> Difference:
    return Difference(Finding.POSITION, LINEAR, D(ours), D(venue))


def by(desk) -> Actor:
    return Actor(desk.user.pk, desk.user.username)


def test_a_transfer_is_in_the_balances_from_then_on(desk, found):
    (case,) = found(money("250.5"))
    before = balances(desk.account.pk).get("USDT", D(0))

    row = decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "deposit of Monday"), by(desk))

    assert (row["state"], row["owner"], row["actions"]) == ("resolved", desk.user.username, [])
    assert row["comment"] == "deposit of Monday"
    assert balances(desk.account.pk)["USDT"] - before == D("250.5")
    assert desk.events()[-1] == "mismatch_resolved"


def test_a_hidden_fill_becomes_an_external_order_that_can_be_reassigned(desk, found):
    own = desk.bought("1", "100")
    (case,) = found(hidden("-0.5", "1"))

    decide(case.pk, Decision(CaseAction.BOOK_FILL, "seen on the web page", D(90)), by(desk))

    order = Order.objects.get(account=desk.account, reason="external")
    assert (order.side, order.qty, order.avg_fill_price) == ("sell", D("1.5"), D(90))
    assert (order.reconciled, order.status) == (False, "FILLED")
    assert order.note == f"Booked by case {case.pk}: seen on the web page"
    assert net_positions(desk.account.pk) == {LINEAR: D("-0.5")}
    desk.reassign(order, to=0)
    assert desk.fresh(own).state == "closed"
    assert net_positions(desk.account.pk) == {LINEAR: D("-0.5")}


def test_without_a_price_the_last_one_counts(desk, found, venue):
    desk.bought("1", "100")
    venue.prices[LINEAR] = D(77)
    (case,) = found(hidden("3", "1"))

    decide(case.pk, Decision(CaseAction.BOOK_FILL, "so"), by(desk))

    assert Order.objects.get(account=desk.account, reason="external").avg_fill_price == D(77)


def test_no_price_at_all_is_a_conflict_that_says_so(desk, found):
    (case,) = found(hidden("3"))

    with pytest.raises(Conflict) as refusal:
        decide(case.pk, Decision(CaseAction.BOOK_FILL, "so"), by(desk))

    assert refusal.value.details["field"] == "price"
    assert desk.fresh(case).state == "open"


def test_fills_booked_since_the_comparison_come_first(desk, found):
    (case,) = found(hidden("3"))
    desk.bought("3", "100")

    with pytest.raises(Conflict):
        decide(case.pk, Decision(CaseAction.BOOK_FILL, "so", D(100)), by(desk))

    assert net_positions(desk.account.pk) == {LINEAR: D(3)}


def test_a_decision_is_made_once(desk, found):
    (case,) = found(money("5"))
    decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "once"), by(desk))

    with pytest.raises(Conflict):
        decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "twice"), by(desk))

    assert Transfer.objects.get().amount == D(5)


def test_who_looks_after_a_case_is_noted_and_it_stays_open(desk, found):
    (case,) = found(money("5"))

    row = decide(case.pk, Decision(CaseAction.NOTE, "asked support"), by(desk))

    assert (row["state"], row["owner"]) == ("open", desk.user.username)
    assert found(money("5"))[0].comment == "asked support"
    found()
    assert desk.fresh(case).owner == desk.user


def test_a_case_of_the_booking_is_acknowledged_and_nothing_is_booked(desk):
    with holding(desk.account.pk) as lane:
        case = open_case(lane, CaseKind.UNCLOSABLE, "position 3")

    row = decide(case.pk, Decision(CaseAction.ACKNOWLEDGE, "sold by hand"), OPERATOR)

    assert (row["state"], row["owner"]) == ("resolved", None)
    assert "worth less" in row["explanation"]


@pytest.mark.parametrize("action", [CaseAction.BOOK_FILL, CaseAction.ACKNOWLEDGE])
def test_only_what_a_case_offers_can_be_decided(desk, found, action):
    (case,) = found(money("5"))

    with pytest.raises(Invalid) as refusal:
        decide(case.pk, Decision(action, "so"), by(desk))

    assert refusal.value.details["limit"] == ["book_transfer", "note"]


def test_a_price_is_for_fills_only(desk, found):
    (case,) = found(money("5"))

    with pytest.raises(Invalid):
        decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "so", D(1)), by(desk))


def test_a_case_that_is_not_there(db):
    with pytest.raises(NotFound):
        decide(10**9, Decision(CaseAction.NOTE, "so"), OPERATOR)


def test_the_trail_names_who_decided_what(desk, found):
    (case,) = found(money("5"))
    decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "deposit"), by(desk))

    entry = AuditEntry.objects.get(action="case_decided")
    assert (entry.user_name, entry.object_id, entry.comment) == (
        desk.user.username, str(case.pk), "deposit"
    )  # fmt: skip
    assert entry.after["facts"]["amount"] == "5"
