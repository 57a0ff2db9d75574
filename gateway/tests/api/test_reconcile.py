"""``/oms/reconcile``: asking for runs, and how fresh accounts are."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests import builders
from accounts.words import Role
from gateway import runs
from gateway.models import ReconcileRun
from gateway.runs import Asked
from gateway.words import RunState, Scope
from positions.engine.types import CaseKind
from positions.outbox import holding
from positions.projector.cases import open_case
from positions.tests.desk import Desk
from positions.tests.fakes import SPOT

pytestmark = pytest.mark.django_db(transaction=True)


class Rest:
    """A client with one key."""

    def __init__(self, key: builders.IssuedKey) -> None:
        self._client = Client(headers={"x-api-key": key.plain})

    def post(self, **body):
        return self._client.post(
            "/oms/reconcile", json.dumps(body), content_type="application/json"
        )

    def status(self, account_id: int | None = None, **query):
        path = f"/oms/reconcile/{account_id}/status" if account_id else "/oms/reconcile/status"
        answer = self._client.get(path, query)
        assert answer.status_code == 200, answer.content
        return answer.json()


@pytest.fixture
def rest(desk) -> Rest:
    """Somebody who may read the account."""
    return Rest(builders.key(desk.user, desk.account))


def succeeded(desk: Desk, ago_s: float = 0, scope: Scope = Scope.SHORT) -> ReconcileRun:
    run = runs.begin(desk.account.pk, Asked(scope))
    runs.succeed(run.pk, {"orders": 1})
    at = timezone.now() - timedelta(seconds=ago_s)
    ReconcileRun.objects.filter(pk=run.pk).update(finished_at=at)
    return run


def test_a_run_is_asked_for_and_waits_for_the_worker(rest, desk):
    answer = rest.post(account_id=desk.account.pk, scope="hourly")

    assert answer.status_code == 202
    (run_id,) = answer.json()["run_ids"]
    run = ReconcileRun.objects.get(pk=run_id)
    assert (run.scope, run.state, run.requested_by) == ("hourly", "pending", desk.user)
    assert (run.since, run.until) == (None, None)


def test_without_an_account_all_that_may_be_read_are_meant(rest, desk):
    other = builders.account("another")
    Rest(builders.key(desk.user, other))

    assert len(rest.post(scope="short").json()["run_ids"]) == 1
    both = Rest(builders.key(desk.user, desk.account, other))
    assert len(both.post(scope="long").json()["run_ids"]) == 2


def test_a_period_is_whole_utc_days(rest, desk):
    (run_id,) = rest.post(
        account_ids=[desk.account.pk], scope="period", start_date="2026-01-30",
        end_date="2026-01-31",
    ).json()["run_ids"]  # fmt: skip

    run = ReconcileRun.objects.get(pk=run_id)
    assert (run.since.isoformat(), run.until.isoformat()) == (
        "2026-01-30T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "scope"),
        ({"scope": "weekly"}, "scope"),
        ({"scope": "period"}, "start_date"),
        ({"scope": "short", "start_date": "2026-01-01"}, "start_date"),
        ({"scope": "period", "start_date": "2026-02-30"}, "start_date"),
        ({"scope": "period", "start_date": "2999-01-01"}, "start_date"),
        ({"scope": "period", "start_date": "2026-01-02", "end_date": "2026-01-01"}, "end_date"),
        ({"scope": "short", "symbols_hint": ["NO/PE"]}, "symbols_hint"),
        ({"scope": "short", "symbols_hint": "BTC/USDT"}, "symbols_hint"),
        ({"scope": "short", "account_id": 1, "account_ids": [1]}, "account_ids"),
        ({"scope": "short", "days": 3}, "days"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_and_asks_for_nothing(rest, body, field):
    answer = rest.post(**body)

    assert answer.status_code == 422, answer.content
    assert answer.json()["details"]["field"] == field
    assert not ReconcileRun.objects.exists()


def test_a_hint_is_a_symbol_of_one_of_the_exchanges(rest):
    (run_id,) = rest.post(scope="short", symbols_hint=[SPOT]).json()["run_ids"]

    assert ReconcileRun.objects.get(pk=run_id).symbols == [SPOT]


def test_somebody_elses_account_does_not_exist(desk):
    stranger = Rest(builders.key(builders.user("stranger"), builders.account("theirs")))

    assert stranger.post(account_id=desk.account.pk, scope="short").status_code == 404
    assert desk.account.pk not in [row["account_id"] for row in stranger.status()["items"]]


def test_never_fresh_and_stale(rest, desk):
    assert rest.status(desk.account.pk)["status"] == "never"
    assert rest.status(desk.account.pk)["age_seconds"] is None

    succeeded(desk, ago_s=130)
    assert rest.status(desk.account.pk)["status"] == "stale"
    assert rest.status(desk.account.pk, stale_after_seconds=200)["status"] == "fresh"
    succeeded(desk, ago_s=10)
    assert rest.status(desk.account.pk)["status"] == "fresh"


def test_a_run_that_failed_makes_nothing_fresh(rest, desk):
    failed = runs.begin(desk.account.pk, Asked(Scope.SHORT))
    runs.fail(failed.pk, {"code": "exchange_timeout", "message": "no", "details": {}}, {})

    shown = rest.status(desk.account.pk)

    assert (shown["status"], shown["last_run"]["state"]) == ("never", "failed")
    assert shown["last_run"]["error"]["code"] == "exchange_timeout"


def test_what_is_under_way_is_shown_beside_the_last_run(rest, desk):
    done = succeeded(desk)
    running = runs.begin(desk.account.pk, Asked(Scope.LONG))

    shown = rest.status(desk.account.pk)

    assert (shown["running"]["id"], shown["last_run"]["id"]) == (running.pk, done.pk)
    assert shown["running"]["state"] == RunState.RUNNING


def test_open_cases_are_counted(rest, desk):
    with holding(desk.account.pk) as lane:
        open_case(lane, CaseKind.DUST, "BTC")

    assert rest.status(desk.account.pk)["open_cases"] == 1


def test_the_list_is_filtered_by_status(rest, desk):
    succeeded(desk, ago_s=500)

    assert rest.status(status="stale")["items"][0]["account_id"] == desk.account.pk
    assert rest.status(status="fresh")["items"] == []


def test_the_list_costs_the_same_however_many_accounts(desk, django_assert_num_queries):
    others = [builders.account(f"a{number}") for number in range(4)]
    desks = [desk.account, *others]
    rest = Rest(builders.key(builders.user("reader", Role.READONLY), *desks))
    for account in desks:
        runs.succeed(runs.begin(account.pk, Asked(Scope.SHORT)).pk, {})
    rest.status()  # The key is known from now on.

    with django_assert_num_queries(3):
        assert len(rest.status()["items"]) == 5
