"""A user's way through a difference: seen, explained, decided. Both modes, whole product."""

from decimal import Decimal

import pytest
import requests

from tests.e2e.product import Json, Product

pytestmark = pytest.mark.e2e

LINEAR, SPOT = "ccxt.binanceusdm", "ccxt.binance"
SOON_S = 20.0


def ask(product: Product, method: str, path: str, body: Json | None = None) -> requests.Response:
    headers = {"x-api-key": product.facts["api_key"]}
    return requests.request(method, product.base + path, json=body, headers=headers, timeout=30)


def run_to_its_end(product: Product, account: Json, **wish) -> Json:
    """Ask for a run, and follow it."""
    wish = {"account_id": account["id"], "scope": "short"} | wish
    answer = ask(product, "POST", "/oms/reconcile", wish)
    assert answer.status_code == 202, answer.text
    (run_id,) = answer.json()["run_ids"]

    def last() -> Json:
        path = f"/oms/reconcile/{account['id']}/status"
        return ask(product, "GET", path).json()["last_run"] or {"id": 0}

    product.until(lambda: last()["id"] >= run_id, SOON_S, "the run")
    return last()


def deposit(product: Product, account: Json, amount: str) -> None:
    market = "linear" if account["exchange_id"] == LINEAR else "spot"
    words = {"api_key": product.login(account), "asset": "USDT", "amount": amount}
    product.venue("POST", "deposits", words | {"market": market})


def open_cases(product: Product, account: Json) -> list[Json]:
    return product.every("/oms/reconcile/cases", account_ids=account["id"], state="open")


def test_every_account_is_fresh_soon_after_the_start(product):
    def freshness() -> set[str]:
        items = ask(product, "GET", "/oms/reconcile/status").json()["items"]
        return {item["status"] for item in items}

    product.until(lambda: freshness() == {"fresh"}, SOON_S, "a success on every account")


@pytest.mark.parametrize("exchange_id", [SPOT, LINEAR])
def test_money_that_came_is_explained_and_booked_by_a_person(product, exchange_id):
    account = product.account(exchange_id)
    product.buy(account, "0.01")
    run_to_its_end(product, account)

    deposit(product, account, "77")
    run = run_to_its_end(product, account)
    (case,) = open_cases(product, account)
    path = f"/oms/reconcile/cases/{case['id']}/resolve"
    decided = ask(product, "POST", path, {"action": case["action"], "comment": "salary"})
    again = run_to_its_end(product, account)

    assert (run["state"], run["found"]["balances"]["answer"]) == ("succeeded", "different")
    assert case["kind"] == "transfer"
    # What open contracts were bought for is told with eight places.
    assert abs(Decimal(case["facts"]["amount"]) - 77) < Decimal("0.000001")
    assert decided.json()["state"] == "resolved"
    assert again["found"]["balances"]["answer"] == "equal"
    assert open_cases(product, account) == []


def test_a_run_that_was_asked_for_outlives_the_worker(product):
    account = product.account(SPOT)
    name = "oms" if product.mode == "embedded" else "worker"
    route = {"kind": "slow", "ms": 3000, "route": "GET /api/v3/myTrades"}
    product.buy(account, "0.01")
    product.venue("POST", "faults", route)
    answer = ask(product, "POST", "/oms/reconcile", {"account_id": account["id"], "scope": "long"})
    (run_id,) = answer.json()["run_ids"]

    def running() -> bool:
        shown = ask(product, "GET", f"/oms/reconcile/{account['id']}/status").json()["running"]
        return bool(shown) and shown["id"] == run_id

    product.until(running, SOON_S, "the run under way")
    product.processes[name].kill()
    product.venue("DELETE", "faults")
    product.processes[name].start()
    product.wait_until_ready()

    def over() -> bool:
        found = ask(product, "GET", f"/oms/reconcile/{account['id']}/status").json()
        return (found["last_run"] or {}).get("id", 0) >= run_id and not found["running"]

    product.until(over, 2 * SOON_S, "the run made again")
