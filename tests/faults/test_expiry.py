"""Orders that end at their time although their exchange keeps none, across a restart too."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.product import Json, Product

pytestmark = pytest.mark.e2e

SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"


def rest_until(product: Product, account: Json, seconds: float, **payload: str) -> Json:
    """A limit order far below the market that expires in so many seconds."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return product.rest(account, expires_at=at.isoformat(), **payload)


def late_by(order: Json) -> timedelta:
    """How long after its time it was over."""
    ended, due = (datetime.fromisoformat(order[name]) for name in ("closed_at", "expires_at"))
    return ended - due


def expired(product: Product, order: Json, within_s: float) -> Json:
    def is_expired() -> bool:
        return product.order(order["id"])["status"] == "EXPIRED"

    product.until(is_expired, within_s, "it expires")
    return product.order(order["id"])


def test_expiring_orders_end_at_their_time_and_after_a_start(shared):
    product, _ = shared
    accounts = [product.account(SPOT), product.account(LINEAR)]
    orders = [rest_until(product, account, 3) for account in accounts]

    for account, order in zip(accounts, orders, strict=True):
        assert (order["status"], order["expiry"], order["time_in_force"]) == (
            "SUBMITTED", "oms", "GTD"
        )  # fmt: skip
        over = expired(product, order, 10)
        assert timedelta(0) <= late_by(over) < timedelta(seconds=2)
        events = product.every("/oms/events", account_ids=account["id"])
        assert [each["event"] for each in events].count("order_expired") == 1

    sleeper = rest_until(product, accounts[0], 4)
    product.stop()
    time.sleep(4)
    product.start()

    assert late_by(expired(product, sleeper, 10)) >= timedelta(0)
