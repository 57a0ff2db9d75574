"""The addresses of ``accounts`` as a client sees them."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from accounts.audit import OPERATOR
from accounts.models import ApiKey, AuditEntry
from accounts.permissions import AccountRights
from accounts.services import create_api_key
from accounts.tests import builders
from accounts.words import Right, Role

pytestmark = pytest.mark.django_db


class Api:
    """JSON in and out, with one key."""

    def __init__(self, key: str) -> None:
        self.client = Client(headers={"x-api-key": key} if key else {})

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        sent = {} if body is None else {"data": body, "content_type": "application/json"}
        answer = getattr(self.client, method)(path, **sent)
        return answer.status_code, answer.json()


@pytest.fixture
def account():
    return builders.account()


@pytest.fixture
def issued(account):
    return builders.key(builders.user(), account)


@pytest.fixture
def api(issued):
    return Api(issued.plain)


def refusal(answer):
    status, body = answer
    assert set(body) == {"code", "message", "details", "request_id"}
    return status, body["code"], body["details"].get("field")


def log_in(**body):
    body = {"user_name": "alice", "password": builders.PASSWORD, **body}
    return Api("")("post", "/auth/login-password", body)


def test_log_in_answers_a_token_that_works_until_log_out(issued):
    status, session = log_in(api_key_id=issued.row.pk, otp=None)

    assert status == HTTPStatus.OK
    assert set(session) == {
        "token",
        "token_type",
        "expires_at",
        "user_id",
        "role",
        "api_key_id",
    }
    assert session["token"].startswith("tok_")
    assert (session["role"], session["api_key_id"]) == ("trader", issued.row.pk)
    assert len(session["expires_at"]) == len("2026-01-02T03:04:05.000000Z")
    token = Api(session["token"])
    assert token("get", "/user/profile")[0] == HTTPStatus.OK
    assert token("post", "/auth/logout") == (HTTPStatus.OK, {"ended": 1})


def test_after_log_out_the_token_is_nothing(issued, django_capture_on_commit_callbacks):
    token = Api(log_in()[1]["token"])
    with django_capture_on_commit_callbacks(execute=True):
        token("post", "/auth/logout")

    assert refusal(token("get", "/user/profile"))[:2] == (401, "invalid_api_key")


def test_log_out_does_not_touch_an_api_key(api):
    assert api("post", "/auth/logout") == (HTTPStatus.OK, {"ended": 0})
    assert api("get", "/user/profile")[0] == HTTPStatus.OK


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"password": "wrong"}, (401, "invalid_login", None)),
        ({"user_name": "nobody"}, (401, "invalid_login", None)),
        ({"api_key_id": 10**6}, (404, "not_found", None)),
        ({"api_key_id": 10**30}, (422, "validation_error", "api_key_id")),
        ({"user_name": 5}, (401, "invalid_login", None)),
        ({"user_name": None}, (422, "validation_error", "user_name")),
        ({"user_name": "a\x00b"}, (422, "validation_error", "user_name")),
        ({"extra": 1}, (422, "validation_error", "extra")),
        ({"password": {"a": 1}}, (422, "validation_error", "password")),
    ],
)
def test_a_bad_log_in_is_refused(issued, body, expected):
    assert refusal(log_in(**body)) == expected


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_a_body_that_is_no_object_is_refused(body):
    client = Client()
    answer = client.post("/auth/login-password", data=body, content_type="application/json")

    assert answer.status_code in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST}


def test_a_refused_password_is_not_repeated(issued):
    _, body = log_in(password={"secret": "hunter2"})

    assert "hunter2" not in str(body)


def test_too_many_log_ins_are_told_when_to_come_back(issued, settings):
    settings.LOGIN_FAILURES = 1
    log_in(password="wrong")

    body = {"user_name": "alice", "password": "wrong"}
    answer = Client().post("/auth/login-password", body, content_type="application/json")

    assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert int(answer.headers["Retry-After"]) > 0


def test_the_profile_changes_only_where_it_is_told_to(api):
    api("patch", "/user/profile", {"email": "a@example.com", "first_name": "Alice"})
    status, profile = api("patch", "/user/profile", {"last_name": "Smith"})

    assert status == HTTPStatus.OK
    assert profile["user_name"] == "alice"
    assert (profile["email"], profile["first_name"], profile["last_name"]) == (
        "a@example.com",
        "Alice",
        "Smith",
    )
    assert api("get", "/user/profile") == (HTTPStatus.OK, profile)


@pytest.mark.parametrize(
    ("body", "field"),
    [({"role": "admin"}, "role"), ({"user_name": "x"}, "user_name"), ({"email": "x"}, "email")],
)
def test_nobody_changes_their_own_role_or_name(api, body, field):
    assert refusal(api("patch", "/user/profile", body)) == (422, "validation_error", field)


def test_a_new_password_ends_all_log_ins(api, issued):
    log_in()
    log_in()
    body = {"current_password": builders.PASSWORD, "new_password": "another good one"}

    assert api("post", "/user/password", body) == (HTTPStatus.OK, {"log_ins_ended": 2})
    assert refusal(log_in())[:2] == (401, "invalid_login")
    assert log_in(password="another good one")[0] == HTTPStatus.OK


def test_a_wrong_or_weak_password_is_refused_by_its_field(api):
    def change(current, new):
        body = {"current_password": current, "new_password": new}
        return refusal(api("post", "/user/password", body))

    assert change("wrong", "another good one") == (422, "validation_error", "current_password")
    assert change(builders.PASSWORD, "x1") == (422, "validation_error", "new_password")


def test_a_new_key_is_shown_once_and_works(api, account):
    status, made = api("post", "/user/api-keys", {"label": "bot"})

    assert status == HTTPStatus.CREATED
    assert made["api_key"].startswith(f"cxp_{made['prefix']}_")
    assert Api(made["api_key"])("get", "/user/profile")[0] == HTTPStatus.OK
    _, listed = api("get", "/user/api-keys")
    assert [row["label"] for row in listed["items"]] == ["bot", ""]
    assert listed["next_cursor"] is None
    assert all("api_key" not in row and "digest" not in row for row in listed["items"])


def test_a_new_key_gets_the_permissions_asked_for(api, account):
    strategy = builders.strategy("trend", account)
    asked = {
        "account_id": account.pk,
        "can_read": True,
        "restrict_to_strategies": True,
        "strategies": [{"strategy_id": strategy.pk, "can_trade": False}],
    }
    _, made = api("post", "/user/api-keys", {"permissions": [asked]})

    status, page = api("get", f"/user/api-keys/{made['api_key_id']}/permissions")

    assert status == HTTPStatus.OK
    assert page["items"] == [
        {
            "account_id": account.pk,
            "can_read": True,
            "can_trade": False,
            "can_close_position": False,
            "can_risk_manage": False,
            "can_block_new_positions": False,
            "can_block_account": False,
            "restrict_to_strategies": True,
            "strategies": [{"strategy_id": strategy.pk, "can_read": True, "can_trade": False}],
        }
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"permissions": [{"account_id": 10**6}]}, (404, "account_not_found", None)),
        (
            {"permissions": [{"account_id": 1, "can_fly": True}]},
            (422, "validation_error", "permissions.0.can_fly"),
        ),
        (
            {"permissions": [{"account_id": 1, "strategies": [{"strategy_id": "x"}]}]},
            (422, "validation_error", "permissions.0.strategies.0.strategy_id"),
        ),
        ({"permissions": [{}]}, (422, "validation_error", "permissions.0.account_id")),
        ({"permissions": {}}, (422, "validation_error", "permissions")),
        ({"permissions": [{"account_id": 1}] * 2}, (422, "validation_error", "permissions")),
        ({"ip_allow_list": ["x"]}, (422, "validation_error", "ip_allow_list")),
        ({"expires_at": "2001-01-01T00:00:00Z"}, (422, "validation_error", "expires_at")),
        ({"expires_at": "soon"}, (422, "validation_error", "expires_at")),
        ({"label": "x" * 121}, (422, "validation_error", "label")),
        ({"digest": "x"}, (422, "validation_error", "digest")),
    ],
)
def test_a_bad_key_is_refused_by_its_field(api, body, expected):
    assert refusal(api("post", "/user/api-keys", body)) == expected


def test_a_key_cannot_give_more_than_it_has(api, account):
    asked = {"account_id": account.pk, "can_risk_manage": True}

    answer = api("post", "/user/api-keys", {"permissions": [asked]})

    assert refusal(answer)[:2] == (403, "permission_denied")


def test_a_key_is_changed_and_revoked(api, issued):
    _, made = api("post", "/user/api-keys", {})
    address = f"/user/api-keys/{made['api_key_id']}"
    later = (timezone.now() + timedelta(days=1)).isoformat()

    status, changed = api("patch", address, {"label": "x", "expires_at": later})
    assert (status, changed["label"], changed["status"]) == (HTTPStatus.OK, "x", "active")
    assert changed["expires_at"].endswith("Z")
    assert api("patch", address, {"status": "revoked"})[1]["status"] == "revoked"
    assert refusal(api("patch", address, {"status": "active"}))[:2] == (409, "conflict")
    assert refusal(api("patch", address, {"status": "x"}))[2] == "status"
    assert AuditEntry.objects.filter(action="api_key_revoked").count() == 1


def test_someone_elses_key_is_as_absent_as_none(api):
    foreign = builders.key(builders.user("bob"))

    for number in (foreign.row.pk, 10**6):
        assert refusal(api("patch", f"/user/api-keys/{number}", {}))[:2] == (404, "not_found")
        permissions = api("get", f"/user/api-keys/{number}/permissions")
        assert refusal(permissions)[:2] == (404, "not_found")


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


def test_a_list_of_keys_takes_one_query(api, django_assert_num_queries):
    api("get", "/user/profile")

    with django_assert_num_queries(1):
        api("get", "/user/api-keys")


def test_a_list_of_permissions_takes_three_queries(api, issued, django_assert_num_queries):
    api("get", "/user/profile")

    with django_assert_num_queries(3):
        api("get", f"/user/api-keys/{issued.row.pk}/permissions")


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


def test_json_that_cannot_be_read_is_400_and_another_type_415(issued):
    def post(body, kind):
        headers = {"x-api-key": issued.plain}
        answer = Client(headers=headers).post("/strategies", body, content_type=kind)
        return answer.status_code, answer.json()["code"]

    assert post("{", "application/json") == (400, "malformed_json")
    assert post("a=1", "application/x-www-form-urlencoded") == (415, "unsupported_media_type")


def test_the_openapi_document_knows_every_address_and_who_needs_a_key():
    schema = SchemaGenerator(urlconf="accounts.api.urls").get_schema(request=None, public=True)

    operations = {
        (method, path): operation
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {
        ("post", "/auth/login-password"),
        ("post", "/auth/logout"),
        ("get", "/user/profile"),
        ("patch", "/user/profile"),
        ("post", "/user/password"),
        ("get", "/user/api-keys"),
        ("post", "/user/api-keys"),
        ("patch", "/user/api-keys/{api_key_id}"),
        ("get", "/user/api-keys/{api_key_id}/permissions"),
        ("get", "/user/two-factor"),
        ("post", "/user/two-factor"),
        ("post", "/user/two-factor/confirm"),
        ("post", "/user/two-factor/remove"),
        ("get", "/strategies"),
        ("post", "/strategies"),
        ("get", "/backoffice/users"),
        ("post", "/backoffice/users"),
        ("get", "/backoffice/users/{user_id}"),
        ("patch", "/backoffice/users/{user_id}"),
        ("delete", "/backoffice/users/{user_id}/two-factor"),
        ("get", "/backoffice/api-keys"),
        ("post", "/backoffice/api-keys"),
        ("get", "/backoffice/api-keys/{api_key_id}"),
        ("patch", "/backoffice/api-keys/{api_key_id}"),
        ("get", "/backoffice/api-keys/{api_key_id}/permissions"),
        ("put", "/backoffice/api-keys/{api_key_id}/permissions"),
        ("patch", "/backoffice/api-keys/{api_key_id}/permissions"),
        ("get", "/backoffice/strategies"),
        ("post", "/backoffice/strategies"),
        ("get", "/backoffice/strategies/{strategy_id}"),
        ("patch", "/backoffice/strategies/{strategy_id}"),
    }
    for (_, path), operation in operations.items():
        assert "401" in operation["responses"]
        if path != "/auth/login-password":
            assert {"ApiKey": []} in operation["security"]


def test_nothing_of_a_key_but_its_digest_reaches_the_database(api):
    made = api("post", "/user/api-keys", {})[1]["api_key"].rpartition("_")[2]

    rows = [*ApiKey.objects.values(), *AuditEntry.objects.values()]
    assert made not in str(rows)


@pytest.mark.parametrize("number", [0, 2**63, 10**40])
def test_a_number_that_no_id_can_be_is_simply_not_found(api, number):
    assert refusal(api("patch", f"/user/api-keys/{number}", {}))[:2] == (404, "not_found")
    permissions = api("get", f"/user/api-keys/{number}/permissions")
    assert refusal(permissions)[:2] == (404, "not_found")
