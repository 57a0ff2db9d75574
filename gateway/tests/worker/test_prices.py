"""Are the prices that stops wait for watched, and only those?"""

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import override_settings

from accounts.models import Account
from gateway import loop
from gateway.pricing import board, feeds
from gateway.sessions import kept as sessions
from gateway.sessions import markets
from gateway.tests.venue import Answer, venue
from gateway.worker.prices import PriceWatch
from positions.engine.types import Reason, Side
from positions.models import Order, Position, Trigger

NOW = datetime(2026, 1, 31, tzinfo=UTC)
TICKER = "GET /api/v3/ticker/24hr"
QUICK = override_settings(OMS_PRICE_POLL_S=0.02, OMS_PRICE_STALE_S=0.2)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def account(monkeypatch):
    monkeypatch.setattr(feeds, "STREAMED_WITHIN_S", 0.0)  # Nothing is streamed here.
    monkeypatch.setattr(feeds, "LOOK_EVERY_S", 0.02)
    yield Account.objects.create(pk=1, exchange_id="ccxt.binance", label="a")
    loop.stop()
    for memory in (sessions._loaded, sessions._loading):
        memory.clear()
    board.forget()
    markets.forget()


def arm(account, **facts):
    """A long with a stop that the OMS watches."""
    position = Position.objects.create(
        account=account, ticket=1, opening_order_id=1, symbol="BTC/USDT", side=Side.BUY, qty=1,
        reason=Reason.API, opened_at=NOW, updated_at=NOW, stop_loss=facts.get("price"),
        trailing=facts.get("trailing"),
    )  # fmt: skip
    return Trigger.objects.create(
        account=account, position=position, symbol="BTC/USDT", role="stop_loss", side=Side.BUY,
        created_at=NOW, updated_at=NOW, **facts,
    )  # fmt: skip


def ticker(price: str) -> Answer:
    return Answer(body={"symbol": "BTCUSDT", "lastPrice": price, "closeTime": 1})


@asynccontextmanager
async def watching(answer: Answer):
    """A watch at work, and the exchange that it asks."""
    async with venue() as here:
        here.answers[TICKER] = answer
        watch = PriceWatch(1)
        task = asyncio.create_task(watch.run())
        try:
            yield watch, here
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await feeds.close_all()


async def until(is_so, within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not await loop.db(is_so):
            await asyncio.sleep(0.02)


def asked(here) -> int:
    return sum(f"{method} {path}" == TICKER for method, path, _ in here.seen)


@QUICK
def test_a_stop_that_the_price_reaches_closes_and_waits_for_no_other_price(account):
    arm(account, price=Decimal(90))

    async def work():
        async with watching(ticker("89.5")) as (watch, _):
            await until(Order.objects.filter(closes_position=True).exists)
            await asyncio.sleep(0.1)
            return watch.is_asleep

    assert asyncio.run(work())


@QUICK
def test_without_a_stop_nothing_is_asked_until_the_bell_rings(account):
    async def work():
        async with watching(ticker("100")) as (watch, here):
            await asyncio.sleep(0.2)
            before = asked(here)
            await loop.db(arm, account, price=Decimal(90))
            watch.ring()
            await until(lambda: asked(here) > 1)
            return before

    assert asyncio.run(work()) == 0


@QUICK
def test_a_trailing_stops_best_price_is_stored(account):
    row = arm(account, trailing={"amount": "5"}, best_price=Decimal(100))

    async def work():
        async with watching(ticker("108")):
            await until(lambda: Trigger.objects.get(pk=row.pk).best_price == 108)

    asyncio.run(work())

    assert Trigger.objects.get(pk=row.pk).reached_at is None


@QUICK
def test_prices_that_do_not_come_are_shown_until_they_come_again(account):
    row = arm(account, price=Decimal(90))

    async def work():
        async with watching(Answer(500, "down")) as (_, here):
            await until(lambda: Trigger.objects.get(pk=row.pk).blind_since is not None)
            here.answers[TICKER] = ticker("100")
            await until(lambda: Trigger.objects.get(pk=row.pk).blind_since is None)

    asyncio.run(work())

    assert Trigger.objects.get(pk=row.pk).reached_at is None
