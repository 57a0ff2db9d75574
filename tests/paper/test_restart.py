"""What the venue has answered it remembers, even through ``kill -9``."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import requests

from conftest import STILL, ccxt_client, secret_of

SYMBOL = "BTC/USDT"


def state(client):
    """Everything a login can see."""
    balance = client.fetch_balance()["total"]
    orders = [(o["id"], o["status"], o["filled"], o["price"]) for o in client.fetch_orders(SYMBOL)]
    trades = [(t["id"], t["amount"], t["price"]) for t in client.fetch_my_trades(SYMBOL)]
    return balance, orders, trades


def test_a_killed_venue_comes_back_with_orders_balances_trades_and_prices(start_venue):
    venue = start_venue("--tick-ms", "0", "--seed", "5")
    client = ccxt_client(venue.url, venue.open_login("trader"))
    resting = client.create_order(SYMBOL, "limit", "buy", 0.1, 50000, {"clientOrderId": "rests"})
    client.create_order(SYMBOL, "market", "buy", 0.2)
    stop = client.create_order(SYMBOL, "market", "sell", 0.1, None, {"stopLossPrice": 55000})
    before, prices = state(client), venue.control("GET", "prices")

    venue.kill()
    venue.start()

    assert state(client) == before
    assert venue.control("GET", "prices")["step"] == prices["step"] + 1
    assert [order["id"] for order in client.fetch_open_orders(SYMBOL)] == [
        resting["id"],
        stop["id"],
    ]
    venue.set_price("BTCUSDT", "49000")
    after = {order["id"]: order["status"] for order in client.fetch_orders(SYMBOL)}
    assert (after[resting["id"]], after[stop["id"]]) == ("closed", "closed")


def test_ids_go_on_after_a_restart(start_venue):
    venue = start_venue(*STILL, "--tick-ms", "0")
    client = ccxt_client(venue.url, venue.open_login("trader"))
    first = client.create_order(SYMBOL, "market", "buy", 0.2)
    venue.kill()
    venue.start()

    second = client.create_order(SYMBOL, "market", "buy", 0.2)

    assert int(second["id"]) == int(first["id"]) + 1
    assert int(second["trades"][0]["id"]) > int(first["trades"][-1]["id"])


def test_the_same_seed_gives_the_same_prices_by_step_across_restarts(start_venue):
    one, other = (start_venue("--tick-ms", "0", "--seed", "9") for _ in range(2))
    one.control("POST", "step", {"count": 6})
    other.control("POST", "step", {"count": 2})
    other.kill()
    other.start()
    other.control("POST", "step", {"count": 3})

    assert one.control("GET", "prices") == other.control("GET", "prices")
    assert one.control("GET", "prices")["step"] == 7


def test_a_replayed_file_gives_its_prices(start_venue, tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("symbol,price\nBTCUSDT,61000\nBTCUSDT,62000\n")
    venue = start_venue("--tick-ms", "0", "--prices", str(file))

    seen = []
    for _ in range(3):
        seen.append(venue.control("GET", "prices")["mids"]["BTCUSDT"])
        venue.control("POST", "step", {"count": 1})

    assert seen == ["61000", "62000", "61000"]


def test_a_mirroring_venue_follows_the_other_ones_prices(start_venue):
    leader = start_venue(*STILL, "--tick-ms", "0")
    leader.set_price("BTCUSDT", "71234")
    follower = start_venue("--tick-ms", "50", "--mirror", leader.url, "--no-flow")

    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        price = Decimal(follower.control("GET", "prices")["mids"]["BTCUSDT"])
        if abs(price - 71234) < 1:
            break
        time.sleep(0.02)

    assert abs(price - 71234) < 1


def test_a_login_is_opened_once_and_left_alone_afterwards(start_venue):
    venue = start_venue("--tick-ms", "0")
    body = {"api_key": "a", "secret": "b", "balances": {"USDT": "5"}}

    answers = [venue.control("POST", "logins", body | {"balances": {"USDT": n}}) for n in "57"]

    assert answers == [{"created": True}, {"created": False}]
    (login,) = venue.control("GET", "logins")
    assert login["balances"]["spot"] == {"USDT": {"free": "5", "locked": "0"}}


def test_sigterm_stops_cleanly(start_venue):
    venue = start_venue()

    assert venue.stop() == 0


def test_every_order_that_was_answered_survives_a_kill_in_the_middle_of_a_burst(start_venue):
    venue = start_venue(*STILL, "--tick-ms", "5")
    key = venue.open_login("trader")
    answered = []

    def send(number):
        words = {
            "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
            "quantity": "0.001", "price": "50000", "newClientOrderId": f"order-{number}",
        }  # fmt: skip
        with suppress(requests.ConnectionError):
            answered.append(venue.ask("POST", "/api/v3/order", key, **words).json())

    with ThreadPoolExecutor(4) as pool:
        for number in range(150):
            pool.submit(send, number)
        while len(answered) < 40:
            time.sleep(0.005)
        venue.kill()
    venue.start()

    known = {row["client_id"]: row["order_id"] for row in venue.journal(key, "order")}
    assert {order["clientOrderId"]: order["orderId"] for order in answered}.items() <= known.items()
    open_now = venue.ask("GET", "/api/v3/openOrders", key).json()
    assert {order["clientOrderId"] for order in open_now} == set(known)


def test_logins_of_a_file_are_there_from_the_start(start_venue, tmp_path):
    file = tmp_path / "logins.json"
    login = {"api_key": "a", "secret": secret_of("a"), "balances": {"USDT": "5"}, "taker": "0"}
    file.write_text(json.dumps([login]))
    venue = start_venue("--tick-ms", "0", "--logins", str(file))

    account = venue.ask("GET", "/api/v3/account", "a", omitZeroBalances="true").json()

    assert account["balances"] == [{"asset": "USDT", "free": "5.00000000", "locked": "0.00000000"}]
    assert account["takerCommission"] == 0
