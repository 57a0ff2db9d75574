"""Authentication is checked before path, method and body."""

from http import HTTPStatus

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.callers import middleware
from accounts.callers.middleware import is_public
from accounts.tests import builders

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/nowhere", "/user/profile", "/oms/orders/open", "/ws"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PATCH"])
def test_without_a_key_every_path_and_method_answers_the_same(client: Client, path, method):
    answer = client.generic(method, path, b"{not json", content_type="text/plain")

    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert answer.headers["WWW-Authenticate"] == "ApiKey"
    body = answer.json()
    assert set(body) == {"code", "message", "details", "request_id"}
    assert body["code"] == "missing_api_key"
    assert body["request_id"] == answer.headers["X-Request-ID"]


def test_a_wrong_key_is_refused_before_the_path_is_looked_at(client: Client):
    answer = client.get("/nowhere", headers={"x-api-key": "cxp_wrong"})

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")


def test_a_key_in_the_url_is_no_key(client: Client):
    issued = builders.key(builders.user())

    assert client.get(f"/whoami?x-api-key={issued.plain}").status_code == HTTPStatus.UNAUTHORIZED


def test_a_browser_session_opens_no_api_address(client: Client):
    client.force_login(builders.user())

    assert client.get("/whoami").status_code == HTTPStatus.UNAUTHORIZED


def test_a_good_key_is_known_to_the_view(client: Client):
    issued = builders.key(builders.user())

    answer = client.get("/whoami", headers={"x-api-key": issued.plain})

    assert (answer.status_code, answer.content) == (200, b"alice")


def test_a_good_key_meets_the_path_and_the_method(client: Client):
    headers = {"x-api-key": builders.key(builders.user()).plain}

    assert client.get("/nowhere", headers=headers).status_code == HTTPStatus.NOT_FOUND
    assert (
        client.delete("/user/profile", headers=headers).status_code == HTTPStatus.METHOD_NOT_ALLOWED
    )


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/schema",
        "/api/docs",
        "/auth/login-password",
        "/admin",
        "/admin/",
        "/admin/accounts/user/",
        "/static/app.js",
        "/api/docs/",
    ],
)
def test_the_public_paths_are_public(path):
    assert is_public(path)


@pytest.mark.parametrize(
    "path",
    [
        "/healthz2",
        "/healthz/x",
        "/auth",
        "/auth/logout",
        "/administrator",
        "/statics",
        "/api/schema.json",
        "/oms/orders/open",
        "/auth/login-password/x",
    ],
)
def test_nothing_else_is(path):
    assert not is_public(path)


def test_pages_with_a_browser_session_are_named_in_the_settings(settings):
    settings.SESSION_PATHS = ("/desk/", "/favicon.ico")

    assert is_public("/desk/positions")
    assert is_public("/favicon.ico")
    assert not is_public("/favicon.ico/x")


def test_a_database_that_is_away_is_said_so(client: Client, monkeypatch):
    def away(request):
        raise OperationalError("server has gone away")

    monkeypatch.setattr(middleware, "caller_of", away)
    answer = client.get("/whoami", headers={"x-api-key": "cxp_x"})

    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert "gone away" not in answer.text
