"""Log-ins, the profile and the password over REST."""

from http import HTTPStatus

import pytest
from django.test import Client

from accounts.tests import builders
from accounts.tests.api.conftest import Api, log_in, refusal

pytestmark = pytest.mark.django_db


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
