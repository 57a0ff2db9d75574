"""Strategies over REST, and lists by pages."""

from http import HTTPStatus

import pytest

from accounts.audit import OPERATOR
from accounts.rights.permissions import AccountRights
from accounts.services import create_api_key
from accounts.tests import builders
from accounts.tests.api.conftest import Api, refusal
from accounts.words import Right, Role

pytestmark = pytest.mark.django_db


def test_a_strategy_is_made_and_listed(api, account):
    body = {"name": "trend", "account_ids": [account.pk], "client_strategy_id": 777}

    status, made = api("post", "/strategies", body)

    assert status == HTTPStatus.CREATED
    assert made == {
        "strategy_id": made["strategy_id"],
        "name": "trend",
        "client_strategy_id": 777,
        "status": "active",
        "account_ids": [account.pk],
    }
    assert api("get", "/strategies") == (HTTPStatus.OK, {"items": [made], "next_cursor": None})


def test_strategies_show_only_where_the_key_sees_them(account):
    other, foreign = builders.account("other"), builders.account("foreign")
    mine = builders.strategy("mine", account, other, foreign)
    builders.strategy("not mine", account)
    builders.strategy("elsewhere", foreign)
    robot = builders.user("bot", Role.ROBOT)
    restricted = Api(builders.key(robot, account, strategies=[mine]).plain)
    open_ = Api(builders.key(builders.user(), account, other).plain)

    def seen(api):
        items = api("get", "/strategies")[1]["items"]
        return [(row["name"], row["account_ids"]) for row in items]

    assert seen(restricted) == [("mine", [account.pk])]
    assert seen(open_) == [("not mine", [account.pk]), ("mine", [account.pk, other.pk])]
    assert seen(Api(builders.key(builders.user("eve")).plain)) == []


def test_a_list_of_strategies_takes_two_queries_however_long(
    api, account, django_assert_num_queries
):
    api("get", "/strategies")
    for number in range(5):
        builders.strategy(f"s{number}", account)

    with django_assert_num_queries(2):
        api("get", "/strategies")


def test_pages_follow_each_other_without_gaps(api, account):
    names = [builders.strategy(f"s{number}", account).name for number in range(5)]

    seen, cursor = [], ""
    while cursor is not None:
        page = api("get", f"/strategies?limit=2{cursor and f'&cursor={cursor}'}")[1]
        seen += [row["name"] for row in page["items"]]
        cursor = page["next_cursor"]
    assert seen == names[::-1]


@pytest.mark.parametrize("query", ["limit=0", "limit=5001", "limit=x", "cursor=-1", "limit=²"])
def test_a_bad_page_is_refused(api, query):
    field = query.partition("=")[0]

    assert refusal(api("get", f"/strategies?{query}")) == (422, "validation_error", field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x"}, "account_ids"),
        ({"name": "x", "account_ids": []}, "account_ids"),
        ({"name": "x", "account_ids": ["a"]}, "account_ids.0"),
        ({"name": "", "account_ids": [1]}, "name"),
        ({"name": "x", "account_ids": [1], "status": "disabled"}, "status"),
        ({"name": "x", "account_ids": [1], "client_strategy_id": 1.5}, "client_strategy_id"),
    ],
)
def test_a_bad_strategy_is_refused_by_its_field(api, body, field):
    assert refusal(api("post", "/strategies", body)) == (422, "validation_error", field)


def test_a_strategy_on_a_foreign_account_is_refused_as_if_there_were_none(api, account):
    foreign = builders.account("foreign")

    for number in (foreign.pk, 10**6):
        body = {"name": "x", "account_ids": [account.pk, number]}
        assert refusal(api("post", "/strategies", body))[:2] == (404, "account_not_found")


@pytest.mark.parametrize(
    ("role", "code"), [(Role.ADMIN, "admin_read_only"), (Role.READONLY, "permission_denied")]
)
def test_who_does_not_trade_makes_no_strategy(account, role, code):
    user = builders.user("someone", role)
    grants = {account.pk: AccountRights(frozenset(Right))}
    api = Api(create_api_key(user=user, grants=grants, by=OPERATOR).plain)

    answer = api("post", "/strategies", {"name": "x", "account_ids": [account.pk]})

    assert refusal(answer)[:2] == (403, code)
