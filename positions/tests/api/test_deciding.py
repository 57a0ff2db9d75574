"""``POST /oms/reconcile/cases/{id}/resolve``."""

from decimal import Decimal

import pytest

from accounts.tests import builders
from accounts.words import Role
from positions.engine.drift import Difference, Finding
from positions.engine.types import CaseKind, CaseState
from positions.ledger.balances import balances
from positions.models import Case
from positions.outbox import holding
from positions.projector.cases import open_case
from positions.projector.comparisons import explained, note_comparison
from positions.tests.api.conftest import Api


@pytest.fixture
def case(desk) -> Case:
    """The exchange has 25 USDT more than the books."""
    found = explained(
        desk.account.pk, [Difference(Finding.BALANCE, "USDT", Decimal(0), Decimal(25))]
    )
    note_comparison(desk.account.pk, [Finding.BALANCE], found, tick={})
    return Case.objects.get()


def resolve(api: Api, case: Case, **body):
    return api.post(body, path=f"/oms/reconcile/cases/{case.pk}/resolve")


def test_the_proposed_action_is_accepted_with_a_comment(api, desk, case):
    before = api.items("/oms/reconcile/cases", account_ids=desk.account.pk)[0]

    answer = resolve(api, case, action=before["action"], comment="deposit of today")

    assert before["actions"] == ["book_transfer", "acknowledge", "note"]
    assert "25 USDT more" in before["explanation"]
    assert answer.status_code == 200
    assert answer.json()["state"] == "resolved"
    assert balances(desk.account.pk)["USDT"] == 25


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "action"),
        ({"action": "flatten", "comment": "so"}, 422, "action"),
        ({"action": "book_fill", "comment": "so"}, 422, "action"),
        ({"action": "acknowledge", "comment": "so", "price": "1"}, 422, "price"),
        ({"action": "book_transfer"}, 422, "comment"),
        ({"action": "book_transfer", "comment": ""}, 422, "comment"),
        ({"action": "book_transfer", "comment": "so", "price": "1"}, 422, "price"),
        ({"action": "book_transfer", "comment": "so", "amount": "1"}, 422, "amount"),
    ],
)
def test_a_bad_decision_is_refused_and_nothing_is_booked(api, desk, case, body, status, field):
    answer = resolve(api, case, **body)

    assert (answer.status_code, answer.json()["details"]["field"]) == (status, field)
    assert balances(desk.account.pk) == {}
    assert desk.fresh(case).state == "open"


def test_what_takes_the_risk_right_is_refused_whether_or_not_the_case_offers_it(api, case):
    answer = resolve(api, case, action="write_off", comment="so")

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    case.refresh_from_db()
    assert case.state == CaseState.OPEN


def test_a_resolved_case_is_a_conflict(api, case):
    resolve(api, case, action="book_transfer", comment="once")

    assert resolve(api, case, action="book_transfer", comment="twice").status_code == 409


def test_a_restricted_key_decides_about_its_own_strategies_only(robot, desk, case):
    api, own, _ = robot
    with holding(desk.account.pk) as lane:
        mine = open_case(lane, CaseKind.UNCLOSABLE, "position 1", strategy_id=own)

    assert resolve(api, mine, action="acknowledge", comment="sold").status_code == 200
    assert resolve(api, case, action="book_transfer", comment="so").status_code == 404


def test_an_admin_decides_on_every_account_and_a_stranger_on_none(stranger, case):
    admin = Api(builders.key(builders.user("chief", Role.ADMIN)))

    assert resolve(stranger, case, action="note", comment="mine?").status_code == 404
    assert resolve(admin, case, action="note", comment="asked them").json()["owner"] == "chief"


def test_a_case_that_never_was(api):
    answer = api.post({"action": "note", "comment": "so"}, path="/oms/reconcile/cases/9/resolve")

    assert answer.status_code == 404
