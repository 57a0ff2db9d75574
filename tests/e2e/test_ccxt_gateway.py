"""Functions of ccxt through the OMS, on the real paper venue, in both modes."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import ccxt
import pytest
import requests

from gateway.clients.functions import FUNCTIONS, Kind
from tests.e2e.agreement import check
from tests.e2e.strategies import add_strategy_account

pytestmark = pytest.mark.e2e

SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
BOTH = pytest.mark.parametrize("exchange_id", [SPOT, LINEAR])


class Caller:
    """One key's way to the gateway, on one account."""

    def __init__(self, product, exchange_id: str, key: str | None = None) -> None:
        self.product, self.account = product, product.account(exchange_id)
        self.symbol = self.account["symbols"][0]
        self.headers = {"x-api-key": key or product.facts["api_key"]}

    def post(self, path: str, body) -> requests.Response:
        headers = self.headers | {"content-type": "application/json"}
        url = f"{self.product.base}/ccxt/{path}"
        return requests.post(url, data=json.dumps(body), headers=headers, timeout=60)

    def ask(self, func: str, *args, **kwargs) -> requests.Response:
        """One call, whatever it answers."""
        return self.post(f"{self.account['id']}/{func}", {"args": args, "kwargs": kwargs})

    def call(self, func: str, *args, **kwargs):
        """The result of a call that must succeed."""
        answer = self.ask(func, *args, **kwargs)
        assert answer.status_code in (200, 202), f"{func}: {answer.text}\n{self.product.logs()}"
        assert answer.json()["ok"] is True
        return answer.json()["result"]

    def refusal(self, func: str, *args, **kwargs) -> tuple[int, str]:
        """Status and code of a call that must fail."""
        answer = self.ask(func, *args, **kwargs)
        return answer.status_code, answer.json().get("code")

    def rest(self, share: str = "0.5", **params) -> dict:
        """A resting buy; params are ccxt's."""
        price = int(self.product.mid(self.account) * Decimal(share))
        return self.call("createOrder", self.symbol, "limit", "buy", "0.01", price, params)


@pytest.fixture
def caller(product, exchange_id):
    return Caller(product, exchange_id)


@pytest.fixture(autouse=True)
def _no_faults(product):
    yield
    product.venue("DELETE", "faults")


# What the paper venue answers of what the two exchanges offer; it has no options, no lending and no
# statistics.
ANSWERED = {
    "fetchTime",
    "fetchStatus",
    "loadMarkets",
    "fetchMarkets",
    "fetchCurrencies",
    "fetchTicker",
    "fetchTickers",
    "fetchBidsAsks",
    "fetchLastPrices",
    "fetchMarkPrice",
    "fetchMarkPrices",
    "fetchOpenInterest",
    "fetchFundingRates",
    "fetchFundingIntervals",
    "fetchOrderBook",
    "fetchL2OrderBook",
    "fetchTrades",
    "fetchFundingRateHistory",
    "fetchOHLCV",
    "fetchMarkOHLCV",
    "fetchOrder",
    "fetchOrders",
    "fetchOpenOrders",
    "fetchClosedOrders",
    "fetchCanceledOrders",
    "fetchCanceledAndClosedOrders",
    "fetchMyTrades",
    "fetchBalance",
    "fetchPositions",
    "fetchPositionsRisk",
    "fetchTradingFee",
    "fetchTradingFees",
    "fetchLeverage",
    "fetchLeverages",
    "fetchLeverageTiers",
    "fetchPositionMode",
}
OF_CONTRACTS = {
    "fetchFundingRate",
    "fetchFundingInterval",
    "fetchOpenOrder",
    "fetchLedger",
    "fetchFundingHistory",
    "fetchMarketLeverageTiers",
    "fetchMarginMode",
    "fetchMarginModes",
}
NOT_THERE = "-5000"  # The venue's answer at an address that it does not have.


@BOTH
def test_every_read_that_the_exchange_offers_is_answered(caller, exchange_id):
    order = caller.rest()
    has = getattr(ccxt, exchange_id.partition(".")[2])().has
    values = {"symbol": caller.symbol, "id": order["id"], "code": "USDT", "limit": 5}
    reads = [
        function
        for function in FUNCTIONS.values()
        if function.kind in (Kind.PUBLIC, Kind.PRIVATE) and has.get(function.needs)
    ]
    calls = [
        {
            "account_id": caller.account["id"],
            "func": function.name,
            "kwargs": {name: values[name] for name in function.arguments if name in values},
        }
        for function in reads
    ]

    results = caller.post("commands", {"commands": calls, "parallel": True}).json()["results"]

    answered = {read.name for read, result in zip(reads, results, strict=True) if result["ok"]}
    assert (ANSWERED | (OF_CONTRACTS if exchange_id == LINEAR else set())) - answered == set()
    others = [result["error"] for result in results if not result["ok"]]
    assert [
        error for error in others
        if error["code"] != "validation_error"
        and error["details"].get("exchange_code") != NOT_THERE
    ] == []  # fmt: skip
    caller.call("cancelOrder", order["id"], caller.symbol)


@BOTH
def test_an_order_is_made_read_changed_and_cancelled_as_with_ccxt(caller, product):
    made = caller.rest(clientOrderId="my-own", strategy_id=1)

    found = caller.call("fetchOrder", made["id"], caller.symbol)
    listed = caller.call("fetch_open_orders", caller.symbol)
    higher = str(int(made["price"]) + 100)
    edited = caller.call("editOrder", made["id"], caller.symbol, "limit", "buy", "0.02", higher)
    cancelled = caller.call("cancelOrder", edited["id"], caller.symbol)

    assert (made["status"], made["filled"], made["remaining"]) == ("open", "0", "0.01")
    for name in ("id", "clientOrderId", "symbol", "type", "side", "price", "amount", "status"):
        assert found[name] == made[name], name
    assert made["id"] in [order["id"] for order in listed]
    assert (edited["amount"], edited["price"], edited["status"]) == ("0.02", higher, "open")
    assert (cancelled["status"], cancelled["info"]["id"]) == ("canceled", made["info"]["id"])
    ours = product.order(made["info"]["id"])
    assert (ours["status"], ours["strategy_id"], ours["reason"]) == ("CANCELED", 1, "trader")
    check(product, caller.account)


@BOTH
def test_a_market_order_is_filled_and_its_trades_are_the_exchanges(caller, product):
    order = caller.call("createMarketOrder", caller.symbol, "buy", 0.02)

    trades = caller.call("fetchMyTrades", caller.symbol)

    mine = [trade for trade in trades if trade["order"] == order["id"]]
    assert (order["status"], order["filled"]) == ("closed", "0.02")
    assert sum(Decimal(trade["amount"]) for trade in mine) == Decimal("0.02")
    assert sum(Decimal(trade["cost"]) for trade in mine) == (
        Decimal(order["average"]) * Decimal("0.02")
    )
    raw = product.every("/ccxt/trades/raw", account_ids=caller.account["id"])
    kept = {row["exchange_trade_id"] for row in raw if row["exchange_order_id"] == order["id"]}
    raw_order = product.every("/ccxt/orders/raw", account_ids=caller.account["id"])[0]
    filled = json.loads(raw_order["raw_json"])
    inside = {str(fill["id"]) for fill in filled["trades"]}
    assert raw_order["exchange_order_id"] == order["id"]
    assert kept | inside == {trade["id"] for trade in mine}
    check(product, caller.account)


@pytest.mark.parametrize("exchange_id", [SPOT])
def test_several_orders_are_made_and_all_are_cancelled(caller, product):
    price = int(product.mid(caller.account) * Decimal("0.5"))
    one = {"symbol": caller.symbol, "type": "limit", "side": "buy", "amount": 0.01, "price": price}

    made = caller.call("createOrders", [one, one | {"price": "1.001"}, one])
    cancelled = caller.call("cancelAllOrders", caller.symbol)

    assert [order["status"] for order in made] == ["open", "rejected", "open"]
    assert {made[0]["id"], made[2]["id"]} == {order["id"] for order in cancelled}
    assert caller.call("fetchOpenOrders", caller.symbol) == []


def test_a_trigger_rests_and_is_cancelled(product):
    caller = Caller(product, LINEAR)
    above = str(int(product.mid(caller.account) * 2))

    made = caller.call("createTriggerOrder", caller.symbol, "market", "buy", "0.01", None, above)
    cancelled = caller.call("cancelOrder", made["id"], caller.symbol)

    assert (made["type"], made["triggerPrice"], made["status"]) == ("market", above, "open")
    assert (cancelled["id"], cancelled["status"]) == (made["id"], "canceled")


@pytest.mark.parametrize("exchange_id", [SPOT])
def test_an_answer_that_is_lost_is_202_and_found_again_by_our_name(caller, product):
    fault = {"route": "POST /api/v3/order", "kind": "gateway", "status": 502, "accept": True,
             "count": 1}  # fmt: skip
    product.venue("POST", "faults", fault)
    price = int(product.mid(caller.account) * Decimal("0.5"))

    answer = caller.ask("createOrder", caller.symbol, "limit", "buy", "0.01", price)

    order = answer.json()["result"]
    assert (answer.status_code, order["status"]) == (202, None)
    assert order["id"] == f"oms:{order['info']['id']}"
    product.until(
        lambda: caller.call("fetchOrder", order["id"])["status"] == "open", 10, "the lost order"
    )
    caller.call("cancelOrder", order["id"])
    assert product.order_posts()[order["clientOrderId"]] == 1


def test_account_settings_go_to_the_exchange_and_two_way_does_not(product):
    caller = Caller(product, LINEAR)

    caller.call("setLeverage", 7, caller.symbol)
    refused = caller.refusal("setPositionMode", True)

    assert caller.call("fetchLeverage", caller.symbol)["longLeverage"] == 7
    assert refused == (422, "validation_error")
    assert caller.call("fetchPositionMode")["hedged"] is False
    assert caller.refusal("setLeverage", 900, caller.symbol) == (422, "validation_error")


def _holder(product, account, *only: str) -> Caller:
    """A new key of the trader's on this account."""
    words = ("--user-name", "trader", "--account-id", str(account["id"]), *only)
    issued = json.loads(product.manage("create_api_key", *words))
    caller = Caller(product, SPOT, issued["api_key"]["plain"])
    caller.account = account
    return caller


def test_a_restricted_key_sees_its_own_orders_only(product):
    account = add_strategy_account(product, SPOT)
    whole = _holder(product, account)
    strategy_id = requests.post(
        f"{product.base}/strategies",
        json={"name": "the robot's", "account_ids": [account["id"]]},
        headers=whole.headers,
        timeout=30,
    ).json()["strategy_id"]
    robot = _holder(product, account, "--strategy-id", str(strategy_id))
    theirs, own = whole.rest(), robot.rest(strategy_id=strategy_id)

    shown = [order["id"] for order in robot.call("fetchOpenOrders", robot.symbol)]

    assert shown == [own["id"]]
    assert robot.refusal("fetchOrder", theirs["id"], robot.symbol) == (404, "order_not_found")
    assert robot.refusal("cancelOrder", theirs["id"], robot.symbol) == (404, "order_not_found")
    assert robot.refusal("fetchBalance") == (403, "permission_denied")
    raw = requests.get(
        f"{product.base}/ccxt/orders/raw",
        params={"account_ids": robot.account["id"]},
        headers=robot.headers,
        timeout=30,
    ).json()["items"]
    told_of = {row["exchange_order_id"] for row in raw}
    assert own["id"] in told_of
    assert theirs["id"] not in told_of
    assert [order["id"] for order in robot.call("cancelAllOrders")] == [own["id"]]
    assert whole.call("fetchOrder", theirs["id"], whole.symbol)["status"] == "open"
    whole.call("cancelAllOrders")


def test_slow_market_data_does_not_hold_up_an_order(product):
    caller = Caller(product, SPOT)
    caller.call("fetchTicker", caller.symbol)
    product.venue("POST", "faults", {"route": "GET /api/v3/*", "kind": "slow", "ms": 9000})
    since = iter(range(1, 100))

    with ThreadPoolExecutor(30) as clients:
        slow = [
            clients.submit(caller.ask, "fetchTrades", caller.symbol, next(since), 5)
            for _ in range(30)
        ]
        order = caller.call("createMarketOrder", caller.symbol, "buy", 0.01)
        waiting = sum(not call.done() for call in slow)
        statuses = {call.result().status_code for call in slow}

    assert order["status"] == "closed"
    assert waiting >= 10
    assert statuses <= {200, 503, 504}


def test_what_is_not_in_the_table_never_reaches_the_exchange(product):
    caller = Caller(product, SPOT)

    for name in ("withdraw", "transfer", "sign", "fetch2", "request", "privateGetAccount",
                 "sapiPostCapitalWithdrawApply", "__init__", "fetchDepositAddress"):  # fmt: skip
        assert caller.refusal(name, "BTC", 1, "address") == (403, "function_not_allowed")

    routes = {row["route"] for row in product.venue("GET", "requests")["routes"]}
    assert not [route for route in routes if "withdraw" in route or "capital" in route]
