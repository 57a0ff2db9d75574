"""What every test of ``positions`` starts from: fakes of both ports, nothing remembered."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from accounts.callers import authentication
from accounts.selectors import forget_client_ids
from positions import ports, relay
from positions.tests.desk import Desk
from positions.tests.fakes import FakeExchange, FakeRisk


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> Iterator[None]:
    settings.OMS_EXCHANGE_PORT = "positions.tests.fakes.FakeExchange"
    settings.OMS_RISK_PORT = "positions.tests.fakes.FakeRisk"
    settings.OMS_RELAY_URL = "memory://"
    settings.EXCHANGE_IDS = "accounts.tests.builders.exchange_ids"
    settings.CREDENTIALS_KEYS = ["a key for tests"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ROOT_URLCONF = "positions.tests.urls"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    _forget()
    yield
    _forget()


@pytest.fixture
def row_locks(transactional_db: None) -> None:
    """What the tests marked ``mariadb`` ask for; `make test` runs them on MariaDB only."""
    if connection.vendor == "sqlite":
        pytest.fail("SQLite has no row locks: set DATABASE_URL, or leave out with -m 'not mariadb'")


def _forget() -> None:
    for remembered in (ports.exchange, ports.risk_gate, relay.relay):
        remembered.cache_clear()
    authentication.forget()
    forget_client_ids()
    cache.clear()


@pytest.fixture
def venue() -> FakeExchange:
    """The exchange port."""
    return ports.exchange()


@pytest.fixture
def risk() -> FakeRisk:
    """The risk port."""
    return ports.risk_gate()


@pytest.fixture
def desk(db: None) -> Desk:
    """A netting account on a linear market."""
    return Desk()


@pytest.fixture
def new_desk(db: None) -> Callable[..., Desk]:
    """Desks of other kinds: ``new_desk(SPOT, position_mode="hedge")``."""
    return Desk
