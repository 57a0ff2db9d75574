"""One market's trouble is its own: another symbol's fills, stops and cancels go on as before."""

import time

import pytest
import requests

from tests.e2e.product import Json, Product
from tests.faults.proxy import Answer, Asked, Proxy

pytestmark = pytest.mark.e2e

SPOT = "ccxt.binance"
SOL, ETH = "SOL/USDT", "ETH/USDT"
FILL_WITHIN_S, STOP_WITHIN_S = 3.0, 3.0  # On a machine with something else to do.


def vanish(proxy: Proxy, name: str) -> None:
    """The exchange does not list the market any more, and every question about it is refused."""

    @proxy.after
    def unlist(asked: Asked, answer: Answer) -> Answer | None:
        if not asked.path.endswith("/exchangeInfo"):
            return None
        told = answer.json
        told["symbols"] = [each for each in told["symbols"] if each["symbol"] != name]
        return Answer.of(told)

    @proxy.before
    def refuse(asked: Asked) -> Answer | None:
        if asked.method == "GET" and any(name in value for value in asked.values.values()):
            return Answer.of({"code": -1121, "msg": "Invalid symbol."}, 400)
        return None


def restart(product: Product) -> None:
    process = product.processes["oms"]
    process.stop()
    process.start()
    product.wait_until_ready()


def blind(product: Product, account: Json) -> list[Json]:
    return product.get(f"/oms/risk/{account['id']}")["blind"]


def set_price(product: Product, name: str, price: str) -> None:
    product.venue("POST", "prices", {"symbol": name, "price": price})


def trade_at(product: Product, price: str) -> None:
    """Somebody else trades there: the last price is one that was traded."""
    other = next(each for each in product.accounts if is_another(product, each))
    set_price(product, "ETHUSDT", price)
    product.buy(other, "0.01", symbol=ETH, strategy_id=0)


def is_another(product: Product, account: Json) -> bool:
    return account["exchange_id"] == SPOT and account["id"] != product.account(SPOT)["id"]


def test_a_market_that_vanished_disturbs_no_other_and_its_order_can_be_cancelled(proxied):
    product, proxy = proxied()
    account = product.account(SPOT)
    buy = {"strategy_id": 1}
    sol = product.buy(account, "1", symbol=SOL, **buy)
    resting = product.buy(account, "1", symbol=SOL, order_type="limit", price="50", **buy)
    product.buy(account, "1", symbol=ETH, stop_loss="2900", **buy)
    vanish(proxy, "SOLUSDT")
    restart(product)

    waiting = product.buy(account, "0.5", symbol=ETH, order_type="limit", price="2950", **buy)
    set_price(product, "ETHUSDT", "2940")
    filled_s = product.until(
        lambda: product.order(waiting["id"])["status"] == "FILLED", FILL_WITHIN_S, "the fill"
    )
    trade_at(product, "2850")
    product.until(
        lambda: {each["symbol"] for each in product.positions(account)} == {SOL},
        STOP_WITHIN_S,
        "the stop",
    )
    product.until(lambda: blind(product, account), 10, "the trouble is named")
    named = blind(product, account)
    canceled = product.command("cancel_order", order_id=resting["id"])

    assert filled_s < FILL_WITHIN_S * 2
    assert {(each["sense"], each["name"]) for each in named} == {("orders", SOL)}
    assert "-1121" in named[0]["why"]
    assert canceled["order"]["status"] == "CANCELED"
    assert proxy.count("DELETE", "/api/v3/order") == 1
    assert [each["qty"] for each in product.positions(account)] != []
    assert sol["symbol"] == product.positions(account)[0]["symbol"]


def test_a_market_whose_questions_hang_delays_no_other(proxied):
    product, proxy = proxied()
    account = product.account(SPOT)
    for symbol, price in ((SOL, "50"), (ETH, "2950")):
        product.buy(account, "1", symbol=symbol, order_type="limit", price=price, strategy_id=1)
    proxy.before(
        lambda asked: (
            Answer(b"[]", after_s=8.0)
            if asked.path == "/api/v3/openOrders" and asked.values.get("symbol") == "SOLUSDT"
            else None
        )
    )
    time.sleep(2.5)  # It hangs by now.
    set_price(product, "ETHUSDT", "2940")

    def held() -> set[str]:
        return {each["symbol"] for each in product.positions(account)}

    assert product.until(lambda: held() == {ETH}, FILL_WITHIN_S, "the fill") < FILL_WITHIN_S * 2


def test_what_is_blind_is_told_to_the_operator_and_as_an_event(shared):
    product, proxy = shared
    account = product.account(SPOT)
    resting = product.rest(account)
    rule = proxy.before(lambda asked: Answer(b"{}") if asked.path == "/api/v3/openOrders" else None)
    product.until(lambda: blind(product, account), 12, "the trouble is named")
    events = f"{product.base}/oms/events"
    headers = {"x-api-key": product.facts["api_key"]}
    proxy.forget(rule)
    product.until(lambda: not blind(product, account), 12, "it is seen again")
    told = requests.get(
        events, params={"account_ids": account["id"], "limit": 500}, headers=headers, timeout=30
    ).json()["items"]

    kinds = [each["event"] for each in told if each["event"].startswith("account_")]
    assert kinds == ["account_blind", "account_sees_again"]
    product.command("cancel_order", order_id=resting["id"])
