"""A client with one key, for the tests of the addresses."""

from typing import Any

import pytest
from django.test import Client

from accounts.tests import builders


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
