"""Accounts with keys, for the tests of ``/ws``; sockets read on threads of their own."""

from dataclasses import dataclass
from typing import Any

import pytest

from accounts.tests import builders
from positions.tests.desk import Desk


@pytest.fixture(autouse=True)
def _one_reader(settings: Any) -> None:
    """One thread that reads, so that a test can wait for it."""
    settings.OMS_SOCKET_THREADS = 1


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
