"""A login that is changed while the OMS runs is used at once by two workers and the web."""

import json
import sys
import time

import pytest
import requests

from tests.e2e.product import Json, Process, Product

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
WITHIN_S = 1.0
SPOT, STREAMING = "ccxt.binance", "ccxtpro.binanceusdm"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A product with two workers, which share the accounts between them."""
    product = Product(tmp_path_factory.mktemp("server"), mode="server").start()
    command = [sys.executable, "-u", "-m", "celery", "-A", "oms_project", "worker", "--pool"]
    command += ["threads", "--concurrency", "2", "--hostname", "second@%h"]
    other = Process("second", command, product.env, product.data / "second.log")
    product.processes["second"] = other
    other.start()
    product.until(lambda: "runner.serving" in other.log.read_text(), 30, "the second worker")
    yield product
    product.stop()


def set_login(product: Product, account: Json, key: str, secret: str) -> None:
    words = ("--account-id", str(account["id"]), "--api-key", key, "--secret", secret)
    product.manage("upsert_account_credentials", *words)


def set_by_patch(product: Product, account: Json, key: str, secret: str) -> None:
    made = product.manage("create_api_key", "--user-name", "admin")
    headers = {"x-api-key": json.loads(made)["api_key"]["plain"]}
    url = f"{product.base}/backoffice/accounts/{account['id']}"
    body = {"credentials": {"api_key": key, "secret": secret}}
    answer = requests.patch(url, json=body, headers=headers, timeout=30)
    assert answer.ok, answer.text


def send(product: Product, account: Json) -> str:
    payload = {
        "symbol": account["symbols"][0],
        "side": "buy",
        "order_type": "market",
        "qty": "0.01",
    }
    body = {"account_id": account["id"], "command": "send_order", "payload": payload}
    return product.post(body).json()["results"][0]["order"]["status"]


def read(product: Product, account: Json) -> int:
    url = f"{product.base}/ccxt/{account['id']}/fetchBalance"
    headers = {"x-api-key": product.facts["api_key"]}
    return requests.post(
        url, json={"args": [], "kwargs": {}}, headers=headers, timeout=30
    ).status_code


@pytest.mark.parametrize("set_to", [set_login, set_by_patch])
@pytest.mark.parametrize("exchange_id", [SPOT, STREAMING])
def test_a_changed_login_is_used_by_every_process_within_a_second_on_server(
    server, exchange_id, set_to
):
    account = server.account(exchange_id)
    login = next(
        row for row in server.facts["venue"]["logins"] if row["account_id"] == account["id"]
    )
    assert (send(server, account), read(server, account)) == ("FILLED", 200)

    set_to(server, account, "a wrong key", "a wrong secret")
    time.sleep(WITHIN_S)
    wrong = send(server, account), read(server, account)
    set_to(server, account, login["api_key"], login["secret"])
    time.sleep(WITHIN_S)
    right = send(server, account), read(server, account)

    assert wrong[0] == "REJECTED"
    assert wrong[1] != 200
    assert right == ("FILLED", 200)
