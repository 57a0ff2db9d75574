"""Does an order live on any exchange, whatever its class leaves out of an answer?

Real ccxt classes, offline, behind real sessions: what leaves is noted, and answered by whatever the
class looks for (``gateway.exchanges.probe``).
"""

import asyncio
from datetime import timedelta

import ccxt.async_support as ccxt
import pytest
from django.utils import timezone

from gateway import loop
from gateway.exchanges import seen
from gateway.exchanges.probe.answers import Answer
from gateway.exchanges.probe.instances import SYMBOLS, build
from gateway.exchanges.profile import Profile
from gateway.sending import lanes, leasing, recover
from gateway.sessions import kept as sessions
from gateway.sessions.session import Session
from gateway.sessions.wire import current
from positions import ports, projector
from positions.engine.types import MarketKind, OrderStatus
from positions.models import Order
from positions.tests.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)
LISTS = ("open_orders", "orders", "closed_orders", "canceled_orders", "canceled_and_closed_orders")
SPOT, LINEAR = MarketKind.SPOT, MarketKind.LINEAR
# Who names another client id, no symbol, or nothing but an id.
ANSWERING = [
    ("coinbase", SPOT),
    ("cryptocom", SPOT),
    ("hitbtc", SPOT),
    ("htx", SPOT),
    ("luno", SPOT),
    ("lbank", SPOT),
    ("bitso", SPOT),
    ("upbit", SPOT),
    ("kraken", SPOT),
    ("mexc", LINEAR),
    ("krakenfutures", LINEAR),
]

UNANSWERED = {
    "coinbase": OrderStatus.UNKNOWN,  # It makes client ids of its own.
    "deribit": OrderStatus.UNKNOWN,  # It reads none back.
    "bitso": OrderStatus.UNKNOWN,  # It passes ours on under a name that is not the exchange's.
    "binance": OrderStatus.REJECTED,
    "kraken": OrderStatus.REJECTED,
}


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.OMS_EXCHANGE_PORT = "positions.tests.fakes.FakeExchange"
    settings.OMS_RISK_PORT = "positions.tests.fakes.FakeRisk"
    settings.OMS_RELAY_URL = "memory://"
    settings.OMS_NOT_FOUND_WINDOW_S = 0
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.EXCHANGE_IDS = "gateway.exchanges.capabilities.exchange_ids"
    ports.exchange.cache_clear()
    ports.risk_gate.cache_clear()
    yield
    sessions._open.clear()
    loop.stop()
    ports.exchange.cache_clear()
    ports.risk_gate.cache_clear()


class There:
    """An account of ours at one class of ccxt."""

    def __init__(self, name: str, kind: MarketKind) -> None:
        self.desk = Desk(SYMBOLS[kind], exchange_id=f"ccxt.{name}")
        self.exchange = build(name, kind)
        self.exchange.has["fetchPositionMode"] = False
        profile = Profile(self.desk.account.pk, f"ccxt.{name}")
        self.session = Session(profile, self.exchange)

    def send(self) -> Order:
        """A limit order, carried out."""
        order = self.desk.send("buy", "3", price="100")
        loop.call(self._carry_out(), 20)
        order.refresh_from_db()
        return order

    def ask(self, order: Order) -> Order:
        """Look it up once, when everything has had its time."""
        long_ago = timezone.now() - timedelta(hours=1)
        Order.objects.filter(pk=order.pk, doubt_since__isnull=False).update(doubt_since=long_ago)
        loop.call(recover.look_up(order.pk), 20)
        order.refresh_from_db()
        return order

    def knows_nothing(self) -> None:
        """From now on the exchange has no such order, in no list."""

        async def not_found(*args, **named):
            current.get().sent = current.get().judged = True
            raise ccxt.OrderNotFound("no such order")

        async def empty(*args, **named):
            return []

        self.exchange.fetch_order = not_found
        for name in LISTS:
            setattr(self.exchange, f"fetch_{name}", empty)

    def says_nothing(self) -> None:
        """The answer to the next request is lost."""

        async def lost(*args, **named):
            current.get().sent = True
            raise ccxt.RequestTimeout("no answer")

        self.exchange.fetch2 = lost

    async def _carry_out(self) -> None:
        async def opened():
            return self.session

        tenure = await loop.db(leasing.take, self.desk.account.pk)
        sessions._open[self.desk.account.pk] = asyncio.ensure_future(opened())
        (claim,) = await loop.db(_claim, tenure)
        await lanes.carry_out(tenure, claim)


def _claim(tenure):
    return projector.claim(tenure.account_id, most=9, fence=tenure.fence)


def test_an_order_that_was_answered_with_an_id_lives():
    died = {}
    for name, kind in ANSWERING:
        there = There(name, kind)
        there.exchange.answer = Answer(only=[seen.classes()[name][kind]["answer"]["id"]])
        order = there.send()
        theirs = order.exchange_order_id
        asked = [request for request in there.exchange.noted if theirs and theirs in str(request)]
        there.knows_nothing()
        there.ask(order)
        at_once = bool(asked) or not there.session.has("fetchOrder")
        if theirs is None or not order.is_open or not at_once:
            died[name] = (theirs, str(order.status), len(asked))

    assert died == {}


def test_an_unanswered_order_is_presumed_rejected_only_where_our_id_comes_back():
    ended = {}
    for name in UNANSWERED:
        there = There(name, SPOT)
        there.says_nothing()
        order = there.send()
        assert order.status == OrderStatus.UNKNOWN
        there.knows_nothing()
        ended[name] = there.ask(order).status

    assert ended == UNANSWERED
