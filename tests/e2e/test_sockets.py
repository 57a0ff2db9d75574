"""``/ws`` on the whole product, in both modes."""

import asyncio
import json

import aiohttp
import pytest

from tests.e2e.product import Product
from tests.e2e.sockets import connected, log_of

pytestmark = pytest.mark.e2e


@pytest.fixture
def account(product):
    return product.account("ccxt.binance")


def an_order(account, **payload) -> dict:
    payload = {"symbol": account["symbols"][0], "side": "buy", "order_type": "market",
               "qty": "0.01", "strategy_id": 1} | payload  # fmt: skip
    return {"account_id": account["id"], "command": "send_order", "payload": payload}


async def test_an_order_is_given_and_followed_on_one_socket(product, account):
    async with connected(product) as client:
        await client.request("subscribe", {"account_ids": [account["id"]]})
        start = (await client.until("snapshot_done"))["payload"]["seq"][str(account["id"])]
        answer = await client.ask("position/command", an_order(account))
        while not any(each["event"].startswith("position_") for each in client.seen):
            await client.next()
        events = [each for each in client.seen if "seq" in each]

    result = answer["payload"]["results"][0]
    log = [each for each in log_of(product, account["id"]) if each["seq"] > start]
    told = [(each["seq"], each["event"], each["payload"]) for each in events]
    assert result["status"] == "completed"
    assert told == [(each["seq"], each["event"], each["payload"]) for each in log][: len(told)]
    assert [each["prev_seq"] for each in events] == list(range(start, start + len(events)))
    assert {"order_accepted", "deal_created"} <= {each["event"] for each in events}


async def test_the_snapshot_is_what_rest_shows(product, account):
    order = await asyncio.to_thread(product.rest, account)
    async with connected(product) as client:
        await client.request("subscribe", {"account_ids": [account["id"]]})
        orders = (await client.until("snapshot_open_orders"))["payload"]["items"]
        await client.until("snapshot_done")

    assert order["id"] in [each["id"] for each in orders]
    assert orders == product.every("/oms/orders/open", account_ids=account["id"])


async def test_what_is_done_over_rest_is_told_on_the_socket(product, account):
    """Prints how long it takes from the transaction's time to the client."""
    async with connected(product) as client:
        await client.ask("subscribe", {"account_ids": [account["id"]], "with_snapshot": False})
        work = asyncio.to_thread(lambda: [product.rest(account) for _ in range(5)])
        resting = asyncio.create_task(work)
        told = [(await client.until("order_submitted"))["payload"]["id"] for _ in range(5)]
        orders = await resting
    print(f"\n{product.mode}: from transaction to client {client.ages_ms} ms")
    assert told == [order["id"] for order in orders]


@pytest.mark.parametrize("exchange_id", ["ccxt.binance", "ccxtpro.binance", "ccxtpro.binanceusdm"])
async def test_every_channel_of_a_market_is_told(product, exchange_id):
    account = product.account(exchange_id)
    channels = ["ticker", "orderbook", "trades", "ohlcv"]
    wish = {"account_id": account["id"], "symbol": account["symbols"][0], "channels": channels}
    missing = {f"{channel}_updated" for channel in channels}
    async with connected(product) as client:
        subscribed = await client.ask("ccxt/subscribe_market", wish | {"depth": 5})
        assert subscribed["ok"], subscribed
        while missing:
            missing -= {(message := await client.next())["event"]}
            if message["event"] == "market_failed":
                raise AssertionError(message)
            if message["event"] != "trades_updated" and "trades_updated" in missing:
                await client.request("position/command", an_order(account))
        gone = await client.ask("ccxt/unsubscribe_market", wish)

    books = [each for each in client.seen if each["event"] == "orderbook_updated"]
    assert sorted(gone["payload"]["channels"]) == sorted(channels)
    assert 1 <= len(books[0]["payload"]["data"]["bids"]) <= 5


async def test_a_function_of_ccxt_is_called(product, account):
    call = {"account_id": account["id"], "func": "fetch_ticker", "args": [account["symbols"][0]]}
    async with connected(product) as client:
        found = await client.ask("ccxt/call", call)

    assert found["payload"]["result"]["symbol"] == account["symbols"][0]


async def test_who_shows_no_key_or_a_wrong_one_is_closed(product):
    async with connected(product, key="cxp_00000000_wrong") as client:
        code = await client.close_code()
    async with connected(product, key=None) as client:
        refused = await client.ask("subscribe", {"account_ids": [1]})
        welcome = await client.ask("auth", {"api_key": product.facts["api_key"]})

    assert code == 4401
    assert refused["payload"]["code"] == "missing_api_key"
    assert welcome["ok"]


async def test_a_message_that_is_too_large_closes_the_socket(product):
    async with connected(product) as client:
        await client.wire.send_str(json.dumps({"action": "ping", "payload": "x" * 1_100_000}))
        code = await client.close_code()

    assert code == 4413


async def test_another_address_is_no_socket(product):
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{product.base}/elsewhere") as wire,
    ):
        await wire.receive()

    assert wire.close_code == 4404


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A product that lets few messages wait."""
    product = Product(
        tmp_path_factory.mktemp("impatient"), settings={"OMS_SOCKET_QUEUE": "20"}
    ).start()
    yield product
    product.stop()


async def test_a_client_that_does_not_read_is_closed_and_had_everything_before(impatient):
    many = {"commands": [{"command": "no_such"}] * 1000}
    async with connected(impatient) as client:
        numbers = [await client.request("position/command", many) for _ in range(90)]
        await asyncio.to_thread(
            impatient.until,
            lambda: "socket.closing" in impatient.processes["oms"].log.read_text(),
            60,
            "the socket's closing",
        )
        code = await client.close_code()

    answered = [each["id"] for each in client.seen if each["type"] == "ws_response"]
    assert code == 4408
    assert client.seen[-1]["event"] == "closing"
    assert len(answered) < len(numbers)
    assert len(set(answered)) == len(answered)
