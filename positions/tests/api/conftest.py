"""A client with a key, for the tests of the API."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiKey
from accounts.rights.permissions import Caller
from accounts.tests import builders
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR

BUY = {"symbol": LINEAR, "side": "buy", "type": "market", "qty": "1"}


class Api:
    """Django's test client with the key of one user."""

    def __init__(self, key: builders.IssuedKey) -> None:
        self.key: ApiKey = key.row
        self._headers = {"x-api-key": key.plain}
        self._client = Client()

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a list request; ``.json()`` is its body."""
        return self._client.get(path, query, headers=self._headers)

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """The rows of a list."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.content
        return answer.json()["items"]

    def post(self, body: Any, *, path: str = "/oms/commands?wait_ms=0", **headers: str) -> Any:
        """Give commands; ``bytes`` go as they are."""
        sent = {"data": body, "content_type": "application/json"}
        return self._client.post(path, **sent, headers=self._headers | headers)


@pytest.fixture
def api(desk: Desk) -> Api:
    """The desk's user, with the template key of a trader."""
    return Api(builders.key(desk.user, desk.account))


@pytest.fixture
def robot(desk: Desk) -> tuple[Api, int, int]:
    """A robot restricted to one of two strategies: its API, its own strategy, the other one."""
    own, foreign = desk.strategy(), desk.strategy()
    user = builders.user("robot", "robot")
    return Api(builders.key(user, desk.account, strategies=[own])), own.pk, foreign.pk


@pytest.fixture
def stranger(new_desk: type[Desk]) -> Api:
    """A trader with another account only."""
    other = new_desk()
    return Api(builders.key(other.user, other.account))


def caller_of(api: Api) -> Caller:
    """The caller behind an API, for calling what is behind the address."""
    from accounts.callers.authentication import resolve

    return resolve(api._headers["x-api-key"], address=None)


def buy(desk: Desk, **changes: Any) -> dict[str, Any]:
    """The body of a market order, changed."""
    return {"account_id": desk.account.pk, "command": "send_order", "payload": BUY | changes}


def result_of(response: Any) -> Any:
    """The one result of an answer."""
    (result,) = response.json()["results"]
    return result
