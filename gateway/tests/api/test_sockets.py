"""Functions of ccxt and market data over ``/ws``, with a local exchange that answers as told."""

import asyncio

import pytest

from accounts.tests import builders
from gateway import loop
from gateway.api.sockets import ACTIONS
from gateway.clients import market_feeds
from gateway.sessions import markets
from gateway.tests.api.calling import TICKER, TICKERS, with_login
from gateway.tests.venue import Answer, html, venue
from positions.api.pool import in_pool
from positions.models import Order
from positions.sockets import actions
from positions.tests.desk import Desk
from positions.tests.fakes import SPOT
from positions.tests.sockets.client import connected

pytestmark = pytest.mark.django_db(transaction=True)

ALL = actions.ACTIONS | ACTIONS
BOOK = {"lastUpdateId": 1, "bids": [["1", "2"], ["0.9", "3"]], "asks": [["2", "1"]]}
OFTEN = {"poll_interval_ms": 250}


@pytest.fixture
def key(desk) -> str:
    return builders.key(desk.user, desk.account).plain


def market(desk, *channels: str, **wish) -> dict:
    return {"account_id": desk.account.pk, "symbol": "BTC/USDT", "channels": [*channels]} | wish


async def until(client, event: str) -> dict:
    """The next message of that event."""
    while (message := await client.next())["event"] != event:
        pass
    return message


async def test_a_function_is_called_as_over_rest(desk, key):
    async with venue() as exchange, connected(key, actions=ALL) as client:
        exchange.answers[TICKERS] = Answer(body=TICKER)
        call = {"account_id": desk.account.pk, "func": "fetchTicker", "args": ["BTC/USDT"]}
        found = await client.ask("call", call, "ccxt")
        refused = await client.ask("ccxt/call", call | {"func": "withdraw"})

    assert found["event"] == "call_result"
    assert found["payload"]["result"]["last"] == "60000.1"
    assert (refused["ok"], refused["payload"]["code"]) == (False, "function_not_allowed")


async def test_an_order_function_is_a_command_of_the_oms(desk, key):
    async with venue(), connected(key, actions=ALL) as client:
        args = ["BTC/USDT", "limit", "buy", "1", "100"]
        call = {"account_id": desk.account.pk, "func": "createOrder", "args": args}
        await client.request("call", call, "ccxt")
        while not await in_pool(Order.objects.count):
            await asyncio.sleep(0.05)

    assert await in_pool(Order.objects.count) == 1


async def test_one_upstream_serves_every_client_of_a_market(desk, key):
    second = await in_pool(lambda: with_login(Desk(SPOT)))
    second_key = await in_pool(lambda: builders.key(second.user, second.account).plain)
    async with (
        venue() as exchange,
        connected(key, actions=ALL) as one,
        connected(second_key, actions=ALL) as two,
    ):
        exchange.answers[TICKERS] = Answer(body=TICKER)
        await one.ask("subscribe_market", market(desk, "ticker", **OFTEN), "ccxt")
        await two.ask("subscribe_market", market(second, "ticker", **OFTEN), "ccxt")
        first = [await until(one, "ticker_updated"), await until(two, "ticker_updated")]
        feeds = dict(market_feeds._feeds)

    assert len(feeds) == 1
    assert [each["account_id"] for each in first] == [desk.account.pk, second.account.pk]
    assert {each["payload"]["data"]["last"] for each in first} == {"60000.1"}
    assert all("seq" not in each for each in first)


async def test_each_client_gets_as_many_levels_as_it_asked_for(desk, key):
    async with venue() as exchange, connected(key, actions=ALL) as client:
        exchange.answers["GET /api/v3/depth"] = Answer(body=BOOK)
        await client.ask("subscribe_market", market(desk, "orderbook", depth=1), "ccxt")
        book = await until(client, "orderbook_updated")

    assert book["payload"]["data"]["bids"] == [["1", "2"]]


async def test_a_trade_is_told_once(desk, key):
    def trade(number: int) -> dict:
        return {"a": number, "p": "1", "q": "2", "T": 1795646742019, "m": True}

    async with venue() as exchange, connected(key, actions=ALL) as client:
        exchange.answers["GET /api/v3/aggTrades"] = Answer(body=[trade(1), trade(2)])
        await client.ask("subscribe_market", market(desk, "trades", **OFTEN), "ccxt")
        before = await until(client, "trades_updated")
        exchange.answers["GET /api/v3/aggTrades"] = Answer(body=[trade(2), trade(3)])
        after = await until(client, "trades_updated")

    told = [[each["id"] for each in one["payload"]["data"]] for one in (before, after)]
    assert told == [["1", "2"], ["3"]]


async def test_after_the_last_client_left_the_exchange_is_not_asked_any_more(desk, key):
    async with venue() as exchange, connected(key, actions=ALL) as client:
        exchange.answers[TICKERS] = Answer(body=TICKER)
        await client.ask("subscribe_market", market(desk, "ticker", **OFTEN), "ccxt")
        await until(client, "ticker_updated")
        gone = await client.ask("unsubscribe_market", market(desk, "ticker"), "ccxt")
        refused = await client.ask("unsubscribe_market", market(desk, "ticker"), "ccxt")
        await in_pool(lambda: loop.reading.call(asyncio.sleep(0), 5))
        left = dict(market_feeds._feeds)

    assert gone["payload"]["channels"] == ["ticker"]
    assert refused["payload"]["code"] == "not_found"
    assert left == {}


async def test_an_outage_is_told_once_and_ends_by_itself(desk, key, monkeypatch):
    monkeypatch.setattr(market_feeds, "FIRST_PAUSE_S", 0.1)
    async with venue() as exchange, connected(key, actions=ALL) as client:
        exchange.answers[TICKERS] = html(503)
        await client.ask("subscribe_market", market(desk, "ticker", **OFTEN), "ccxt")
        failed = await until(client, "market_failed")
        exchange.answers[TICKERS] = Answer(body=TICKER)
        await until(client, "ticker_updated")

    assert failed["payload"]["error"]["code"] == "exchange_error"
    assert [each["event"] for each in client.seen].count("market_failed") == 1


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"symbol": "NO/SUCH"}, "symbol"),
        ({"channels": ["balances"]}, "channels"),
        ({"channels": ["ohlcv"], "timeframe": "7m"}, "timeframe"),
        ({"depth": 1000}, "depth"),
    ],
)
async def test_what_there_is_not_cannot_be_subscribed(wish, field, desk, key):
    async with venue(), connected(key, actions=ALL) as client:
        refused = await client.ask("subscribe_market", market(desk, "ticker") | wish, "ccxt")

    assert refused["payload"]["details"]["field"] == field


async def test_somebody_elses_exchange_account_is_not_there(contracts, key):
    async with venue(), connected(key, actions=ALL) as client:
        refused = await client.ask("subscribe_market", market(contracts, "ticker"), "ccxt")

    assert refused["payload"]["code"] == "account_not_found"


async def test_streams_and_polls_are_two_upstreams(desk):
    async with venue():
        plain = await _located(desk)
        desk.account.exchange_id = "ccxtpro.binance"
        await in_pool(desk.account.save)
        markets.forget()
        pushed = await _located(desk)

    assert (plain.topic.streams, pushed.topic.streams) == (False, True)


async def _located(desk):
    work = market_feeds.locate(desk.account.pk, "BTC/USDT", market_feeds.Channel.TICKER, None)
    return await asyncio.wrap_future(loop.reading.run(work))
