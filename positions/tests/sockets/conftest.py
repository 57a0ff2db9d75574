"""Accounts with keys, for the tests of ``/ws``; sockets read on threads of their own."""

from dataclasses import dataclass
from typing import Any

import pytest

from accounts.tests import builders
from positions.api import pool
from positions.outbox import turn
from positions.tests.desk import Desk


@pytest.fixture(autouse=True)
def _in_turn(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread reads, and readers and writers take turns.

    SQLite's database in memory locks whole tables, and makes nobody wait: it fails.
    """
    settings.OMS_SOCKET_THREADS = 1
    submit = pool._on

    async def in_turn(threads: Any, work: Any, *args: Any, **kwargs: Any) -> Any:
        def job() -> Any:
            with turn():
                return work(*args, **kwargs)

        return await submit(threads, job)

    monkeypatch.setattr(pool, "_on", in_turn)


@dataclass
class Trader:
    """A desk and the key of its user."""

    desk: Desk
    key: str

    @property
    def account_id(self) -> int:
        return self.desk.account.pk


@pytest.fixture
def trader(desk: Desk) -> Trader:
    """A trader with one account."""
    return Trader(desk, builders.key(desk.user, desk.account).plain)


@pytest.fixture
def other(new_desk: type[Desk]) -> Trader:
    """Somebody else, with an account of their own."""
    desk = new_desk()
    return Trader(desk, builders.key(desk.user, desk.account).plain)
