"""Closes, flattening and remainders, through the running product and its venue."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.officer import Officer
from tests.e2e.product import Json, Product
from tests.e2e.strategies import add_strategies, add_strategy_account
from tests.faults.proxy import Answer, Asked, Proxy

pytestmark = pytest.mark.e2e

D = Decimal
LINEAR = "BTC/USDT:USDT"


@pytest.fixture(scope="module")
def desk(shared) -> Any:
    """A product with two strategies on one USD-M account, and somebody of the risk desk."""
    product, proxy = shared
    account = add_strategy_account(product, "ccxt.binanceusdm")
    spot, linear = product.account("ccxt.binance"), product.account("ccxt.binanceusdm")
    strategies = add_strategies(product, [account, spot, linear])
    return _Desk(product, proxy, account, strategies)


class _Desk:
    def __init__(
        self, product: Product, proxy: Proxy, account: Json, strategies: list[int]
    ) -> None:
        self.product, self.proxy, self.account = product, proxy, account
        self.one, self.other, _ = strategies
        self.officer = Officer(product)

    def trade(self, side: str, qty: str, strategy_id: int, **payload: Any) -> Json:
        order = {"symbol": LINEAR, "side": side, "order_type": "market", "qty": qty}
        order |= {"strategy_id": strategy_id} | payload
        return self.product.command("send_order", self.account["id"], **order)["order"]

    def position(self, account: Json, **wanted: Any) -> Json | None:
        rows = self.product.positions(account)
        found = [row for row in rows if wanted.items() <= row.items()]
        return found[0] if found else None

    def refused(self, name: str, **payload: Any) -> Json:
        """A command that must be refused; returns the error."""
        answer = self.product.post({"command": name, "payload": payload}, wait_ms=60_000)
        return answer.json()["results"][0]["error"]

    def cases(self, account: Json, kind: str) -> list[Json]:
        rows = self.product.every("/oms/reconcile/cases", account_ids=account["id"], state="open")
        return [row for row in rows if row["kind"] == kind]


def test_a_resting_close_is_cut_with_its_position(desk):
    product, account = desk.product, desk.account
    desk.trade("buy", "1", desk.one)
    desk.trade("sell", "1", desk.other)
    position = desk.position(account, strategy_id=desk.one)
    price = int(product.mid(account)) + 1000
    close = product.command(
        "close_position", position_id=position["id"], order_type="limit", price=str(price)
    )["order"]

    desk.trade("sell", "0.6", desk.one)
    product.until(lambda: D(product.order(close["id"])["qty"]) == D("0.4"), 3, "it is cut")
    product.set_price(account, price + 10)
    product.until(lambda: product.order(close["id"])["status"] == "FILLED", 5, "it is filled")

    assert desk.position(account, strategy_id=desk.one) is None
    assert desk.cases(account, "over_close") == []
    assert D(product.order(close["id"])["filled_qty"]) == D("0.4")
    filled = [row for row in product.journal(account) if row["event"] == "trade"]
    sold = sum(D(row["qty"]) for row in filled if row["side"] == "SELL")
    assert sold == D(2)  # The other strategy's 1, this one's 0.6 and 0.4; never 2.6.


def test_below_the_minimum_value_the_flag_tells_until_a_close_would_pass(desk):
    product, account = desk.product, desk.account
    product.set_price(account, 60_000)
    if (left := desk.position(account, strategy_id=desk.other)) is not None:
        product.command("close_position", position_id=left["id"])
    desk.trade("buy", "0.001", desk.one)
    desk.trade("sell", "0.001", desk.other)
    position = desk.position(account, strategy_id=desk.one)
    product.set_price(account, 48_000)

    def refused() -> bool:
        error = desk.refused("close_position", position_id=position["id"])
        return error is not None and error["code"] == "validation_error"

    product.until(refused, 5, "the price is seen")
    flagged = desk.position(account, id=position["id"])
    (case,) = desk.cases(account, "unclosable")
    assert flagged["unclosable"]
    assert case["proposal"]

    product.set_price(account, 60_000)
    product.until(
        lambda: not desk.position(account, id=position["id"])["unclosable"], 5, "the flag goes"
    )
    product.command("close_position", position_id=position["id"])
    assert desk.cases(account, "unclosable") == []


def test_what_another_close_leaves_free_is_not_written_off(desk):
    product, account = desk.product, desk.product.account("ccxt.binance")
    product.buy(account, "1.11", symbol="ETH/USDT")
    position = desk.position(account, symbol="ETH/USDT")
    assert position["qty"] == "1.10889"
    resting = product.command(
        "close_position", position_id=position["id"], qty="1.1088", order_type="limit",
        price="4000",
    )["order"]  # fmt: skip

    error = desk.refused("close_position", position_id=position["id"])

    assert error["code"] == "position_close_in_progress"
    assert desk.position(account, symbol="ETH/USDT")["qty"] == "1.10889"
    assert product.order(resting["id"])["status"] == "SUBMITTED"
    product.command("cancel_order", order_id=resting["id"])


def test_an_order_that_the_exchange_ended_says_why(desk):
    product, account = desk.product, desk.product.account("ccxt.binance")
    product.buy(account, "0.02")
    maker = product.rest(account, "0.01", share="1")  # The best bid.
    crossing = {"symbol": maker["symbol"], "side": "sell", "qty": "0.01", "strategy_id": 1}
    crossing |= {"order_type": "limit", "price": maker["price"], "time_in_force": "IOC"}
    crossing |= {"params": {"selfTradePreventionMode": "EXPIRE_MAKER"}}
    product.command("send_order", account["id"], **crossing)

    ended = "Ended by the exchange: self-trade prevention."
    product.until(lambda: product.order(maker["id"])["note"] == ended, 5, "the reason is told")
    assert product.order(maker["id"])["status"] == "EXPIRED"


def test_new_rules_of_markets_are_read_when_the_exchange_refuses_by_them(desk):
    product, proxy, account = desk.product, desk.proxy, desk.product.account("ccxt.binance")
    product.buy(account, "2.5", symbol="SOL/USDT")
    product.buy(account, "100", symbol="ADA/USDT")
    sol, ada = (desk.position(account, symbol=name) for name in ("SOL/USDT", "ADA/USDT"))
    assert sol["qty"] == "2.4975"

    @proxy.after
    def other_rules(asked: Asked, answer: Answer) -> Answer | None:
        if asked.path != "/api/v3/exchangeInfo":
            return None
        return Answer.of(_changed(answer.json))

    @proxy.before
    def refuse(asked: Asked) -> Answer | None:
        sent = asked.values
        if (asked.method, asked.path) != ("POST", "/api/v3/order"):
            return None
        if sent["symbol"] == "SOLUSDT" and D(sent["quantity"]) % 1:
            return Answer.of({"code": -1013, "msg": "Filter failure: LOT_SIZE"}, 400)
        return None

    product.command("close_position", position_id=sol["id"])
    proxy.forget(refuse)

    (closed,) = product.get(f"/oms/positions/{sol['id']}")["items"]
    deals = product.every("/oms/deals", account_ids=account["id"], symbol="SOL/USDT")
    assert closed["state"] == "closed"
    assert {(deal["qty"], deal["kind"]) for deal in deals if deal["side"] == "sell"} == {
        ("2", "fill"),
        ("0.4975", "correction"),
    }
    # The others are judged by what was read with it; what is too little, where a price is known.
    product.until(_priced_since(desk, account, ada["id"]), 10, "the price is looked up")
    error = desk.refused("close_position", position_id=ada["id"])
    assert (error["code"], error["details"]["limit"]) == ("validation_error", "1000")
    assert desk.position(account, id=ada["id"])["unclosable"]
    order = {"symbol": "DOGE/USDT", "side": "buy", "order_type": "market", "qty": "100"}
    body = {"command": "send_order", "account_id": account["id"], "payload": order}
    refused = product.post(body).json()["results"][0]["error"]
    assert refused["message"] == "The market is not open."
    proxy.forget(other_rules)


def _priced_since(desk: Any, account: Json, position_id: int) -> Any:
    """Whether the market's price was told after this moment, so that it may decide now."""
    asked_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

    def is_priced() -> bool:
        price_at = desk.position(account, id=position_id)["price_at"]
        return price_at is not None and price_at > asked_at

    return is_priced


def _changed(told: Json) -> Json:
    """SOL in whole coins, ADA for a thousand at least, DOGE closed."""
    for market in told["symbols"]:
        rules = {rule["filterType"]: rule for rule in market["filters"]}
        if market["symbol"] == "SOLUSDT":
            for name in ("LOT_SIZE", "MARKET_LOT_SIZE"):
                if name in rules:
                    rules[name] |= {"stepSize": "1.00000000", "minQty": "1.00000000"}
        elif market["symbol"] == "ADAUSDT":
            rules["NOTIONAL"] |= {"minNotional": "1000.00000000"}
        elif market["symbol"] == "DOGEUSDT":
            market["status"] = "BREAK"
    return told


def test_a_flatten_ends_flat_whatever_rests(desk):
    product = desk.product
    account = product.account("ccxt.binanceusdm")
    product.buy(account, "0.5", stop_loss=str(int(product.mid(account) * D("0.8"))))
    (position,) = product.positions(account)
    for share in ("1.1", "1.2"):
        price = str(int(product.mid(account) * D(share)))
        close = {"qty": "0.2", "order_type": "limit", "price": price}
        product.command("close_position", position_id=position["id"], **close)

    answer = desk.officer.act("kill", scope="account", id=account["id"], flatten=True)
    (pulled,) = answer["accounts"]
    assert (pulled["error"], pulled["flatten"]["left"]) == (None, [])

    def is_flat() -> bool:
        return product.get(f"/oms/risk/{account['id']}")["flatten"]["state"] == "flat"

    _restart(product)
    product.until(is_flat, 15, "everything is flat")
    assert product.positions(account) == []
    assert product.every("/oms/orders/open", account_ids=account["id"]) == []
    assert product.get(f"/oms/risk/{account['id']}")["flatten"] == {
        "state": "flat",
        "closing": [],
        "left": [],
    }
    desk.officer.act("release", scope="account", id=account["id"])
    product.manage("verify_ledger")


def _restart(product: Product) -> None:
    """The OMS is killed, wherever it is, and started again."""
    oms = product.processes["oms"]
    oms.kill()
    oms.start()
    product.wait_until_ready()
