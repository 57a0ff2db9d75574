"""The table of functions, over every exchange of the installed ccxt."""

import inspect
import re
from functools import cache

import ccxt.async_support
import pytest

from gateway.clients import functions
from gateway.clients.functions import CORE, FUNCTIONS, Kind, find
from gateway.sessions.instance import offered
from oms_project.errors import FunctionNotAllowed, Invalid

EXCHANGES = ccxt.async_support.exchanges
# Whatever moves money, however ccxt calls it, and whatever changes an instance.
FORBIDDEN = re.compile(
    r"withdraw|transfer|borrow(?!Rate|Interest)|repay|deposit|convert|address|stake|redeem|"
    r"addMargin|reduceMargin|setMargin$|sandbox|demo|sign|request|describe|handle|urls|fetch2|"
    r"^fetch$|load(?!Markets)|^close|log$|throttle|eval|parse|safe",
    re.I,
)
NEVER = [
    "withdraw", "transfer", "transferOut", "transfer_out", "borrowCrossMargin", "repayCrossMargin",
    "createDepositAddress", "fetchDepositAddress", "fetch_deposit_address", "fetchDeposits",
    "createConvertTrade", "addMargin", "reduce_margin", "setMargin",
    "sign", "request", "fetch", "fetch2", "describe", "log", "close", "setSandboxMode",
    "set_sandbox_mode", "enableDemoTrading", "handleErrors", "loadMarketsHelper", "checkAddress",
    "sapiPostCapitalWithdrawApply", "sapi_post_capital_withdraw_apply", "privateGetAccount",
    "private_post_order", "fapiPrivatePostOrder", "publicGetTicker24hr",
    "__class__", "__init__", "__dict__", "_session", "options", "urls", "apiKey", "secret", "has",
]  # fmt: skip


@cache
def exchange(ccxt_id: str):
    """An instance; nothing is sent."""
    return getattr(ccxt.async_support, ccxt_id)()


def spellings(name: str) -> list[str]:
    """Ways to write a name past a careless check."""
    return [
        name, name.upper(), name.capitalize(), name.title(), f" {name}", f"{name} ", f"{name}\n",
        f"_{name}", f"__{name}__", f"{name}_", name.replace("_", "__"), name.replace("_", "-"),
        f"{name}\u200b", f"{name}()", f"self.{name}", f"exchange.{name}", f"{name}\x00",
        f"{name}%00", f"../{name}", functions.snake(name), name.swapcase(),
    ]  # fmt: skip


@pytest.mark.parametrize("name", NEVER)
def test_what_is_not_offered_is_refused_in_every_spelling(name):
    for spelling in spellings(name):
        with pytest.raises(FunctionNotAllowed):
            find(spelling)


def test_no_function_of_the_table_moves_money_or_changes_an_instance():
    assert [name for name in FUNCTIONS if FORBIDDEN.search(name)] == []


@pytest.mark.parametrize("ccxt_id", EXCHANGES)
def test_of_everything_an_exchange_can_be_called_by_only_the_table_is_found(ccxt_id):
    allowed = set(FUNCTIONS) | {function.method for function in FUNCTIONS.values()}
    reachable = {name for name in dir(exchange(ccxt_id)) if not name.startswith("__")}

    found = set()
    for name in reachable | set(exchange(ccxt_id).has):
        try:
            found.add(find(name).name)
        except FunctionNotAllowed:
            assert name not in allowed

    assert found <= set(FUNCTIONS)


@pytest.mark.parametrize("ccxt_id", EXCHANGES)
def test_every_exchange_takes_the_arguments_of_the_table_by_these_names(ccxt_id):
    one = exchange(ccxt_id)
    differing = []
    for function in FUNCTIONS.values():
        is_read = function.kind in (Kind.PUBLIC, Kind.PRIVATE, Kind.CONFIG)
        if not is_read or one.has.get(function.name) not in (True, "emulated"):
            continue
        method = getattr(one, function.method, None)
        if method is None:
            differing.append((function.name, "has, but has not"))
        elif function.arguments:
            names = [*inspect.signature(method).parameters]
            if names != [*function.arguments, "params"]:
                differing.append((function.name, names))

    # 4.5.90: hashkey's ``has`` names a method that is not there; calling it is our mistake there.
    assert [each for each in differing if each != ("fetchClosedOrder", "has, but has not")] == []


@pytest.mark.parametrize("ccxt_id", EXCHANGES)
def test_what_an_exchange_has_is_told_without_asking_it(ccxt_id):
    has = offered(ccxt_id)

    FUNCTIONS["createOrder"].require(has, ccxt_id)
    with pytest.raises(FunctionNotAllowed, match="does not offer"):
        FUNCTIONS["fetchTicker"].require({**has, "fetchTicker": None}, ccxt_id)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_both_spellings_name_the_same_function(name):
    python_name = exchange("kraken").un_camel_case(name)

    assert find(name) is find(python_name) is FUNCTIONS[name]
    assert FUNCTIONS[name].method == python_name


def test_arguments_are_given_by_place_by_name_or_both():
    candles = FUNCTIONS["fetchOHLCV"]

    by_place = candles.read(["BTC/USDT", "1m", None, 5, {"until": 1}], {})
    by_name = candles.read(
        [], {"symbol": "BTC/USDT", "timeframe": "1m", "limit": 5, "params": {"until": 1}}
    )
    mixed = candles.read(["BTC/USDT"], {"timeframe": "1m", "limit": 5, "params": {"until": 1}})

    assert by_place == by_name == mixed
    assert by_place.values == {"symbol": "BTC/USDT", "timeframe": "1m", "limit": 5}


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "field"),
    [
        ("fetchTicker", [], {}, "symbol"),
        ("fetchTicker", [7], {}, "symbol"),
        ("fetchTicker", ["x" * 65], {}, "symbol"),
        ("fetchTicker", ["BTC/USDT"], {"symbol": "BTC/USDT"}, "symbol"),
        ("fetchTicker", ["BTC/USDT"], {"colour": "red"}, "colour"),
        ("fetchTicker", ["BTC/USDT", {}, 1], {}, "args"),
        ("fetchTicker", ["BTC/USDT", []], {}, "params"),
        ("fetchTicker", "BTC/USDT", {}, "args"),
        ("fetchTicker", [], [], "kwargs"),
        ("fetchTickers", [[]], {}, "symbols"),
        ("fetchTickers", [["A/B"] * 201], {}, "symbols"),
        ("fetchTickers", [["A/B", 7]], {}, "symbols.1"),
        ("fetchTrades", ["BTC/USDT", -1], {}, "since"),
        ("fetchTrades", ["BTC/USDT", 1, 1501], {}, "limit"),
        ("fetchTrades", ["BTC/USDT", 1, True], {}, "limit"),
        ("setLeverage", ["5", "BTC/USDT:USDT"], {}, "leverage"),
        ("setMarginMode", ["half"], {}, "marginMode"),
        ("setPositionMode", [1], {}, "hedged"),
        ("createOrder", ["BTC/USDT", "limit", "buy", "-1", "5"], {}, "amount"),
        ("createOrder", ["BTC/USDT", "stop_loss", "buy", "1", "5"], {}, "type"),
        ("createOrder", ["BTC/USDT", "limit", "up", "1", "5"], {}, "side"),
        ("createOrders", [[]], {}, "orders"),
        ("createOrders", [["not an order"]], {}, "orders.0"),
    ],
)
def test_a_wrong_argument_is_named(name, args, kwargs, field):
    with pytest.raises(Invalid) as refusal:
        FUNCTIONS[name].read(args, kwargs)

    assert refusal.value.details["field"] == field


@pytest.mark.parametrize(
    "name",
    ["proxy", "httpProxy", "socksProxy", "url", "urls", "hostname", "headers", "test", "timestamp",
     "recvWindow", "maxRetriesOnFailure", "maxRetriesOnFailureDelay", "newClientOrderId",
     "clOrdId", "cl_ord_id", "orderLinkId", "clientOid", "subAccountId", "subaccount",
     "portfolioMargin", "broker", "brokerId", "paginate", "paginationCalls", "nonce", "signature",
     "apiKey", "secret", "rpc", "__class__", "stopLoss", "takeProfit"],
)  # fmt: skip
def test_extras_that_are_not_listed_are_refused_by_name_everywhere(name):
    for function in FUNCTIONS.values():
        with pytest.raises(Invalid) as refusal:
            function.read([], {"params": {name: "1"}} | needed(function))

        assert refusal.value.details["field"] == f"params.{name}"


def test_a_value_of_an_extra_is_plain():
    with pytest.raises(Invalid) as refusal:
        FUNCTIONS["fetchOrders"].read([], {"params": {"until": {"deep": [1]}}})

    assert refusal.value.details["field"] == "params.until"


def test_the_functions_with_typed_bodies_are_those_of_the_contract():
    assert {FUNCTIONS[name].method for name in CORE} == {
        "create_order", "cancel_order", "fetch_order", "fetch_open_orders", "fetch_balance",
        "fetch_ticker", "fetch_tickers", "fetch_markets", "load_markets",
    }  # fmt: skip
    with pytest.raises(FunctionNotAllowed):
        FUNCTIONS["fetchTrades"].require_core()


def needed(function) -> dict:
    """Values for what the function cannot do without."""
    values = {"symbol": "BTC/USDT", "id": "1", "ids": ["1"], "code": "BTC", "type": "limit",
              "side": "buy", "leverage": 2, "marginMode": "cross", "hedged": False,
              "orders": [{}]}  # fmt: skip
    return {
        name: values.get(name, "1") for name, form in function.arguments.items() if form.required
    }
