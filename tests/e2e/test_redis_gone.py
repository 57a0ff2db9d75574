"""Redis is only a doorbell: with it gone, orders still reach the exchange, once."""

import shutil
import subprocess
import time

import pytest

from tests.e2e.agreement import check
from tests.e2e.product import Product, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.faults]


@pytest.fixture
def redis_url():
    """A Redis of this test's own, as a URL without database number; and a way to end it."""
    port = free_port()
    command = [
        shutil.which("redis-server"),
        "--port",
        str(port),
        "--save",
        "",
        "--appendonly",
        "no",
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    yield f"redis://127.0.0.1:{port}", server
    server.kill()
    server.wait()


def test_orders_are_sent_without_redis_and_none_twice_on_server(redis_url, tmp_path):
    url, redis_server = redis_url
    settings = {
        "OMS_BROKER_URL": f"{url}/0",
        "OMS_RELAY_URL": f"{url}/1",
    }
    product = Product(tmp_path / "server", mode="server", settings=settings).start()
    account = product.account("ccxt.binance")
    try:
        product.buy(account)
        redis_server.kill()
        redis_server.wait()

        started = time.monotonic()
        order = product.buy(account)
        took_s = time.monotonic() - started

        print(f"without Redis an order was filled after {took_s:.1f} s")
        assert order["status"] == "FILLED"
        check(product, account)
    finally:
        product.stop()
