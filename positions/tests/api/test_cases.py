"""The list of cases: filters, rights, and what it costs."""

import pytest

from positions.engine.types import CaseKind
from positions.outbox import holding
from positions.projector.cases import open_case, resolve_case

PATH = "/oms/reconcile/cases"


@pytest.fixture
def two_cases(desk):
    """One resolved by the desk's user, one open."""
    with holding(desk.account.pk) as lane:
        open_case(lane, CaseKind.DUST, "BTC", facts={"qty": "0.1"}, proposal="Sell it by hand.")
        resolve_case(lane, CaseKind.DUST, "BTC", comment="sold", owner_id=desk.user.pk)
        open_case(lane, CaseKind.UNEXPLAINED, "ETH", symbol="ETH/USDT")
    return desk


def test_cases_are_listed_newest_first_with_who_decided(api, two_cases):
    newest, oldest = api.items(PATH, account_ids=two_cases.account.pk)

    assert (newest["kind"], newest["state"], newest["owner"]) == ("unexplained", "open", None)
    assert (newest["symbol"], newest["subject"]) == ("ETH/USDT", "ETH")
    assert (oldest["state"], oldest["owner"]) == ("resolved", two_cases.user.username)
    assert (oldest["facts"], oldest["proposal"]) == ({"qty": "0.1"}, "Sell it by hand.")
    assert oldest["comment"] == "sold"


@pytest.mark.parametrize(("state", "kinds"), [("open", ["unexplained"]), ("resolved", ["dust"])])
def test_cases_are_filtered_by_state(api, two_cases, state, kinds):
    items = api.items(PATH, account_ids=two_cases.account.pk, state=state)

    assert [item["kind"] for item in items] == kinds


def test_an_unknown_state_is_refused(api, desk):
    answer = api.get(PATH, account_ids=desk.account.pk, state="closed")

    assert answer.status_code == 422
    assert answer.json()["details"]["field"] == "state"


def test_a_state_is_no_parameter_of_other_lists(api, desk):
    assert api.get("/oms/deals", account_ids=desk.account.pk, state="open").status_code == 422


def test_a_restricted_key_sees_the_cases_of_its_strategies_only(robot, desk):
    api, own, foreign = robot
    with holding(desk.account.pk) as lane:
        for number, strategy_id in enumerate((0, own, foreign)):
            open_case(lane, CaseKind.DUST, f"position {number}", strategy_id=strategy_id)

    items = api.items(PATH, account_ids=desk.account.pk)

    assert [item["strategy_id"] for item in items] == [own]


def test_somebody_elses_cases_do_not_exist(stranger, two_cases):
    assert stranger.get(PATH, account_ids=two_cases.account.pk).status_code == 404


def test_the_list_costs_one_query_however_long(api, desk, django_assert_num_queries):
    with holding(desk.account.pk) as lane:
        for number in range(5):
            open_case(lane, CaseKind.DUST, f"position {number}")
            resolve_case(lane, CaseKind.DUST, f"position {number}", owner_id=desk.user.pk)
    api.get(PATH, account_ids=desk.account.pk)

    with django_assert_num_queries(1):
        items = api.items(PATH, account_ids=desk.account.pk)

    assert len(items) == 5
