"""Accounts with a login at a local exchange, and nothing remembered."""

import pytest
from django.core.cache import cache

from accounts.callers import authentication
from accounts.rights.permissions import Caller
from gateway import loop
from gateway.clients import readers
from gateway.sessions import kept as sessions
from gateway.sessions import markets
from gateway.tests.api.calling import with_login
from positions import ports
from positions.models import ExchangeOrder, Order
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR, SPOT


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.OMS_EXCHANGE_PORT = "positions.tests.fakes.FakeExchange"
    settings.OMS_RISK_PORT = "positions.tests.fakes.FakeRisk"
    settings.CREDENTIALS_KEYS = ["a key for tests"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.OMS_CCXT_TIMEOUT_S = 10.0  # The first call in a process imports ccxt.
    _forget()
    yield
    loop.reading.call(readers.close_all(), 5)
    loop.stop()
    _forget()


def _forget() -> None:
    for remembered in (ports.exchange, ports.risk_gate):
        remembered.cache_clear()
    markets.forget()
    sessions._loaded.clear()
    authentication.forget()
    cache.clear()


@pytest.fixture
def desk() -> Desk:
    """A spot account with a login."""
    return with_login(Desk(SPOT))


@pytest.fixture
def contracts() -> Desk:
    """An account for perpetuals with a login."""
    return with_login(Desk(LINEAR, exchange_id="ccxt.binanceusdm"))


@pytest.fixture
def two_strategies(desk) -> tuple[Caller, Order, Order]:
    """A key restricted to one of two strategies, an order of each, told apart by 11 and 12."""
    own, other = desk.strategy(), desk.strategy()
    mine, theirs = (desk.rest(strategy_id=each.pk, qty="0.1") for each in (own, other))
    for order, number, name in ((mine, "11", "mine"), (theirs, "12", "theirs")):
        ExchangeOrder.objects.filter(order=order).update(exchange_order_id=number)
        Order.objects.filter(pk=order.pk).update(exchange_order_id=number, client_order_id=name)
    return desk.caller_with(strategies=[own.pk]), mine, theirs
