"""A user's keys over REST."""

from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry
from accounts.tests import builders
from accounts.tests.api.conftest import Api, refusal

pytestmark = pytest.mark.django_db


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
            "can_see_balance": False,
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


def test_a_list_of_keys_takes_one_query(api, django_assert_num_queries):
    api("get", "/user/profile")

    with django_assert_num_queries(1):
        api("get", "/user/api-keys")


def test_a_list_of_permissions_takes_three_queries(api, issued, django_assert_num_queries):
    api("get", "/user/profile")

    with django_assert_num_queries(3):
        api("get", f"/user/api-keys/{issued.row.pk}/permissions")


def test_nothing_of_a_key_but_its_digest_reaches_the_database(api):
    made = api("post", "/user/api-keys", {})[1]["api_key"].rpartition("_")[2]

    rows = [*ApiKey.objects.values(), *AuditEntry.objects.values()]
    assert made not in str(rows)
