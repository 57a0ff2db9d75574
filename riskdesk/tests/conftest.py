"""What every test of the risk desk starts from: the real gate, a fake exchange."""

from typing import Any

import pytest

from accounts.audit import Actor
from accounts.models import User
from accounts.tests import builders
from positions import ports
from positions.tests.api.conftest import Api, robot  # noqa: F401 (fixture)
from positions.tests.conftest import _fresh, desk, new_desk, row_locks, venue  # noqa: F401 (fixtures)
from positions.tests.desk import Desk


@pytest.fixture(autouse=True)
def _gate(_fresh: None, settings: Any) -> None:  # noqa: F811
    settings.OMS_RISK_PORT = "riskdesk.gate.Gate"
    settings.ROOT_URLCONF = "riskdesk.tests.urls"
    ports.risk_gate.cache_clear()


@pytest.fixture
def officer(db: None) -> User:
    """A person of the risk desk."""
    return builders.user("officer", "risk")


@pytest.fixture
def by(officer: User) -> Actor:
    """The officer, as the trail names them."""
    return Actor(officer.pk, officer.username, None, "request-1")


@pytest.fixture
def risk(desk: Desk, officer: User) -> Api:  # noqa: F811
    """The officer's key on the desk's account."""
    return Api(builders.key(officer, desk.account))
