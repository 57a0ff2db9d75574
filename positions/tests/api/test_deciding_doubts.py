"""``POST /oms/reconcile/cases/{id}/resolve`` about an order in doubt: ``adopt`` and ``give_up``."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.tests import builders
from accounts.words import Role
from positions import projector
from positions.engine.types import OrderStatus, OrderType, Side
from positions.models import Case, Order
from positions.projector.unclear import doubts
from positions.reports import OrderReport
from positions.tests.api.conftest import Api
from positions.tests.fakes import LINEAR

ADOPT = {"action": "adopt", "exchange_order_id": "x1", "comment": "seen on their pages"}
GIVE_UP = {"action": "give_up", "comment": "not on their pages"}


def there(name, **facts):
    """An order that the exchange shows, and that the one in doubt may be."""
    known = {"side": Side.BUY, "qty": Decimal(1), "order_type": OrderType.MARKET} | facts
    return OrderReport(
        symbol=LINEAR,
        exchange_order_id=name,
        client_order_id=None,
        status=OrderStatus.SUBMITTED,
        filled_qty=Decimal(0),
        placed_at=timezone.now(),
        **known,
    )


@pytest.fixture
def case(desk, venue) -> Case:
    """An order in doubt, of which the exchange shows two that it may be."""
    return _in_doubt(desk, venue, desk.send())


def _in_doubt(desk, venue, order) -> Case:
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.instruction.fence)
    shown = [there("x1"), there("x2")]
    venue.there = {(LINEAR, one.exchange_order_id): one for one in shown}
    for _ in range(2):
        doubts.judge(
            order.pk,
            shown,
            venue.market(desk.account.pk, LINEAR),
            exchange_now=timezone.now() + timedelta(seconds=60),
            ahead=timedelta(0),
            window=timedelta(seconds=8),
        )
    return Case.objects.get(order=order)


@pytest.fixture
def officer(desk) -> Api:
    """The risk desk's key on the account."""
    return Api(builders.key(builders.user("officer", Role.RISK), desk.account))


def resolve(api, case, body):
    return api.post(body, path=f"/oms/reconcile/cases/{case.pk}/resolve")


def order_of(case):
    return Order.objects.get(pk=case.order_id)


def test_the_list_offers_both_with_the_candidates(officer, desk, case):
    (row,) = officer.items("/oms/reconcile/cases", account_ids=desk.account.pk)

    assert (row["kind"], row["order_id"], row["state"]) == ("unknown_order", case.order_id, "open")
    assert row["actions"] == ["adopt", "give_up", "acknowledge", "note"]
    assert [one["exchange_order_id"] for one in row["facts"]["candidates"]] == ["x1", "x2"]


def test_an_adopted_order_is_the_one_that_was_named(officer, case):
    answer = resolve(officer, case, ADOPT)

    row, order = answer.json(), order_of(case)
    assert answer.status_code == 200
    assert (row["state"], row["resolution"], row["owner"]) == ("resolved", "decided", "officer")
    assert (row["comment"], row["actions"]) == (ADOPT["comment"], [])
    assert (order.status, order.exchange_order_id) == ("SUBMITTED", "x1")
    assert order.note == f"Adopted by officer: {ADOPT['comment']}"
    entry = AuditEntry.objects.get(action="case_decided")
    assert (entry.user_name, entry.comment) == ("officer", ADOPT["comment"])
    assert entry.after["exchange_order_id"] == "x1"


def test_a_given_up_order_is_rejected_and_its_command_failed(officer, case):
    answer = resolve(officer, case, GIVE_UP)

    order = order_of(case)
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["resolution"]) == ("resolved", "decided")
    assert (order.status, order.note) == ("REJECTED", f"Given up by officer: {GIVE_UP['comment']}")
    assert order.command.status == "failed"


@pytest.mark.parametrize("body", [ADOPT, GIVE_UP], ids=["adopt", "give_up"])
def test_it_takes_the_risk_right_on_the_account(api, stranger, robot, case, body):
    trader, (other_robot, _, _) = api, robot

    told = [resolve(each, case, body) for each in (trader, other_robot, stranger)]

    assert [(answer.status_code, answer.json()["code"]) for answer in told] == [
        (403, "permission_denied"),
        (404, "not_found"),
        (404, "not_found"),
    ]
    assert order_of(case).status == "UNKNOWN"
    assert not AuditEntry.objects.filter(action="case_decided").exists()


@pytest.mark.parametrize("body", [ADOPT, GIVE_UP], ids=["adopt", "give_up"])
def test_a_robot_does_not_decide_about_its_own_order_and_an_admin_does(desk, venue, robot, body):
    api, own, _ = robot
    case = _in_doubt(desk, venue, desk.send(strategy_id=own))
    admin = Api(builders.key(builders.user("chief", Role.ADMIN)))

    refused = resolve(api, case, body)
    decided = resolve(admin, case, body)

    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert (decided.status_code, decided.json()["owner"]) == (200, "chief")


@pytest.mark.parametrize(
    ("body", "field", "limit", "value"),
    [
        (ADOPT | {"comment": ""}, "comment", "not empty", ""),
        ({"action": "adopt", "exchange_order_id": "x1"}, "comment", "required", None),
        ({"action": "give_up"}, "comment", "required", None),
        (GIVE_UP | {"comment": "x" * 256}, "comment", 255, 256),
        ({"action": "adopt", "comment": "so"}, "exchange_order_id", "required", None),
        (ADOPT | {"exchange_order_id": None}, "exchange_order_id", "required", None),
        (ADOPT | {"exchange_order_id": ""}, "exchange_order_id", "required", ""),
        (ADOPT | {"exchange_order_id": 7}, "exchange_order_id", "a string", "7"),
        (ADOPT | {"exchange_order_id": "x" * 129}, "exchange_order_id", 128, 129),
        (ADOPT | {"exchange_order_id": "x9"}, "exchange_order_id",
         "an order of the account there", "x9"),
        (ADOPT | {"exchange_order_id": "sold"}, "exchange_order_id", "buy", "sell"),
        (GIVE_UP | {"exchange_order_id": "x1"}, "exchange_order_id", ["adopt"], "x1"),
        (ADOPT | {"price": "1"}, "price", ["book_fill", "write_off"], "1"),
        (GIVE_UP | {"price": "1"}, "price", ["book_fill", "write_off"], "1"),
    ],
)  # fmt: skip
def test_a_bad_decision_names_what_is_wrong(officer, case, venue, body, field, limit, value):
    venue.there[LINEAR, "sold"] = there("sold", side=Side.SELL)

    answer = resolve(officer, case, body)

    details = answer.json()["details"]
    assert (answer.status_code, details["field"]) == (422, field)
    assert (details["limit"], details.get("value")) == (limit, value)
    assert order_of(case).status == "UNKNOWN"
    case.refresh_from_db()
    assert case.state == "open"


@pytest.mark.parametrize("first", [ADOPT, GIVE_UP], ids=["adopted", "given up"])
@pytest.mark.parametrize("body", [ADOPT, GIVE_UP], ids=["adopt", "give_up"])
def test_what_was_decided_already_is_a_conflict(officer, case, first, body):
    resolve(officer, case, first)
    before = order_of(case).status

    answer = resolve(officer, case, body)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert order_of(case).status == before


@pytest.mark.parametrize("body", [ADOPT, GIVE_UP], ids=["adopt", "give_up"])
def test_what_the_exchange_settled_meanwhile_is_a_conflict(officer, desk, case, body):
    desk.report(order_of(case), OrderStatus.SUBMITTED)

    answer = resolve(officer, case, body)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert order_of(case).status == "SUBMITTED"


def test_an_order_that_is_another_one_of_ours_is_a_conflict(officer, desk, venue, case):
    ours = desk.filled("buy", "1")
    venue.there[LINEAR, ours.exchange_order_id] = there(ours.exchange_order_id)

    answer = resolve(officer, case, ADOPT | {"exchange_order_id": ours.exchange_order_id})

    assert (answer.status_code, answer.json()["details"]["order_id"]) == (409, ours.pk)
    assert order_of(case).status == "UNKNOWN"
