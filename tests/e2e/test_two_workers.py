"""Two workers: one serves an account, the other takes over, and no order goes out twice."""

import signal
import sys
import time

import pytest

from tests.e2e.agreement import check, check_final_states
from tests.e2e.product import Process, Product

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
LEASE_S = 3.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A product with two workers; the one called ``worker`` came first and has every account."""
    settings = {
        "OMS_LEASE_S": str(LEASE_S),
        "OMS_EXCHANGE_TIMEOUT_MS": "1500",
        "OMS_SEND_DEADLINE_S": "5",
    }
    product = Product(tmp_path_factory.mktemp("server"), mode="server", settings=settings).start()
    command = [sys.executable, "-u", "-m", "celery", "-A", "oms_project", "worker", "--pool"]
    command += ["threads", "--concurrency", "2", "--hostname", "second@%h"]
    other = Process("second", command, product.env, product.data / "second.log")
    product.processes["second"] = other
    other.start()
    product.until(lambda: "runner.serving" in other.log.read_text(), 30, "the second worker")
    try:
        yield product
    finally:
        product.processes["worker"].popen.send_signal(signal.SIGCONT)
        product.stop()


def test_a_paused_worker_loses_its_accounts_and_sends_nothing_when_it_wakes_on_server(server):
    account = server.account("ccxt.binance")
    server.buy(account)
    server.processes["worker"].popen.send_signal(signal.SIGSTOP)

    started = time.monotonic()
    orders = [buy_patiently(server, account) for _ in range(3)]
    took_s = time.monotonic() - started
    server.processes["worker"].popen.send_signal(signal.SIGCONT)
    time.sleep(LEASE_S)
    orders += [server.buy(account) for _ in range(3)]

    print(f"with the serving worker paused three orders were filled in {took_s:.1f} s")
    assert {order["status"] for order in orders} == {"FILLED"}
    check(server, account)
    check_final_states(server, account)


def test_the_other_worker_serves_when_the_one_that_did_is_killed_on_server(server):
    """By now the accounts are the second's."""
    account = server.account("ccxt.binance")
    server.processes["second"].kill()

    started = time.monotonic()
    order = buy_patiently(server, account)
    took_s = time.monotonic() - started

    print(f"after kill -9 of the serving worker the next order was filled in {took_s:.1f} s")
    assert order["status"] == "FILLED"
    check(server, account)


def buy_patiently(server, account):
    """A market buy that may wait for a worker to take over."""
    payload = {"symbol": "BTC/USDT", "side": "buy", "order_type": "market", "qty": "0.01"}
    body = {"account_id": account["id"], "command": "send_order", "payload": payload}
    return server.post(body, wait_ms=60_000).json()["results"][0]["order"]
