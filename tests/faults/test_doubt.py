"""Answers that do not say enough: asked about at once, never taken for "nothing", never guessed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.e2e.product import Json, Product
from tests.faults.proxy import Answer, Asked, Proxy

pytestmark = pytest.mark.e2e

SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
IDS = ("symbol", "orderId", "clientOrderId", "transactTime")
SOON_S = 3.0  # A send that nobody asks about stands in doubt for half a minute.
EMPTY = {
    "an empty object": Answer(b"{}"),
    "nothing": Answer(b""),
    "no content": Answer(b"", 204),
    "a redirect": Answer(b"", 302, {"Location": "/elsewhere"}),
    "null": Answer(b"null"),
}
HELD = {SPOT: "/api/v3/account", LINEAR: "/fapi/v3/positionRisk"}


@contextmanager
def answered(proxy: Proxy, path: str, answer: Answer, method: str = "GET") -> Iterator[None]:
    """Every such question gets this answer, and the venue never hears of it."""
    rule = proxy.before(
        lambda asked: answer if (asked.method, asked.path) == (method, path) else None
    )
    try:
        yield
    finally:
        proxy.forget(rule)


@contextmanager
def cut(proxy: Proxy, path: str, names: tuple[str, ...]) -> Iterator[None]:
    """The venue takes the order, and its answer arrives with these fields only."""

    def shorten(asked: Asked, answer: Answer) -> Answer | None:
        if (asked.method, asked.path) != ("POST", path) or answer.status != 200:
            return None
        return Answer.of({name: value for name, value in answer.json.items() if name in names})

    proxy.after(shorten)
    try:
        yield
    finally:
        proxy.forget(shorten)


def call(product: Product, account: Json, function: str, *args: Any, **kwargs: Any) -> Json:
    """What a client's own call of the exchange brings back."""
    url = f"{product.base}/ccxt/{account['id']}/{function}"
    headers = {"x-api-key": product.facts["api_key"]}
    answer = requests.post(url, json={"args": args, "kwargs": kwargs}, headers=headers, timeout=30)
    return {"status": answer.status_code, **answer.json()}


def last_run(product: Product, account: Json) -> Json:
    """A reconciliation that was asked for now, once it is over."""
    (run_id,) = product.send("/oms/reconcile", {"account_id": account["id"], "scope": "short"})[
        "run_ids"
    ]
    path = f"/oms/reconcile/{account['id']}/status"

    def over() -> bool:
        return (product.get(path)["last_run"] or {"id": 0})["id"] >= run_id

    product.until(over, 20, "the run")
    return product.get(path)["last_run"]


@pytest.mark.parametrize("names", [IDS, ("orderId",)], ids=["ids", "one id"])
@pytest.mark.parametrize(
    ("exchange_id", "path"), [(SPOT, "/api/v3/order"), (LINEAR, "/fapi/v1/order")]
)
def test_an_answer_with_an_id_and_nothing_else_is_asked_about_at_once(
    shared, exchange_id, path, names
):
    product, proxy = shared
    account = product.account(exchange_id)
    with cut(proxy, path, names):
        asked, began_s = proxy.count("GET", path), time.monotonic()
        bought = product.buy(account)
        resting = product.rest(account)
        took_s = time.monotonic() - began_s

    assert (bought["status"], bought["filled_qty"]) == ("FILLED", "0.01")
    assert resting["status"] == "SUBMITTED"
    assert proxy.count("GET", path) >= asked + 2
    assert took_s < SOON_S * 2
    product.command("cancel_order", order_id=resting["id"])


@pytest.mark.parametrize("what", EMPTY)
@pytest.mark.parametrize("exchange_id", HELD)
def test_an_empty_answer_is_not_nothing_held(shared, exchange_id, what):
    product, proxy = shared
    account = product.account(exchange_id)
    function = "fetchBalance" if exchange_id == SPOT else "fetchPositions"
    product.buy(account)
    with answered(proxy, HELD[exchange_id], EMPTY[what]):
        told, run = call(product, account, function), last_run(product, account)

    assert told["status"] == 502
    assert run["state"] == "failed"
    assert product.every("/oms/reconcile/cases", account_ids=account["id"], state="open") == []


def test_a_balance_without_its_list_is_not_nothing_held(shared):
    product, proxy = shared
    account = product.account(SPOT)
    with answered(proxy, HELD[SPOT], Answer.of({"makerCommission": 10, "canTrade": True})):
        told, run = call(product, account, "fetchBalance"), last_run(product, account)

    assert (told["status"], run["state"]) == (502, "failed")


@pytest.mark.parametrize(
    ("function", "path"),
    [("fetchOpenOrders", "/api/v3/openOrders"), ("fetchMyTrades", "/api/v3/myTrades")],
)
def test_an_empty_list_is_an_answer_and_an_empty_object_is_none(shared, function, path):
    product, proxy = shared
    account = product.account(SPOT)
    with answered(proxy, path, Answer(b"[]")):
        nothing = call(product, account, function, "BTC/USDT")
    with answered(proxy, path, Answer(b"{}")):
        silent = call(product, account, function, "BTC/USDT")

    assert (nothing["status"], nothing["result"]) == (200, [])
    assert silent["status"] == 502


def test_a_resting_order_lives_on_while_its_list_says_nothing(shared):
    product, proxy = shared
    account = product.account(SPOT)
    resting = product.rest(account)
    with answered(proxy, "/api/v3/openOrders", Answer(b"{}")):
        time.sleep(2.5)  # Two polls.
        meanwhile = product.order(resting["id"])

    assert meanwhile["status"] == "SUBMITTED"
    product.command("cancel_order", order_id=resting["id"])


@pytest.mark.parametrize(
    "code", [-2007, -2020, -2023, -4045, -1104], ids=lambda code: f"code {code}"
)
def test_a_refusal_that_ccxt_has_no_class_for_is_a_refusal(shared, code):
    product, proxy = shared
    account = product.account(LINEAR)
    order = {"symbol": account["symbols"][0], "side": "buy", "order_type": "market", "qty": "0.01"}
    body = {"account_id": account["id"], "command": "send_order", "payload": order}
    no = Answer.of({"code": code, "msg": "No."}, 400)
    with answered(proxy, "/fapi/v1/order", no, "POST"):
        result = product.post(body).json()["results"][0]

    assert (result["status"], result["order"]["status"]) == ("failed", "REJECTED")
    assert result["error"]["details"]["exchange_code"] == str(code)


@pytest.mark.parametrize(
    ("exchange_id", "percent", "limit"),
    [(LINEAR, "30", "10"), (LINEAR, "0.05", "0.1"), (SPOT, "25", "20")],
)
def test_a_trailing_distance_is_checked_as_the_market_takes_it(shared, exchange_id, percent, limit):
    product, proxy = shared
    account = product.account(exchange_id)
    posts = sum(asked.method == "POST" for asked in proxy.seen)
    order = {"symbol": account["symbols"][0], "side": "sell", "order_type": "trailing_stop",
             "qty": "0.01", "trailing_percent": percent}  # fmt: skip
    body = {"account_id": account["id"], "command": "send_order", "payload": order}
    error = product.post(body).json()["results"][0]["error"]

    assert error["code"] == "validation_error"
    assert error["details"] == {"field": "trailing_percent", "limit": limit, "value": percent}
    assert sum(asked.method == "POST" for asked in proxy.seen) == posts
