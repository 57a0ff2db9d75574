"""The whole project's addresses on fakes of both ports, and one caller of each kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import override_settings

from accounts.callers import authentication
from positions import ports, relay
from positions.tests.fakes import LINEAR
from tests.access.world import World

ON_FAKES: dict[str, Any] = {
    "OMS_EXCHANGE_PORT": "positions.tests.fakes.FakeExchange",
    "OMS_RISK_PORT": "positions.tests.fakes.FakeRisk",
    "OMS_RELAY_URL": "memory://",
    "CONNECTION_TEST": "accounts.tests.builders.probe",
    "EXCHANGE_IDS": "accounts.tests.builders.exchange_ids",
    "CREDENTIALS_KEYS": ["a key for tests"],
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
}
PAIRS = "pairs: tried, in full, leaks"
STATIC = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


@contextmanager
def on_fakes() -> Iterator[None]:
    """Settings and ports as the apps' own tests have them, with the project's addresses."""
    with override_settings(**ON_FAKES, STORAGES={**settings.STORAGES, "staticfiles": STATIC}):
        _forget()
        yield
        _forget()


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """An account with orders, positions and keys of every kind, and somebody else's.

    Made once for a module, since each question that ``World.ask`` puts is undone.
    """
    with on_fakes(), django_db_blocker.unblock(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


@pytest.fixture
def stored_world(transactional_db: None) -> Iterator[World]:
    """The same, committed: for what is answered on threads of its own."""
    with on_fakes():
        ports.exchange().prices[LINEAR] = Decimal(100)
        yield World()


def _forget() -> None:
    for remembered in (ports.exchange, ports.risk_gate, relay.relay):
        remembered.cache_clear()
    authentication.forget()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many ordered pairs of acts were tried, over all processes of the run."""
    reports = [each for some in terminalreporter.stats.values() for each in some]
    found = [
        count
        for report in reports
        for name, count in getattr(report, "user_properties", ())
        if name == PAIRS and report.when == "call"
    ]
    if found:
        tried, in_full, leaks = map(sum, zip(*found, strict=True))
        terminalreporter.write_line(
            f"acts: {tried} ordered pairs ({in_full} in full), {leaks} leaks"
        )
