"""Streams through unmodified ccxt.pro, and a login's own events, plain and spoiled."""

import asyncio
import json
from contextlib import asynccontextmanager
from itertools import pairwise

import aiohttp
import ccxt
import ccxt.pro
import pytest

from conftest import ccxt_client

SYMBOL = "BTC/USDT"


@asynccontextmanager
async def pro_client(venue, key):
    client = ccxt_client(venue.url, key, kind=ccxt.pro.binance)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def open_socket(venue, path):
    url = venue.url.replace("http", "ws") + path
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield socket


async def hear(socket):
    message = await socket.receive(timeout=5)
    return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None


def listen_key(venue, key):
    answer = venue.ask("POST", "/api/v3/userDataStream", key)
    return answer.json()["listenKey"]


def place(venue, key, **words):
    shape = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.01", "price": "50000",
    }  # fmt: skip
    return venue.ask("POST", "/api/v3/order", key, **(shape | words)).json()


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 20))


def test_ccxt_pro_sees_its_orders_trades_and_balance(venue, key):
    async def scenario():
        async with pro_client(venue, key) as client:
            await client.load_markets()
            watching = asyncio.gather(
                client.watch_orders(SYMBOL), client.watch_my_trades(SYMBOL), client.watch_balance()
            )
            await asyncio.sleep(0.3)
            await client.create_order(SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": "it"})
            return await watching

    orders, trades, balance = run(scenario())

    assert orders[-1]["clientOrderId"] == "it"
    assert [trade["amount"] for trade in trades] == [0.01]
    assert balance["BTC"]["free"] == 10.00999


def test_ccxt_pro_keeps_an_order_book_in_step_with_the_venue(start_venue):
    venue = start_venue("--tick-ms", "100", "--volatility", "20")
    key = venue.open_login("watcher")

    async def scenario():
        async with pro_client(venue, key) as client:
            for _ in range(12):
                book = await client.watch_order_book(SYMBOL)
            assert book["bids"][0][0] < book["asks"][0][0]
            ticker = await client.watch_ticker(SYMBOL)
            trades = await client.watch_trades(SYMBOL)
            candles = await client.watch_ohlcv(SYMBOL, "1m")
            return book["nonce"], ticker["last"], trades[-1]["price"], candles[-1][4]

    nonce, last, traded, closed = run(scenario())

    assert nonce > 0
    assert all(abs(price - 60000) < 3000 for price in (last, traded, closed))


def test_depth_events_join_the_snapshot_without_a_gap(start_venue):
    venue = start_venue("--tick-ms", "50", "--volatility", "20")

    async def scenario():
        async with open_socket(venue, "/stream/ws/0") as socket:
            await socket.send_json(
                {"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms"], "id": 7}
            )
            assert await hear(socket) == {"result": None, "id": 7}
            first = await hear(socket)
            snapshot = venue.ask("GET", "/api/v3/depth?symbol=BTCUSDT&limit=5000").json()
            events = [first]
            while events[-1]["u"] <= snapshot["lastUpdateId"] or len(events) < 5:
                events.append(await hear(socket))
            final = venue.ask("GET", "/api/v3/depth?symbol=BTCUSDT&limit=5000").json()
            while events[-1]["u"] < final["lastUpdateId"]:
                events.append(await hear(socket))
            return snapshot, events

    snapshot, events = run(scenario())

    for earlier, later in pairwise(events):
        assert later["U"] == earlier["u"] + 1
    joins = [event for event in events if event["U"] <= snapshot["lastUpdateId"] + 1 <= event["u"]]
    assert len(joins) == 1


def test_an_order_is_reported_from_new_to_filled_with_exact_amounts(venue, key):
    async def scenario():
        async with open_socket(venue, "/stream/ws/" + listen_key(venue, key)) as socket:
            await asyncio.to_thread(place, venue, key, newClientOrderId="mine")
            await asyncio.to_thread(venue.set_price, "BTCUSDT", "49000")
            return [await hear(socket) for _ in range(4)]

    new, locked, trade, moved = run(scenario())

    assert (new["e"], new["x"], new["X"], new["c"]) == ("executionReport", "NEW", "NEW", "mine")
    assert {row["a"]: row["l"] for row in locked["B"]} == {"USDT": "500.00000000"}
    assert (trade["x"], trade["X"], trade["z"], trade["m"]) == (
        "TRADE", "FILLED", "0.01000000", True,
    )  # fmt: skip
    assert (trade["n"], trade["N"]) == ("0.00001000", "BTC")
    assert {row["a"] for row in moved["B"]} == {"BTC", "USDT"}


def test_a_cancel_is_reported_under_an_id_of_its_own(venue, key):
    async def scenario():
        async with open_socket(venue, "/stream/ws/" + listen_key(venue, key)) as socket:
            order = await asyncio.to_thread(place, venue, key, newClientOrderId="mine")
            words = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
            await asyncio.to_thread(venue.ask, "DELETE", "/api/v3/order", key, **words)
            return [await hear(socket) for _ in range(3)]

    cancelled = run(scenario())[2]

    assert (cancelled["x"], cancelled["C"]) == ("CANCELED", "mine")
    assert cancelled["c"] != "mine"


@pytest.mark.parametrize(
    ("words", "executions"),
    [
        ({"kind": "stream_duplicate"}, ["NEW", "NEW", "TRADE"]),
        ({"kind": "stream_late", "ms": 200}, ["TRADE", "NEW"]),
        ({"kind": "stream_reorder"}, ["TRADE", "NEW"]),
    ],
)
def test_spoiled_streams_repeat_delay_and_swap_events(venue, key, words, executions):
    async def scenario():
        async with open_socket(venue, "/stream/ws/" + listen_key(venue, key)) as socket:
            route = f"spot:user:{key}"
            await asyncio.to_thread(venue.fault, route=route, count=1, **words)
            await asyncio.to_thread(place, venue, key, price="60100")
            heard = []
            while len(heard) < len(executions):
                event = await hear(socket)
                heard += [event["x"]] if event["e"] == "executionReport" else []
            return heard

    assert run(scenario()) == executions


def test_dropped_streams_and_expired_listen_keys_end_the_connection(venue, key):
    async def scenario():
        async with open_socket(venue, "/stream/ws/" + listen_key(venue, key)) as socket:
            await asyncio.to_thread(venue.control, "POST", "listenkeys/expire", {"login": key})
            expired = await hear(socket)
            await asyncio.to_thread(
                venue.control, "POST", "streams/drop", {"topic": f"spot:user:{key}"}
            )
            return expired, await hear(socket)

    expired, end = run(scenario())

    assert expired["e"] == "listenKeyExpired"
    assert end is None


def test_the_websocket_api_places_and_cancels_orders(venue, key):
    async def scenario():
        async with pro_client(venue, key) as client:
            await client.load_markets()
            order = await client.create_order_ws(SYMBOL, "limit", "buy", 0.01, 50000)
            open_now = await client.fetch_open_orders_ws(SYMBOL)
            cancelled = await client.cancel_order_ws(order["id"], SYMBOL)
            with pytest.raises(ccxt.InsufficientFunds):
                await client.create_order_ws(SYMBOL, "limit", "buy", 1000, 50000)
            return order, open_now, cancelled

    order, open_now, cancelled = run(scenario())

    assert [one["id"] for one in open_now] == [order["id"]]
    assert cancelled["status"] == "canceled"
