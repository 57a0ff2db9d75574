"""What a stranger can do to a running product before any key was shown: next to nothing."""

import asyncio
import json
import socket
import threading
import time

import psutil
import pytest
import requests

from tests.e2e.product import Product
from tests.e2e.sockets import connected

pytestmark = pytest.mark.e2e

PATIENCE_S = 1.0
PLACES = 120


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """A product with few places that waits a second for headers."""
    limits = {"OMS_HEADER_TIMEOUT_S": str(PATIENCE_S), "OMS_KEEPALIVE_S": "2"}
    limits["OMS_CONNECTIONS"] = str(PLACES)
    one = Product(tmp_path_factory.mktemp("doors"), settings=limits)
    try:
        yield one.start()
    finally:
        one.stop()


def connection(product, said=b""):
    wire = socket.create_connection(("127.0.0.1", product.port), timeout=10)
    wire.sendall(said)
    return wire


def ends_after(wire, trickle=b""):
    """Seconds until the product closes it; ``trickle`` is sent four times a second meanwhile."""
    started = time.monotonic()
    wire.settimeout(0.25)
    while time.monotonic() - started < 15:
        try:
            if not wire.recv(4096):
                break
        except TimeoutError:
            try:
                if trickle:
                    wire.sendall(trickle)
            except OSError:
                break
        except OSError:
            break
    return time.monotonic() - started


HEAD = b"POST /oms/commands HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


def test_half_requests_and_slow_ones_are_closed_and_slow_enough_ones_are_not(product):
    key = f"x-api-key: {product.facts['api_key']}\r\n".encode()
    body = json.dumps({"command": "x", "account_id": 1, "payload": {}}).encode()
    slow = HEAD + key + b"Content-Length: 100000\r\n\r\n"
    cases = [(b"", b""), (b"GET /hea", b""), (b"GET / HTTP/1.1\r\nX-Y: ", b"z"), (slow, b" ")]
    wires = [(connection(product, said), trickle) for said, trickle in cases]
    found = [0.0] * len(wires)

    def watch(place):
        found[place] = ends_after(*wires[place])

    threads = [threading.Thread(target=watch, args=(place,)) for place in range(len(wires))]
    for thread in threads:
        thread.start()
    fast = connection(product, HEAD + key + b"Content-Length: %d\r\n\r\n" % len(body))
    time.sleep(0.5)
    fast.sendall(body)
    assert b" 422 " in fast.recv(4096)
    for thread in threads:
        thread.join()

    assert all(PATIENCE_S * 0.8 <= seconds <= PATIENCE_S * 4 for seconds in found), found


def test_without_a_key_no_body_is_read(product):
    for path, said in (("/oms/commands", 1_000_000), ("/user/profile", 300_000_000)):
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {said}\r\n"
        wire = connection(product, f"{head}Expect: 100-continue\r\n\r\n".encode())
        answer = wire.recv(4096)

        assert b" 401 " in answer.split(b"\r\n")[0]
        assert b"missing_api_key" in answer
    large = connection(
        product, b"POST /auth/login-password HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n"
    )
    assert b"payload_too_large" in large.recv(4096)
    assert b"malformed_json" in connection(product, b"no http\r\n\r\n").recv(4096)


def test_strangers_fill_every_place_and_orders_go_on(product):
    account = product.account("ccxt.binance")
    oms = psutil.Process(product.processes["oms"].popen.pid)
    before = oms.num_fds()
    strangers = []
    for _ in range(PLACES * 3):
        strangers.append(connection(product, b"GET /healthz HT"))
        if len(strangers) % 50 == 0:
            assert product.buy(account)["status"] == "FILLED"

    own = 20  # Orders have the product open connections of its own.
    assert oms.num_fds() <= before + PLACES + own
    time.sleep(PATIENCE_S * 2)
    assert product.buy(account)["status"] == "FILLED"
    assert oms.num_fds() <= before + 20
    for each in strangers:
        each.close()


def test_a_connection_with_a_key_is_kept_and_told_for_how_long(product):
    with requests.Session() as client:
        client.headers["x-api-key"] = product.facts["api_key"]
        first = client.get(f"{product.base}/oms/accounts", timeout=10)
        time.sleep(PATIENCE_S * 1.4)
        assert client.get(f"{product.base}/oms/accounts", timeout=10).ok

    assert first.headers["Keep-Alive"] == "timeout=2"
    assert requests.get(f"{product.base}/healthz", timeout=5).headers["Keep-Alive"] == "timeout=1"


async def test_a_socket_outlives_every_time_limit_and_its_user_is_read_in_turns(product):
    async with connected(product) as client:
        await asyncio.sleep(PATIENCE_S * 2.5)
        for _ in range(150):
            await client.request("ping", {})
        pongs = [await client.next() for _ in range(150)]

    assert {each["event"] for each in pongs} == {"pong"}
    assert [each["id"] for each in pongs] == sorted(each["id"] for each in pongs)
