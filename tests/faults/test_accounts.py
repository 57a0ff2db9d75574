"""An account's wallet and its symbols: what is named wrongly goes nowhere."""

from typing import Any

import pytest
import requests

from tests.e2e.officer import Officer
from tests.e2e.product import Json, Product

pytestmark = pytest.mark.e2e

SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
WALLETS = (
    ("marginMode", "cross"),
    ("marginMode", "spam"),
    ("type", "margin"),
    ("portfolioMargin", True),
    ("sideEffectType", "MARGIN_BUY"),
)
WITHIN_S = 1.0  # Until every process uses the login that was set.


@pytest.fixture(scope="module")
def officer(shared):
    product, _ = shared
    return Officer(product)


def order_of(account: Json, **more: Any) -> Json:
    payload = {
        "symbol": account["symbols"][0],
        "side": "buy",
        "order_type": "market",
        "qty": "0.01",
    }
    return {"account_id": account["id"], "command": "send_order", "payload": payload | more}


def halt(product: Product, officer: Officer, name: str) -> requests.Response:
    body = {"scope": "symbol", "id": name, "state": "halted", "comment": "a test"}
    headers = {"x-api-key": officer._key}
    return requests.post(f"{product.base}/oms/risk/halts", json=body, headers=headers, timeout=30)


@pytest.mark.parametrize(("name", "value"), WALLETS)
@pytest.mark.parametrize("exchange_id", [SPOT, LINEAR])
def test_no_parameter_moves_an_order_to_another_wallet(shared, exchange_id, name, value):
    product, proxy = shared
    account, params = product.account(exchange_id), {name: value}
    symbol = account["symbols"][0]
    url, headers = f"{product.base}/ccxt", {"x-api-key": product.facts["api_key"]}
    seen = len([asked for asked in proxy.seen if asked.method == "POST"])

    command = product.post(order_of(account, params=params)).json()["results"][0]["error"]
    asked = {"args": [symbol, "market", "buy", "0.01", None, params], "kwargs": {}}
    called = requests.post(f"{url}/{account['id']}/createOrder", json=asked, headers=headers)
    body = {"symbol": symbol, "side": "buy", "type": "market", "amount": "0.01", "params": params}
    core = requests.post(f"{url}/core/{account['id']}/create_order", json=body, headers=headers)

    for error in (command, called.json(), core.json()):
        assert error["code"] == "validation_error", error
        assert error["details"]["field"] == f"params.{name}"
        assert str(error["details"]["value"]).lower() == str(value).lower()
    assert len([asked for asked in proxy.seen if asked.method == "POST"]) == seen


def test_a_symbol_is_halted_by_the_exchanges_own_id(shared, officer):
    product, _ = shared
    account = product.account(SPOT)
    answer = halt(product, officer, "BTCUSDT")
    refused = product.post(order_of(account)).json()["results"][0]["error"]
    unknown = halt(product, officer, "BTC-USD-PERP")
    release = {"scope": "symbol", "id": "BTCUSDT", "state": "active"}

    assert account["id"] in answer.json()["account_ids"]
    assert refused["code"] == "risk_blocked"
    assert (unknown.status_code, unknown.json()["code"]) == (422, "validation_error")
    assert unknown.json()["details"]["value"] == "BTC-USD-PERP"
    officer.act("halts", **release)
    assert product.buy(account)["status"] == "FILLED"
