"""A price decides only with its time: whose it is, how old it is, and what happens without one."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.officer import Officer
from tests.e2e.product import Json, Process, Product, free_port
from tests.faults.conftest import QUIET
from tests.faults.proxy import Answer, Proxy

pytestmark = pytest.mark.e2e

LINEAR, ADA, DOGE = "BTC/USDT:USDT", "ADA/USDT", "DOGE/USDT"


@pytest.fixture
def running(proxied) -> Any:
    return proxied()


def refusal(product: Product, account: Json, command: str = "send_order", **payload: Any) -> Json:
    """Why a command is refused."""
    body = {"account_id": account["id"], "command": command, "payload": payload}
    result = product.post(body).json()["results"][0]
    assert not result["ok"], result
    return result["error"]


def bought(symbol: str, qty: str, **facts: Any) -> Json:
    order = {"symbol": symbol, "side": "buy", "order_type": "market", "qty": qty, "strategy_id": 1}
    return order | facts


def set_price(product: Product, symbol: str, price: str) -> None:
    name = symbol.partition(":")[0].replace("/", "")
    product.venue("POST", "prices", {"symbol": name, "price": price})


def orders_posted(proxy: Any) -> int:
    return proxy.count("POST", "/api/v3/order") + proxy.count("POST", "/fapi/v1/order")


def test_whatever_multiplies_by_a_price_takes_the_markets(running):
    product, _ = running
    officer = Officer(product)
    linear, spot = product.account("ccxt.binanceusdm"), product.account("ccxt.binance")
    hedge = product.account("ccxt.binance", "hedge")

    # The market moves and nobody here trades: marks follow, right stops pass, wrong ones do not.
    product.buy(linear, "0.01", symbol=LINEAR)
    set_price(product, LINEAR, "66000")
    time.sleep(0.5)  # As long as a price may be old without being asked for again.
    (position,) = product.positions(linear)
    change = {"command": "position_change", "position_id": position["id"]}
    wrong = refusal(product, linear, **change, stop_gain="63000")
    product.command("position_change", position_id=position["id"], stop_loss="62000")
    product.until(lambda: _floating(product, linear) > 55, 5, "the mark follows the market")
    (marked,) = product.positions(linear)

    # A trailing stop begins where the market is when it is set, not where it was before.
    set_price(product, LINEAR, "63000")
    time.sleep(0.5)
    product.command("position_change", position_id=position["id"], trailing={"amount": "900"})
    (trailed,) = product.positions(linear)

    # The first order in a symbol, plain and by a limit that the market is better than.
    first = refusal(product, spot, **bought(ADA, "100", stop_loss="0.90"))
    crossing = {"order_type": "limit", "price": "0.95", "stop_loss": "0.90"}
    beyond = refusal(product, spot, **bought(ADA, "100", **crossing))

    # A limit on value counts what the market pays, also for a sell far below it.
    for account in (spot, linear):
        officer.act(f"{account['id']}/limits", max_order_notional="1000")
    product.buy(hedge, "0.5", symbol="BTC/USDT")
    dear = refusal(product, spot, **bought("BTC/USDT", "0.5"))
    below = {"side": "sell", "order_type": "limit", "price": "40000"}
    cheap = refusal(product, linear, **bought(LINEAR, "0.02", **below))

    # A close is worth what the market pays, whatever somebody else traded at.
    product.buy(spot, "50", symbol=DOGE)
    set_price(product, DOGE, "0.05")
    product.buy(hedge, "200", symbol=DOGE)
    set_price(product, DOGE, "0.12")
    time.sleep(0.5)
    (doge,) = [row for row in product.positions(spot) if row["symbol"] == DOGE]
    product.command("close_position", position_id=doge["id"], qty="49")

    assert [wrong["code"], first["code"], beyond["code"]] == ["validation_error"] * 3
    assert wrong["details"]["field"] == "stop_gain"
    assert Decimal(wrong["details"]["limit"]) > 65000
    assert Decimal(marked["mark_price"]) > 65000
    assert marked["price_at"] > position["opened_at"]
    assert Decimal(trailed["trailing"]["best_price"]) < 63500
    assert {dear["details"]["rule"], cheap["details"]["rule"]} == {"max_order_notional"}
    assert [row["symbol"] for row in product.positions(spot)] == [DOGE]


def _floating(product: Product, account: Json) -> Decimal:
    (position,) = product.positions(account)
    return Decimal(position["floating_profit"] or 0)


def test_without_a_price_openings_that_need_one_are_refused_and_closes_pass(running):
    product, proxy = running
    officer = Officer(product)
    account = product.account("ccxt.binance")
    product.buy(account, "100", symbol=ADA)
    found = {}
    for code, answer in (
        ("exchange_error", Answer.of({}, 500)),
        ("exchange_timeout", Answer(b"{}", after_s=4)),
    ):
        rule = proxy.before(_silence(answer))
        product.until(lambda: _is_unpriced(product, account), 8, "the last price is too old")
        sent = orders_posted(proxy)
        officer.act(f"{account['id']}/limits", max_net_notional="100000")
        limited = refusal(product, account, **bought(ADA, "100"))
        officer.act(f"{account['id']}/limits", max_net_notional=None)
        with_stop = refusal(product, account, **bought(ADA, "100", stop_loss="0.40"))
        (position,) = product.positions(account)
        change = {"command": "position_change", "position_id": position["id"]}
        moved = refusal(product, account, **change, stop_loss="0.40")
        unsent = orders_posted(proxy) - sent
        product.buy(account, "100", symbol=ADA)
        product.command("close_position", position_id=position["id"], qty="50")
        found[code] = ({each["code"] for each in (limited, with_stop, moved)}, unsent)
        proxy.forget(rule)
        assert limited["details"]["symbol"] == ADA

    assert found == {code: ({code}, 0) for code in ("exchange_error", "exchange_timeout")}


def _silence(answer: Answer) -> Any:
    def rule(asked: Any) -> Answer | None:
        return answer if "/ticker/" in asked.path else None

    return rule


def _is_unpriced(product: Product, account: Json) -> bool:
    """Whether no price is young enough to decide by."""
    body = {
        "account_id": account["id"],
        "command": "send_order",
        "payload": bought(ADA, "100", stop_loss="0.90"),
    }
    return product.post(body).json()["results"][0]["error"]["code"] != "validation_error"


@dataclass
class PaysInBnb(Product):
    """Its spot logins pay fees in BNB, which they have."""

    def _processes(self) -> Iterable[Process]:
        path = self.data / "paper" / "logins.json"
        logins = json.loads(path.read_text())
        for login in logins:
            if login["market"] == "spot":
                login["fee_mode"] = "bnb"
                login["balances"]["BNB"] = "10"
        path.write_text(json.dumps(logins))
        return super()._processes()


def test_a_fee_in_a_third_coin_is_worth_what_the_exchange_says_or_unknown(tmp_path):
    venue_port = free_port()
    proxy = Proxy(venue_port).start()
    product = PaysInBnb(
        tmp_path / "product",
        venue_options=QUIET,
        venue_port=venue_port,
        settings=proxy.exchange_urls,
    )
    try:
        product.start()
        valued, unknown = product.account("ccxt.binance"), product.account("ccxt.binance", "hedge")
        rule = proxy.before(_silence(Answer.of({}, 500)))
        product.buy(unknown, "0.1", symbol="ETH/USDT")
        proxy.forget(rule)
        product.buy(valued, "0.1", symbol="ETH/USDT")
        (known,) = product.every("/oms/deals", account_ids=valued["id"])
        (hidden,) = product.every("/oms/deals", account_ids=unknown["id"])
        (paid,), (owed,) = product.positions(valued), product.positions(unknown)
    finally:
        product.stop()
        proxy.stop()

    assert {known["fee_currency"], hidden["fee_currency"]} == {"BNB"}
    assert 590 < Decimal(known["fee_rate"]) < 610
    assert Decimal(known["fee_quote"]) == Decimal(known["fee"]) * Decimal(known["fee_rate"])
    assert Decimal(paid["fees"]) == Decimal(known["fee_quote"]) > 0
    assert (hidden["fee_rate"], hidden["fee_quote"], owed["fees"]) == (None, None, None)
    assert owed["fees_by_currency"].keys() == {"BNB"}
