"""Market data: fetched once, without a login."""

import asyncio

import pytest

from gateway import loop
from gateway.clients import readers
from gateway.exchanges.profile import profile_for
from gateway.tests.api.calling import (
    TICKER,
    TICKERS,
    call,
    with_login,
)
from gateway.tests.venue import Answer, venue
from positions.api.pool import in_pool
from positions.tests.desk import Desk
from positions.tests.fakes import SPOT

# Readers look into the database on threads of their own.
pytestmark = pytest.mark.django_db(transaction=True)


async def test_market_data_is_fetched_once_for_all_accounts(desk, contracts):
    other = await in_pool(lambda: with_login(Desk(SPOT)))
    async with venue() as exchange:
        exchange.answers[TICKERS] = Answer(body=TICKER)

        found = await asyncio.gather(
            *(call(each.caller, each.account, "fetchTicker", "BTC/USDT")
              for each in (desk, other) * 20)
        )  # fmt: skip

    assert {status for status, _body in found} == {200}
    assert {body["result"]["last"] for _status, body in found} == {"60000.1"}
    assert exchange.count("GET", "/api/v3/ticker/24hr") == 1


async def test_an_answer_is_shared_for_as_long_as_the_setting_says(desk, settings):
    settings.OMS_MARKET_DATA_LIFE_S = 0
    async with venue() as exchange:
        exchange.answers[TICKERS] = Answer(body=TICKER)

        for _ in range(3):
            await call(desk.caller, desk.account, "fetch_ticker", symbol="BTC/USDT")

    assert exchange.count("GET", "/api/v3/ticker/24hr") == 3


async def test_the_readers_of_market_data_have_no_login(desk):
    async with venue():
        await call(desk.caller, desk.account, "loadMarkets")
        profile = await in_pool(profile_for, desk.account.pk)

        async def credentials() -> list:
            reader = await readers.for_market_data(profile)
            return [reader.session.exchange.apiKey, reader.session.exchange.secret]

        found = await in_pool(lambda: loop.reading.call(credentials(), 5))

    assert not any(found)


async def test_markets_come_from_the_list_that_orders_work_with(desk):
    async with venue() as exchange:
        by_symbol = await call(desk.caller, desk.account, "load_markets")
        listed = await call(desk.caller, desk.account, "fetch_markets", core={})
        known = exchange.count("GET", "/api/v3/exchangeInfo")

        await call(desk.caller, desk.account, "loadMarkets")

    assert by_symbol[1]["result"]["BTC/USDT"]["precision"]["amount"] == "0.00001"
    assert [market["symbol"] for market in listed[1]["result"]] == ["BTC/USDT"]
    assert known == exchange.count("GET", "/api/v3/exchangeInfo") == 1
