"""Redis is only a doorbell: with it gone, orders still reach the exchange, once."""

import time

import pytest

from tests.e2e.agreement import check
from tests.e2e.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.faults]


def test_orders_are_sent_without_redis_and_none_twice_on_server(tmp_path, own_redis):
    settings = {
        "OMS_BROKER_URL": f"{own_redis.url}/0",
        "OMS_RELAY_URL": f"{own_redis.url}/1",
    }
    product = Product(tmp_path / "server", mode="server", settings=settings).start()
    account = product.account("ccxt.binance")
    try:
        product.buy(account)
        own_redis.kill()

        started = time.monotonic()
        order = product.buy(account)
        took_s = time.monotonic() - started

        print(f"without Redis an order was filled after {took_s:.1f} s")
        assert order["status"] == "FILLED"
        check(product, account)
    finally:
        own_redis.start()  # Celery is in no hurry to end while it looks for its broker.
        product.stop()
