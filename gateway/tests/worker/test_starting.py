"""What does a start do where the exchange does not answer?"""

import asyncio
from decimal import Decimal

import pytest

from gateway import loop
from gateway.sessions import kept as sessions
from gateway.sessions import markets
from gateway.tests.venue import Answer, venue
from gateway.worker import runner
from positions import ports
from positions.models import Trigger
from positions.tests.desk import Desk
from positions.tests.fakes import SPOT


@pytest.fixture
def desk(transactional_db, settings):
    """An account whose position has a stop of which no row is left."""
    settings.OMS_EXCHANGE_PORT = "positions.tests.fakes.FakeExchange"
    settings.OMS_RISK_PORT = "positions.tests.fakes.FakeRisk"
    _forget()
    desk = Desk(SPOT)
    ports.exchange().prices[SPOT] = Decimal(100)
    position = desk.bought("1", "100")
    desk.give("position_change", position_id=position.pk, stop_loss="90")
    Trigger.objects.all().delete()
    yield desk
    loop.stop()
    _forget()


def _forget() -> None:
    for remembered in (ports.exchange, ports.risk_gate):
        remembered.cache_clear()
    for memory in (sessions._loaded, sessions._loading):
        memory.clear()
    markets.forget()


@pytest.mark.parametrize("patience_s", [0.05, 5.0], ids=["too late", "refused"])
def test_stops_go_on_where_nothing_could_be_caught_up(desk, monkeypatch, patience_s):
    monkeypatch.setattr(runner, "START_PATIENCE_S", patience_s)

    async def start():
        async with venue() as here:
            here.answers["GET /api/v3/exchangeInfo"] = Answer(how="hang")
            await runner.Runner()._catch_up(desk.account.pk)

    asyncio.run(start())

    assert [row.price for row in Trigger.objects.all()] == [90]
