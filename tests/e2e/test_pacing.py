"""More orders than the exchange takes: they wait, none is refused, and a cancel overtakes them."""

import time

import pytest

from tests.e2e.agreement import check, is_quiet
from tests.e2e.conftest import running

pytestmark = pytest.mark.e2e
PER_10S, ORDERS = 10, 24
TIGHT = ("--orders-10s", str(PER_10S))


@pytest.fixture(params=["embedded", "server"])
def product(request, tmp_path_factory):
    """A product whose exchange takes ten orders of a login in ten seconds, and says so."""
    yield from running(tmp_path_factory, request.param, venue_options=TIGHT)


def test_a_cancel_overtakes_the_orders_that_wait_for_the_exchanges_limit(product):
    account = product.account("ccxt.binance")
    resting = product.rest(account)
    order = {"symbol": account["symbols"][0], "side": "buy", "order_type": "market",
             "qty": "0.001", "strategy_id": 1}  # fmt: skip
    body = {"account_id": account["id"], "command": "send_order", "payload": order}
    product.post([body] * ORDERS, parallel="true", wait_ms=0)

    started = time.monotonic()
    product.command("cancel_order", account["id"], order_id=resting["id"])
    took_s = time.monotonic() - started
    waiting = product.every("/oms/orders/open", account_ids=account["id"])
    product.until(lambda: is_quiet(product), 40, "every order sent")

    print(f"the cancel took {took_s:.2f} s, {len(waiting)} orders waited")
    assert len(waiting) >= ORDERS - 2 * PER_10S
    assert check(product, account)["orders"] == ORDERS + 1
    assert _statuses(product, account) == {"FILLED": ORDERS, "CANCELED": 1}
    assert "429" not in product.processes["venue"].log.read_text()


def _statuses(product, account) -> dict[str, int]:
    found: dict[str, int] = {}
    for order in product.every("/oms/orders/history", account_ids=account["id"]):
        found[order["status"]] = found.get(order["status"], 0) + 1
    return found
