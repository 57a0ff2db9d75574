"""The exchange says that an order has filled, and never lists the trade; later it does."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.e2e.product import Json, Product
from tests.faults.proxy import Answer, Asked, Proxy
from tests.faults.test_doubt import last_run

pytestmark = pytest.mark.e2e

D = Decimal
SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
ORDERS = {SPOT: "/api/v3/order", LINEAR: "/fapi/v1/order"}
TRADES = {SPOT: "/api/v3/myTrades", LINEAR: "/fapi/v1/userTrades"}
NAMED_S = 12


@contextmanager
def unlisted(proxy: Proxy, exchange_id: str) -> Iterator[None]:
    """The venue fills orders and says so; no answer tells of a trade."""

    def hide(asked: Asked, answer: Answer) -> Answer | None:
        if answer.status != 200:
            return None
        if asked.path == TRADES[exchange_id]:
            return Answer.of([])
        if asked.path == ORDERS[exchange_id] and "fills" in answer.json:
            return Answer.of({name: told for name, told in answer.json.items() if name != "fills"})
        return None

    proxy.after(hide)
    try:
        yield
    finally:
        proxy.forget(hide)


def send(product: Product, account: Json, qty: str = "0.02") -> Json:
    """A market buy, answered as far as it goes within two seconds; returns the order."""
    order = {"symbol": account["symbols"][0], "side": "buy", "order_type": "market",
             "qty": qty, "strategy_id": 1}  # fmt: skip
    body = {"account_id": account["id"], "command": "send_order", "payload": order}
    return product.post(body, wait_ms=2000).json()["results"][0]["order"]


def case_of(product: Product, account: Json, order: Json) -> Json:
    """The case about the order's fills, once there is one."""
    found: list[Json] = []

    def is_there() -> bool:
        rows = product.every("/oms/reconcile/cases", account_ids=account["id"])
        found[:] = [row for row in rows if row["order_id"] == order["id"]]
        return bool(found)

    product.until(is_there, NAMED_S, "the case")
    return found[0]


def deals_of(product: Product, account: Json, order: Json) -> list[Json]:
    return product.every("/oms/deals", account_ids=account["id"], order_id=order["id"])


def verified(product: Product, account: Json) -> None:
    """Both checks of the ledger find nothing; a difference ends them with another status."""
    product.manage("rebuild_positions", "--verify", "--account-id", str(account["id"]))
    product.manage("verify_ledger", "--account-id", str(account["id"]))


@pytest.mark.parametrize("exchange_id", [SPOT, LINEAR])
def test_a_person_books_it_and_the_trade_that_comes_takes_its_place(shared, exchange_id):
    product, proxy = shared
    account = product.account(exchange_id)
    with unlisted(proxy, exchange_id):
        order = send(product, account)
        # All that was ever seen of it, before.
        product.until(lambda: product.order(order["id"])["status"] == "SUBMITTED", NAMED_S, "sent")
        case = case_of(product, account, order)
        resolve = f"/oms/reconcile/cases/{case['id']}/resolve"
        wish = {"action": "book_provisional", "comment": "not listed"}
        decided = product.send(resolve, wish)
        meanwhile, (deal,) = product.order(order["id"]), deals_of(product, account, order)
        verified(product, account)

        assert (case["kind"], case["actions"][0]) == ("missing_fill", "book_provisional")
        assert decided["resolution"] == "decided"
        assert (meanwhile["status"], meanwhile["provisional"]) == ("FILLED", True)
        assert (deal["qty"], deal["reconciled"], deal["fee"]) == ("0.02", False, None)
        assert D(deal["price"]) == D(meanwhile["avg_fill_price"])
        held = [row["qty"] for row in product.positions(account)]

    assert last_run(product, account)["state"] == "succeeded"

    order, (real,) = product.order(order["id"]), deals_of(product, account, order)
    assert (order["status"], order["provisional"], order["filled_qty"]) == ("FILLED", False, "0.02")
    assert (real["reconciled"], real["qty"]) == (True, "0.02")
    assert D(real["fee"]) > 0
    if exchange_id == LINEAR:
        assert [row["qty"] for row in product.positions(account)] == held
    verified(product, account)
    last_run(product, account)
    assert open_cases(product, account) == []


def test_the_account_books_it_by_itself_after_its_time(proxied):
    product, proxy = proxied()
    account = product.account(LINEAR)
    made = product.printed(
        product.manage("create_api_key", "--user-name", product.facts["admin"]["username"])
    )
    answer = requests.patch(
        f"{product.base}/backoffice/accounts/{account['id']}",
        json={"provisional_after_s": 10},
        headers={"x-api-key": made["api_key"]["plain"]},
        timeout=30,
    )
    assert answer.json()["provisional_after_s"] == 10
    with unlisted(proxy, LINEAR):
        order = send(product, account)
        product.until(
            lambda: product.order(order["id"])["provisional"], NAMED_S, "it is booked by itself"
        )
        (deal,) = deals_of(product, account, order)
        assert (deal["qty"], deal["reconciled"]) == ("0.02", False)
        assert product.positions(account)[0]["qty"] == "0.02"
    last_run(product, account)

    (real,) = deals_of(product, account, order)
    assert (real["reconciled"], product.order(order["id"])["provisional"]) == (True, False)
    assert product.positions(account)[0]["qty"] == "0.02"
    verified(product, account)


def open_cases(product: Product, account: Json) -> list[Any]:
    return product.every("/oms/reconcile/cases", account_ids=account["id"], state="open")
