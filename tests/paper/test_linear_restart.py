"""Futures survive ``kill -9``, faults strike them, and their streams hang together."""

import asyncio
import json
from itertools import pairwise

import aiohttp
import ccxt
import pytest
from linear_client import SYMBOL, held, usdm

from conftest import STILL

BTC = {"symbol": "BTCUSDT"}


@pytest.fixture
def trader(venue, key):
    return venue.open_login(f"{key} linear", market="linear", balances={"USDT": "10000"})


def test_a_killed_venue_comes_back_with_positions_orders_and_settings(start_venue):
    venue = start_venue("--tick-ms", "0", "--seed", "5")
    key = venue.open_login("trader", market="linear", balances={"USDT": "10000"}, taker="0.001")
    client = usdm(venue.url, key)
    client.set_leverage(7, SYMBOL)
    client.create_order(SYMBOL, "market", "buy", 0.1)
    resting = client.create_order(SYMBOL, "limit", "buy", 0.1, 50000)
    stop = client.create_order(SYMBOL, "market", "sell", 0.1, None, {"stopLossPrice": 55000})

    def account():
        return venue.ask("GET", "/fapi/v3/account", key).json()

    def state():
        orders = client.fetch_orders(SYMBOL) + client.fetch_orders(SYMBOL, params={"trigger": True})
        trades = [(row["id"], row["price"]) for row in client.fetch_my_trades(SYMBOL)]
        brief = [(row["id"], row["status"]) for row in orders]
        return account()["totalWalletBalance"], brief, trades, held(client)

    before, margin = state(), float(account()["totalOpenOrderInitialMargin"])
    venue.kill()
    venue.start()

    assert state() == before
    assert float(account()["totalOpenOrderInitialMargin"]) == pytest.approx(margin, abs=1e-7)
    assert client.fetch_leverages([SYMBOL])[SYMBOL]["longLeverage"] == 7
    venue.set_price("BTCUSDT", "49000")
    assert client.fetch_order(resting["id"], SYMBOL)["status"] == "closed"
    assert client.fetch_order(stop["id"], SYMBOL, {"trigger": True})["status"] == "closed"


def test_an_order_that_was_accepted_and_never_answered_is_found(venue, trader):
    client = usdm(venue.url, trader)
    client.load_markets()
    venue.fault(route="POST /fapi/v1/order", kind="reset", count=1)
    with pytest.raises(ccxt.NetworkError):
        client.create_order(SYMBOL, "limit", "buy", 0.01, 50000, {"clientOrderId": "lost"})

    assert client.fetch_order(None, SYMBOL, {"clientOrderId": "lost"})["status"] == "open"
    client.cancel_all_orders(SYMBOL)


def test_a_lag_hides_young_orders_from_every_look_up(venue, trader):
    client = usdm(venue.url, trader)
    order = client.create_order(SYMBOL, "limit", "buy", 0.01, 50000)
    venue.fault(route="GET /fapi/v1/*", kind="lookup_lag", ms=60_000, login=trader)

    assert client.fetch_open_orders(SYMBOL) == []
    assert client.fetch_orders(SYMBOL) == []
    with pytest.raises(ccxt.OrderNotFound):
        client.fetch_order(order["id"], SYMBOL)


def test_too_many_orders_are_refused_and_counted_in_headers(start_venue):
    venue = start_venue("--tick-ms", "0", "--linear-orders-10s", "2")
    key = venue.open_login("fast", market="linear", balances={"USDT": "10000"})
    words = BTC | {"side": "BUY", "type": "MARKET", "quantity": "0.001"}
    answers = [venue.ask("POST", "/fapi/v1/order", key, **words) for _ in range(3)]

    first = answers[0].headers
    assert (first["X-MBX-ORDER-COUNT-10S"], first["X-MBX-ORDER-COUNT-1M"]) == ("1", "1")
    assert "X-MBX-USED-WEIGHT-1M" in first
    assert answers[2].status_code == 429
    assert answers[2].json()["code"] == -1015


def test_an_old_timestamp_is_refused(venue, trader):
    answer = venue.ask("GET", "/fapi/v3/account", trader, timestamp=1)

    assert answer.json()["code"] == -1021


async def heard(venue, path, count, *, subscribe=None, act=None):
    """The first ``count`` events of a stream."""
    url = venue.url.replace("http", "ws") + path
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        if subscribe:
            await socket.send_json({"method": "SUBSCRIBE", "params": subscribe, "id": 1})
            await socket.receive(timeout=5)
        if act:
            act()
        return [json.loads((await socket.receive(timeout=5)).data) for _ in range(count)]


def test_depth_events_form_a_chain(start_venue):
    venue = start_venue("--tick-ms", "50", "--volatility", "20")

    events = asyncio.run(heard(venue, "/public/ws/0", 5, subscribe=["btcusdt@depth@100ms"]))

    assert all(later["pu"] == earlier["u"] for earlier, later in pairwise(events))


@pytest.mark.parametrize("path", ["/private/ws?listenKey={}", "/ws/{}"])
def test_a_fill_is_told_as_order_and_account_update(venue, trader, path):
    key = venue.ask("POST", "/fapi/v1/listenKey", trader).json()["listenKey"]
    words = BTC | {"side": "BUY", "type": "MARKET", "quantity": "0.01"}

    def buy():
        venue.ask("POST", "/fapi/v1/order", trader, **words)

    events = asyncio.run(heard(venue, path.format(key), 3, act=buy))

    assert [event["e"] for event in events] == [
        "ORDER_TRADE_UPDATE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE",
    ]  # fmt: skip
    assert (events[1]["o"]["X"], events[1]["o"]["z"], events[1]["o"]["N"]) == (
        "FILLED", "0.01", "USDT",
    )  # fmt: skip
    assert events[2]["a"]["P"][0]["pa"] == "0.01"


def test_an_expired_listen_key_is_told(venue, trader):
    key = venue.ask("POST", "/fapi/v1/listenKey", trader).json()["listenKey"]

    def expire():
        venue.control("POST", "listenkeys/expire", {"login": trader})

    (event,) = asyncio.run(heard(venue, f"/private/ws?listenKey={key}", 1, act=expire))

    assert (event["e"], event["listenKey"]) == ("listenKeyExpired", key)
    answer = venue.ask("PUT", "/fapi/v1/listenKey", trader, listenKey=key)
    assert answer.json()["code"] == -1125


def test_spot_and_futures_of_one_login_are_two_wallets(start_venue):
    venue = start_venue(*STILL, "--tick-ms", "0")
    key = venue.open_login("both", balances={"USDT": "100"})
    venue.open_login("both", market="linear", balances={"USDT": "200"})

    (login,) = venue.control("GET", "logins")
    assert {name: wallet["USDT"]["free"] for name, wallet in login["balances"].items()} == {
        "spot": "100",
        "linear": "200",
    }
    assert venue.ask("GET", "/fapi/v3/account", key).json()["totalWalletBalance"] == "200"
