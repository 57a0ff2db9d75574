"""The risk desk against a real venue: limits and halts refuse, a kill flattens."""

import pytest
import requests

from tests.e2e.agreement import check
from tests.e2e.officer import Officer
from tests.e2e.product import Json, Product

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def officer(embedded: Product) -> Officer:
    return Officer(embedded)


def _refusal(product: Product, account: Json, qty: str = "0.01") -> Json | None:
    """Why a market buy is refused, ``None`` where it is not."""
    payload = {"symbol": account["symbols"][0], "side": "buy", "order_type": "market", "qty": qty}
    body = {"account_id": account["id"], "command": "send_order", "payload": payload}
    return product.post(body).json()["results"][0]["error"]


def test_a_limit_refuses_until_it_is_off(embedded, officer):
    account = embedded.account("ccxt.binance")
    path = f"{account['id']}/limits"
    officer.act(path, max_order_qty="0.02")

    refused = _refusal(embedded, account, "0.03")
    officer.act(path, max_order_qty=None)

    assert refused["code"] == "risk_blocked"
    assert refused["details"] == {
        "field": "qty",
        "rule": "max_order_qty",
        "scope": "account",
        "id": account["id"],
        "limit": "0.02",
        "value": "0.03",
    }
    assert _refusal(embedded, account, "0.03") is None


def test_a_halted_symbol_opens_nothing_and_can_be_closed(embedded, officer):
    account = embedded.account("ccxt.binanceusdm")
    embedded.buy(account)
    officer.act("halts", scope="symbol", id=account["symbols"][0], state="halted")

    refused = _refusal(embedded, account)
    for position in embedded.positions(account):
        embedded.command("close_position", position_id=position["id"])
    officer.act("halts", scope="symbol", id=account["symbols"][0], state="active")

    assert refused["details"]["rule"] == "halt"
    assert embedded.positions(account) == []


def test_a_kill_cancels_closes_and_leaves_the_books_equal(embedded, officer):
    account = embedded.account("ccxt.binance", "hedge")
    embedded.buy(account, "0.03")
    embedded.buy(account, "0.01", side="sell")
    resting = embedded.rest(account)

    done = officer.act("kill", scope="account", id=account["id"], flatten=True)
    embedded.until(lambda: embedded.positions(account) == [], 20, "flat")
    embedded.until(
        lambda: embedded.order(resting["id"])["status"] == "CANCELED", 20, "the order cancelled"
    )
    refused = _refusal(embedded, account)
    officer.act("release", scope="account", id=account["id"])

    (stopped,) = done["accounts"]
    assert (stopped["canceling"], stopped["error"]) == ([resting["id"]], None)
    assert len(stopped["netted"]) == 2
    assert refused["details"]["rule"] == "kill_switch"
    check(embedded, account)
    embedded.manage("verify_ledger")
    assert _refusal(embedded, account) is None


def test_the_schema_names_every_address_of_the_desk(embedded):
    paths = requests.get(f"{embedded.base}/api/schema", params={"format": "json"}, timeout=30)

    found = {path for path in paths.json()["paths"] if path.startswith("/oms/risk")}

    assert len(found) == 9
