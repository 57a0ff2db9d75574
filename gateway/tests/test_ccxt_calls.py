"""Calls below ``/ccxt``, with a local exchange that answers as it is told."""

import asyncio
import json
from dataclasses import replace

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts import authentication
from accounts.audit import OPERATOR
from accounts.models import Account, AuditEntry, Strategy
from accounts.permissions import Caller
from accounts.services.accounts import upsert_credentials
from accounts.tests import builders
from accounts.words import Role
from gateway import loop, markets, raw, readers, sessions
from gateway.api.requests import MOST_CALLS, Asked, answer
from gateway.tests.venue import Answer, code, html, venue
from oms_project.errors import OmsError
from positions import ports, projector
from positions.api.pool import in_pool
from positions.models import ExchangeOrder, Order
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR, SPOT

# Readers look into the database on threads of their own.
pytestmark = pytest.mark.django_db(transaction=True)

TICKER = {"symbol": "BTCUSDT", "lastPrice": "60000.10", "bidPrice": "1", "askPrice": "2",
          "closeTime": 1795646742019}  # fmt: skip
TICKERS = "GET /api/v3/ticker/24hr"


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.OMS_EXCHANGE_PORT = "positions.tests.fakes.FakeExchange"
    settings.OMS_RISK_PORT = "positions.tests.fakes.FakeRisk"
    settings.CREDENTIALS_KEYS = ["a key for tests"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.OMS_CCXT_TIMEOUT_S = 10.0  # The first call in a process imports ccxt.
    _forget()
    yield
    loop.reading.call(readers.close_all(), 5)
    loop.stop()
    _forget()


def _forget() -> None:
    for remembered in (ports.exchange, ports.risk_gate):
        remembered.cache_clear()
    markets.forget()
    sessions._loaded.clear()
    authentication.forget()
    cache.clear()


@pytest.fixture
def desk() -> Desk:
    """A spot account with a login."""
    return with_login(Desk(SPOT))


@pytest.fixture
def contracts() -> Desk:
    """An account for perpetuals with a login."""
    return with_login(Desk(LINEAR, exchange_id="ccxt.binanceusdm"))


def with_login(desk: Desk) -> Desk:
    upsert_credentials(account=desk.account, api_key="k" * 20, secret="never shown", by=OPERATOR)
    return desk


async def call(caller: Caller, account: Account, func: str, *args, core=None, **kwargs):
    """Status and body of one call."""
    path = f"/ccxt/{account.pk}/{func}" if core is None else f"/ccxt/core/{account.pk}/{func}"
    return await post(caller, path, {"args": args, "kwargs": kwargs} if core is None else core)


async def post(caller: Caller, path: str, body, **query: str):
    """Status and body of one request."""
    asked = Asked(caller, path, json.dumps(body).encode(), "application/json", query, "r-1")
    try:
        status, text = await answer(asked)
    except OmsError as error:
        return error.status, error.body("r-1")
    return status, json.loads(text)


# --- market data ---


async def test_market_data_is_fetched_once_for_all_accounts(desk, contracts):
    other = await in_pool(lambda: with_login(Desk(SPOT)))
    async with venue() as exchange:
        exchange.answers[TICKERS] = Answer(body=TICKER)

        found = await asyncio.gather(
            *(call(each.caller, each.account, "fetchTicker", "BTC/USDT")
              for each in (desk, other) * 20)
        )  # fmt: skip

    assert {status for status, _body in found} == {200}
    assert {body["result"]["last"] for _status, body in found} == {"60000.1"}
    assert exchange.count("GET", "/api/v3/ticker/24hr") == 1


async def test_an_answer_is_shared_for_as_long_as_the_setting_says(desk, settings):
    settings.OMS_MARKET_DATA_LIFE_S = 0
    async with venue() as exchange:
        exchange.answers[TICKERS] = Answer(body=TICKER)

        for _ in range(3):
            await call(desk.caller, desk.account, "fetch_ticker", symbol="BTC/USDT")

    assert exchange.count("GET", "/api/v3/ticker/24hr") == 3


async def test_the_readers_of_market_data_have_no_login(desk):
    async with venue():
        await call(desk.caller, desk.account, "loadMarkets")
        profile = await in_pool(markets.profile, desk.account.pk)

        async def credentials() -> list:
            reader = await readers.for_market_data(profile)
            return [reader.session.exchange.apiKey, reader.session.exchange.secret]

        found = await in_pool(lambda: loop.reading.call(credentials(), 5))

    assert not any(found)


async def test_markets_come_from_the_list_that_orders_work_with(desk):
    async with venue() as exchange:
        by_symbol = await call(desk.caller, desk.account, "load_markets")
        listed = await call(desk.caller, desk.account, "fetch_markets", core={})
        known = exchange.count("GET", "/api/v3/exchangeInfo")

        await call(desk.caller, desk.account, "loadMarkets")

    assert by_symbol[1]["result"]["BTC/USDT"]["precision"]["amount"] == "0.00001"
    assert [market["symbol"] for market in listed[1]["result"]] == ["BTC/USDT"]
    assert known == exchange.count("GET", "/api/v3/exchangeInfo") == 1


# --- what goes wrong ---


@pytest.mark.parametrize(
    ("fault", "status", "error", "exception", "number"),
    [
        (code(400, -1121), 422, "validation_error", "BadSymbol", "-1121"),
        (code(400, -1102), 422, "validation_error", "BadRequest", "-1102"),
        (code(400, -2013), 404, "order_not_found", "OrderNotFound", "-2013"),
        (code(401, -2015), 502, "exchange_error", "AuthenticationError", "-2015"),
        (code(429, -1003), 502, "exchange_error", "DDoSProtection", "-1003"),
        (code(500, -1000), 502, "exchange_error", "OperationFailed", "-1000"),
        (html(502), 502, "exchange_error", "ExchangeNotAvailable", None),
        (html(504), 504, "exchange_timeout", "RequestTimeout", None),
        (Answer(how="reset"), 502, "exchange_error", "ExchangeNotAvailable", None),
        (Answer(how="hang"), 504, "exchange_timeout", "RequestTimeout", None),
    ],
)
async def test_an_error_has_its_code_and_nothing_of_the_exchanges_text(
    desk, fault, status, error, exception, number
):
    async with venue() as exchange:
        exchange.answers["GET /api/v3/order"] = fault

        found, body = await call(desk.caller, desk.account, "fetchOrder", "1", "BTC/USDT")

    assert (found, body["code"]) == (status, error)
    assert (body["details"]["exception"], body["details"]["exchange_code"]) == (exception, number)
    told = json.dumps(body)
    assert not any(word in told for word in ("Some text", "signature", "timestamp", "kkkk", "html"))


async def test_a_call_ends_when_its_time_is_over(desk, settings):
    settings.OMS_CCXT_TIMEOUT_S = 0.2
    async with venue(OMS_EXCHANGE_TIMEOUT_MS=60_000) as exchange:
        await call(desk.caller, desk.account, "loadMarkets")
        exchange.answers[TICKERS] = Answer(how="hang")

        status, body = await call(desk.caller, desk.account, "fetchTicker", "BTC/USDT")

    assert (status, body["code"], body["details"]) == (504, "exchange_timeout", {"limit": 0.2})


async def test_an_exchange_that_hangs_uses_up_its_own_share_only(desk, contracts, settings):
    settings.OMS_CCXT_IN_FLIGHT = 2
    async with venue() as exchange:
        exchange.answers["GET /api/v3/order"] = Answer(how="hang")
        exchange.answers["GET /fapi/v1/ticker/24hr"] = Answer(body=TICKER)
        exchange.answers[TICKERS] = Answer(body=TICKER)
        await call(desk.caller, desk.account, "fetchBalance")
        hanging = [
            asyncio.create_task(call(desk.caller, desk.account, "fetchOrder", str(one), "BTC/USDT"))
            for one in range(2)
        ]
        await until(lambda: exchange.count("GET", "/api/v3/order") == 2)

        third = await call(desk.caller, desk.account, "fetchOrder", "3", "BTC/USDT")
        tickers = await call(desk.caller, desk.account, "fetchTicker", "BTC/USDT")
        elsewhere = await call(contracts.caller, contracts.account, "fetchTicker", LINEAR)
        ended = await asyncio.gather(*hanging)

    assert (third[0], third[1]["code"]) == (503, "engine_unavailable")
    assert [tickers[0], elsewhere[0]] == [200, 200]
    assert [status for status, _body in ended] == [504, 504]
    assert exchange.count("GET", "/api/v3/order") == 2


async def test_the_process_has_a_limit_of_its_own(desk, settings):
    settings.OMS_CCXT_CALLS = 0
    async with venue():
        status, body = await call(desk.caller, desk.account, "fetchTicker", "BTC/USDT")

    assert (status, body["code"]) == (503, "engine_unavailable")


async def test_a_changed_login_is_used_from_then_on(desk, monkeypatch):
    monkeypatch.setattr(readers, "LOGIN_LOOK_S", 0)
    keys = []

    def account(request):
        keys.append(request.headers["X-MBX-APIKEY"])
        return Answer(body={"balances": [], "uid": 1})

    async with venue() as exchange:
        exchange.answers["GET /api/v3/account"] = account
        await call(desk.caller, desk.account, "fetchBalance")
        await in_pool(
            lambda: upsert_credentials(
                account=desk.account, api_key="n" * 20, secret="s", by=OPERATOR
            )
        )

        await call(desk.caller, desk.account, "fetchBalance")

    assert keys == ["k" * 20, "n" * 20]


# --- rights ---


async def test_without_can_read_nothing_is_told(desk):
    stranger = replace(desk.caller, rights={})
    async with venue() as exchange:
        for func in ("fetchTicker", "fetchBalance", "createOrder", "setLeverage", "withdraw"):
            status, body = await call(stranger, desk.account, func)

            assert (status, body["code"]) == (404, "account_not_found")
    assert exchange.seen == []


@pytest.mark.parametrize(
    ("func", "args"),
    [
        ("createOrder", ["BTC/USDT", "market", "buy", 1]),
        ("createOrders", [[{}]]),
        ("editOrder", ["1"]),
        ("cancelOrder", ["1"]),
        ("cancelOrders", [["1"]]),
        ("cancelAllOrders", []),
        ("setLeverage", [2, "BTC/USDT"]),
        ("setMarginMode", ["cross", "BTC/USDT"]),
        ("setPositionMode", [False]),
    ],
)
async def test_whoever_only_reads_neither_trades_nor_sets_anything(desk, func, args):
    for role, expected in (("readonly", "permission_denied"), ("admin", "admin_read_only")):
        status, body = await call(desk.caller_with(role=Role(role)), desk.account, func, *args)

        assert (status, body["code"]) == (403, expected)


@pytest.mark.parametrize("func", ["withdraw", "sign", "fetch2", "__class__", "privateGetAccount"])
async def test_what_is_not_in_the_table_is_refused(desk, func):
    async with venue() as exchange:
        single = await call(desk.caller, desk.account, func)
        typed = await call(desk.caller, desk.account, func, core={})
        batch = await post(
            desk.caller, "/ccxt/commands", [{"account_id": desk.account.pk, "func": func}]
        )

    assert [(status, body["code"]) for status, body in (single, typed)] == [
        (403, "function_not_allowed")
    ] * 2
    assert (batch[0], batch[1]["results"][0]["error"]["code"]) == (403, "function_not_allowed")
    assert exchange.seen == []


# --- restricted keys ---


def raw_order(order_id: str) -> dict:
    """One resting order as Binance writes it."""
    return {"symbol": "BTCUSDT", "orderId": int(order_id), "clientOrderId": f"c{order_id}",
            "price": "100.00", "origQty": "1.00", "executedQty": "0.00", "status": "NEW",
            "type": "LIMIT", "side": "BUY", "timeInForce": "GTC", "time": 1}  # fmt: skip


@pytest.fixture
def two_strategies(desk) -> tuple[Caller, Order, Order]:
    """A key restricted to one of two strategies, an order of each, told apart by 11 and 12."""
    own, other = desk.strategy(), desk.strategy()
    mine, theirs = (desk.rest(strategy_id=each.pk, qty="0.1") for each in (own, other))
    for order, number in ((mine, "11"), (theirs, "12")):
        ExchangeOrder.objects.filter(order=order).update(exchange_order_id=number)
        Order.objects.filter(pk=order.pk).update(exchange_order_id=number, client_order_id="x" * 5)
    return desk.caller_with(strategies=[own.pk]), mine, theirs


async def test_a_restricted_key_sees_its_own_orders_among_those_of_the_exchange(
    desk, two_strategies
):
    restricted, _mine, _theirs = two_strategies
    async with venue() as exchange:
        exchange.answers["GET /api/v3/openOrders"] = Answer(
            body=[raw_order("11"), raw_order("12"), raw_order("13")]
        )

        whole = await call(desk.caller, desk.account, "fetchOpenOrders", "BTC/USDT")
        own = await call(restricted, desk.account, "fetchOpenOrders", "BTC/USDT")

    assert [row["id"] for row in whole[1]["result"]] == ["11", "12", "13"]
    assert [row["id"] for row in own[1]["result"]] == ["11"]
    assert [row["clientOrderId"] for row in whole[1]["result"]] == ["xxxxx", "xxxxx", "c13"]


async def test_a_restricted_key_sees_the_fills_of_its_own_orders(desk, two_strategies):
    restricted, _mine, _theirs = two_strategies
    fill = {"symbol": "BTCUSDT", "price": "1", "qty": "1", "quoteQty": "1", "commission": "0",
            "commissionAsset": "BNB", "time": 1, "isBuyer": True}  # fmt: skip
    async with venue() as exchange:
        exchange.answers["GET /api/v3/myTrades"] = Answer(
            body=[fill | {"id": 1, "orderId": 11}, fill | {"id": 2, "orderId": 12}]
        )

        whole = await call(desk.caller, desk.account, "fetchMyTrades", "BTC/USDT")
        own = await call(restricted, desk.account, "fetchMyTrades", "BTC/USDT")

    assert [row["order"] for row in whole[1]["result"]] == ["11", "12"]
    assert [row["order"] for row in own[1]["result"]] == ["11"]


@pytest.mark.parametrize("func", ["fetchOrder", "fetchOrderTrades"])
async def test_the_order_of_another_strategy_does_not_exist(desk, two_strategies, func):
    restricted, _mine, theirs = two_strategies
    async with venue() as exchange:
        for order_id in ("12", f"oms:{theirs.pk}", "13"):
            status, body = await call(restricted, desk.account, func, order_id, "BTC/USDT")

            assert (status, body["code"]) == (404, "order_not_found")
    assert exchange.count("GET", "/api/v3/order") == 0


@pytest.mark.parametrize(
    "func",
    ["fetchBalance", "fetchPositions", "fetchLedger", "fetchFundingHistory", "fetchMyLiquidations"],
)
async def test_what_would_show_other_strategies_is_refused(desk, two_strategies, func):
    restricted, _mine, _theirs = two_strategies
    async with venue() as exchange:
        status, body = await call(restricted, desk.account, func)

    assert (status, body["code"]) == (403, "strategy_permission_denied")
    assert exchange.seen == []


async def test_a_restricted_key_gets_facts_without_what_the_exchange_said_beside(
    desk, two_strategies
):
    restricted, _mine, _theirs = two_strategies
    fee = [{"symbol": "BTCUSDT", "makerCommission": "0.001", "takerCommission": "0.002"}]
    async with venue() as exchange:
        exchange.answers["GET /sapi/v1/asset/tradeFee"] = Answer(body=fee)

        whole = await call(desk.caller, desk.account, "fetchTradingFee", "BTC/USDT")
        own = await call(restricted, desk.account, "fetchTradingFee", "BTC/USDT")

    assert whole[1]["result"]["info"] == fee[0]
    assert own[1]["result"]["taker"] == "0.002"
    assert "info" not in own[1]["result"]


@pytest.mark.parametrize(
    ("func", "args"),
    [("setLeverage", [2, LINEAR]), ("setMarginMode", ["cross", LINEAR]),
     ("setPositionMode", [False])],
)  # fmt: skip
async def test_a_restricted_key_sets_nothing_for_the_whole_account(contracts, func, args):
    restricted = contracts.caller_with(strategies=[1])
    async with venue() as exchange:
        status, body = await call(restricted, contracts.account, func, *args)

    assert (status, body["code"]) == (403, "strategy_permission_denied")
    assert exchange.seen == []


async def test_a_restricted_key_cancels_only_its_own(desk, two_strategies):
    restricted, mine, theirs = two_strategies

    refused = await call(restricted, desk.account, "cancelOrder", "12", "BTC/USDT")
    edited = await call(restricted, desk.account, "editOrder", "12", "BTC/USDT", "limit", "sell", 9)
    asked = asyncio.create_task(call(restricted, desk.account, "cancelAllOrders"))
    await until_in_pool(lambda: desk.fresh(mine).cancel_requested_at is not None)
    asked.cancel()

    assert [refused[1]["code"], edited[1]["code"]] == ["order_not_found"] * 2
    assert (await in_pool(desk.fresh, theirs)).cancel_requested_at is None


# --- account settings ---


async def test_setting_leverage_is_written_down_before_and_after(contracts):
    async with venue() as exchange:
        exchange.answers["POST /fapi/v1/leverage"] = Answer(body={"leverage": 5})

        status, body = await call(contracts.caller, contracts.account, "setLeverage", 5, LINEAR)

    assert (status, body["result"]) == (200, {"leverage": 5})
    assert exchange.sent("POST", "/fapi/v1/leverage")["leverage"] == "5"
    trail = await in_pool(lambda: list(AuditEntry.objects.about("account", contracts.account.pk)))
    done, asked = trail[:2]
    assert (asked.action, asked.user_id, asked.request_id) == (
        "ccxt_set_leverage", contracts.user.pk, "r-1",
    )  # fmt: skip
    assert asked.after == {"asked": {"leverage": 5, "symbol": LINEAR, "params": {}}}
    assert done.after == {"outcome": "done"}


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        (code(400, -4028), 422, "order_rejected"),
        (Answer(how="hang"), 504, "exchange_timeout"),
        (html(502), 502, "exchange_error"),
    ],
)
async def test_what_became_of_a_refused_setting_is_written_down(contracts, fault, status, error):
    async with venue() as exchange:
        exchange.answers["POST /fapi/v1/leverage"] = fault

        found = await call(contracts.caller, contracts.account, "setLeverage", 5, LINEAR)

    assert (found[0], found[1]["code"]) == (status, error)
    assert exchange.count("POST", "/fapi/v1/leverage") == 1
    newest = await in_pool(lambda: AuditEntry.objects.about("account", contracts.account.pk)[0])
    assert newest.after["outcome"] == error


async def test_two_way_mode_is_never_asked_for(contracts):
    async with venue() as exchange:
        status, body = await call(contracts.caller, contracts.account, "set_position_mode", True)

    assert (status, body["code"], body["details"]["field"]) == (422, "validation_error", "hedged")
    assert exchange.seen == []


async def test_a_blocked_account_keeps_its_settings(contracts):
    await in_pool(lambda: Account.objects.update(status="blocked"))
    async with venue() as exchange:
        status, body = await call(contracts.caller, contracts.account, "setLeverage", 50, LINEAR)

    assert (status, body["code"]) == (409, "risk_blocked")
    assert exchange.seen == []


# --- orders ---


async def test_an_order_is_a_command_and_its_answer_ccxts(desk):
    asked = asyncio.create_task(
        call(desk.caller, desk.account, "createOrder", "BTC/USDT", "limit", "buy", "0.5", 100,
             {"clientOrderId": "mine", "comment": "by ccxt"})
    )  # fmt: skip
    await until_in_pool(Order.objects.exists)
    order = await in_pool(Order.objects.get)
    await in_pool(lambda: desk.fill(order, "0.5", "99"))

    status, body = await asked

    shown = body["result"]
    assert (status, shown["status"], shown["filled"], shown["average"]) == (
        200,
        "closed",
        "0.5",
        "99",
    )
    assert (shown["clientOrderId"], shown["info"]["comment"]) == ("mine", "by ccxt")
    assert shown["info"]["reason"] == "trader"
    assert await in_pool(lambda: order.command.kind) == "send_order"


async def test_an_order_in_doubt_is_202_without_a_status(desk):
    asked = asyncio.create_task(
        call(desk.caller, desk.account, "createMarketBuyOrder", "BTC/USDT", "0.5",
             params={"request_id": "once"})
    )  # fmt: skip
    await until_in_pool(Order.objects.exists)
    order = await in_pool(Order.objects.get)

    def lose() -> None:
        claim = desk.claim_one()
        projector.mark_unknown(claim.instruction.pk, claim.fence)

    await in_pool(lose)
    status, body = await asked
    again = await call(desk.caller, desk.account, "createMarketBuyOrder", "BTC/USDT", "0.5",
                       params={"request_id": "once"})  # fmt: skip
    seen = await call(desk.caller, desk.account, "fetchOrder", body["result"]["id"])

    assert (status, body["result"]["id"], body["result"]["status"]) == (
        202,
        f"oms:{order.pk}",
        None,
    )
    assert again[1]["result"]["id"] == seen[1]["result"]["id"] == f"oms:{order.pk}"
    assert await in_pool(Order.objects.count) == 1


async def test_an_order_that_the_rules_refuse_stores_nothing(desk):
    status, body = await call(
        desk.caller, desk.account, "create_order", core={
            "symbol": "BTC/USDT", "order_type": "limit", "side": "buy", "amount": 1,
            "price": "1.001",
        },
    )  # fmt: skip

    assert (status, body["code"], body["details"]["field"]) == (422, "validation_error", "price")
    assert not await in_pool(Order.objects.exists)


async def test_of_several_orders_the_refused_one_is_shown_in_its_place(desk):
    one = {"symbol": "BTC/USDT", "type": "limit", "side": "buy", "amount": 1, "price": 100}
    asked = asyncio.create_task(
        call(desk.caller, desk.account, "createOrders", [one | {"price": "1.001"}, one])
    )
    await until_in_pool(Order.objects.exists)
    order = await in_pool(Order.objects.get)
    await in_pool(lambda: desk.fill(order, "1", "99"))

    status, body = await asked

    refused, taken = body["result"]
    assert status == 200
    assert (refused["status"], refused["info"]["error"]["code"]) == ("rejected", "validation_error")
    assert taken["status"] == "closed"


# --- batches ---


async def test_a_batch_keeps_its_order_and_each_call_stands_alone(desk, contracts):
    calls = [
        {"account_id": desk.account.pk, "func": "fetchTicker", "args": ["BTC/USDT"]},
        {"account_id": desk.account.pk, "func": "withdraw"},
        {"account_id": 999, "func": "fetchTicker", "args": ["BTC/USDT"]},
        {"func": "fetchTicker"},
        {"account_id": desk.account.pk, "func": "fetch_markets", "kwargs": {}},
    ]
    async with venue() as exchange:
        exchange.answers[TICKERS] = Answer(body=TICKER)
        for parallel in (True, False):
            status, body = await post(
                desk.caller, "/ccxt/commands", {"commands": calls, "parallel": parallel}
            )

            results = body["results"]
            assert (status, body["ok"]) == (207, False)
            assert [result["index"] for result in results] == [0, 1, 2, 3, 4]
            assert [result["ok"] for result in results] == [True, False, False, False, True]
            assert [result["error"]["code"] for result in results[1:4]] == [
                "function_not_allowed", "account_not_found", "validation_error",
            ]  # fmt: skip


async def test_a_batch_without_parallel_asks_one_after_the_other(desk):
    calls = [
        {"account_id": desk.account.pk, "func": "fetchOrder", "args": [str(one), "BTC/USDT"]}
        for one in range(4)
    ]
    async with venue() as exchange:
        exchange.answers["GET /api/v3/order"] = lambda request: Answer(
            body=raw_order(request.query["orderId"])
        )
        status, body = await post(desk.caller, "/ccxt/commands", calls)

    asked = [words["orderId"] for method, path, words in exchange.seen if path == "/api/v3/order"]
    assert (status, body["ok"]) == (200, True)
    assert asked == ["0", "1", "2", "3"]
    assert [result["result"]["id"] for result in body["results"]] == asked


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "commands"),
        ({}, "commands"),
        ({"commands": {}}, "commands"),
        ([{}] * (MOST_CALLS + 1), "commands"),
        ({"commands": [{}], "parallel": "often"}, "parallel"),
        ({"commands": [{}], "colour": "red"}, "colour"),
        (7, "body"),
    ],
)
async def test_a_batch_that_cannot_be_read_names_the_field(desk, body, field):
    status, answered = await post(desk.caller, "/ccxt/commands", body)

    assert (status, answered["details"]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/ccxt/{}/fetchTicker", {"colour": "red"}, "colour"),
        ("/ccxt/{}/fetchTicker", [], "body"),
        ("/ccxt/{}/fetchTicker", {"args": "BTC/USDT"}, "args"),
        ("/ccxt/core/{}/fetch_ticker", {"args": ["BTC/USDT"]}, "args"),
        ("/ccxt/core/{}/create_order", {"type": "limit", "order_type": "limit"}, "order_type"),
        ("/ccxt/core/{}/fetch_ticker", [], "body"),
    ],
)
async def test_a_body_that_does_not_fit_names_the_field(desk, path, body, field):
    status, answered = await post(desk.caller, path.format(desk.account.pk), body)

    assert (status, answered["code"]) == (422, "validation_error")
    assert answered["details"]["field"] == field


# --- through Django ---


def test_the_addresses_want_a_key_before_anything_else(desk):
    for path in ("/ccxt/1/fetchTicker", "/ccxt/core/1/x", "/ccxt/commands", "/ccxt/orders/raw"):
        answered = Client().post(path, b"{", content_type="application/json")

        assert (answered.status_code, answered.json()["code"]) == (401, "missing_api_key")


def test_the_view_answers_as_the_plain_application_does(desk):
    key = builders.key(desk.user, desk.account)
    client, headers = Client(), {"x-api-key": key.plain}

    refused = client.post(
        f"/ccxt/{desk.account.pk}/withdraw", {}, "application/json", headers=headers
    )
    text = client.post(f"/ccxt/{desk.account.pk}/fetchTicker", b"x", "text/plain", headers=headers)
    got = client.get(f"/ccxt/{desk.account.pk}/fetchTicker", headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (403, "function_not_allowed")
    assert refused.json()["request_id"]
    assert (text.status_code, text.json()["code"]) == (415, "unsupported_media_type")
    assert (got.status_code, got.json()["code"]) == (405, "method_not_allowed")


# --- raw rows ---


def evidence(desk: Desk, order_id: str, at=None, **facts) -> None:
    """Store what the exchange said of an order and of one fill of it."""
    order = {"id": order_id, "symbol": "BTC/USDT", "clientOrderId": f"c{order_id}"} | facts
    trade = {"id": f"t{order_id}", "order": order_id, "symbol": "BTC/USDT"} | facts
    raw.record(
        account_id=desk.account.pk,
        exchange_id=desk.account.exchange_id,
        evidence=raw.Evidence((order,), (trade,)),
        observed_at=at or timezone.now(),
    )


@pytest.fixture
def raw_list(desk):
    """The rows of a list: ``raw_list("orders", key, symbol=…)``."""

    def rows_of(name: str, key: builders.IssuedKey, **query) -> list[dict]:
        answered = Client().get(
            f"/ccxt/{name}/raw",
            {"account_ids": desk.account.pk} | query,
            headers={"x-api-key": key.plain},
        )
        assert answered.status_code == 200, answered.content
        return answered.json()["items"]

    return rows_of


def test_raw_rows_are_the_exchanges_own_words_newest_first(desk, raw_list):
    key = builders.key(desk.user, desk.account)
    for order_id in ("11", "12"):
        evidence(desk, order_id)

    orders, trades = raw_list("orders", key), raw_list("trades", key)

    assert [row["exchange_order_id"] for row in orders] == ["12", "11"]
    assert [row["exchange_trade_id"] for row in trades] == ["t12", "t11"]
    assert raw.fingerprint(orders[0]["raw_json"]) == orders[0]["fingerprint"]
    assert json.loads(orders[0]["raw_json"])["clientOrderId"] == "c12"
    assert orders[0]["exchange_trade_id"] is None


def test_raw_rows_of_a_restricted_key_are_about_its_own_orders(desk, two_strategies, raw_list):
    restricted, mine, theirs = two_strategies
    (own,) = restricted.rights[desk.account.pk].strategies
    robot = builders.user("robot", "robot")
    key = builders.key(robot, desk.account, strategies=[Strategy.objects.get(pk=own)])
    whole = builders.key(desk.user, desk.account)
    for order_id in ("11", "12", "13"):
        evidence(desk, order_id)
    evidence(desk, "", clientOrderId=mine.exchange_client_order_id)  # It named no id of its own.

    for name in ("orders", "trades"):
        shown = raw_list(name, key)
        assert {row["exchange_order_id"] for row in shown} <= {"11", ""}
        assert len(shown) == 2
        assert len(raw_list(name, whole)) == 4
        assert {row["id"] for row in raw_list(name, whole, strategy_id=own)} == {
            row["id"] for row in shown
        }
        assert raw_list(name, key, strategy_id=theirs.strategy_id) == []


def test_raw_rows_are_found_by_symbol_and_day_and_paged(desk, raw_list):
    key = builders.key(desk.user, desk.account)
    old = timezone.now().replace(year=2024)
    evidence(desk, "11", at=old)
    evidence(desk, "12", symbol="ETH/USDT")

    assert [row["exchange_order_id"] for row in raw_list("orders", key, symbol="ETH/USDT")] == [
        "12"
    ]
    assert [row["exchange_order_id"] for row in raw_list("orders", key, end_date="2024-12-31")] == [
        "11"
    ]
    assert len(raw_list("orders", key, limit=1)) == 1


def test_a_raw_list_costs_the_same_queries_however_long_it_is(
    desk, raw_list, django_assert_num_queries
):
    key = builders.key(desk.user, desk.account)
    raw_list("orders", key)
    for number in range(20):
        evidence(desk, str(number))

    with django_assert_num_queries(1):
        assert len(raw_list("orders", key)) == 20


async def until(is_so, within_s: float = 5) -> None:
    """Wait until something happens elsewhere."""
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.01)


async def until_in_pool(is_so, within_s: float = 5) -> None:
    """The same for what the database says."""
    async with asyncio.timeout(within_s):
        while not await in_pool(is_so):
            await asyncio.sleep(0.01)
