"""Who may call what, and what a restricted key sees."""

import asyncio
from dataclasses import replace

import pytest

from accounts.words import Role
from gateway.tests.api.calling import (
    call,
    post,
    raw_order,
    until_in_pool,
)
from gateway.tests.venue import Answer, venue
from positions.api.pool import in_pool
from positions.tests.fakes import LINEAR

# Readers look into the database on threads of their own.
pytestmark = pytest.mark.django_db(transaction=True)


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
    assert [row["clientOrderId"] for row in whole[1]["result"]] == ["mine", "theirs", "c13"]


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


async def test_an_order_is_found_at_the_exchange_by_each_of_its_names(desk, two_strategies):
    _restricted, mine, _theirs = two_strategies
    async with venue() as exchange:
        exchange.answers["GET /api/v3/order"] = lambda request: Answer(
            body=raw_order(request.query["orderId"])
        )

        for args, params in (
            (["11", "BTC/USDT"], {}),
            (["11"], {}),
            ([f"oms:{mine.pk}"], {}),
            ([], {"clientOrderId": "mine"}),
        ):
            _status, body = await call(
                desk.caller, desk.account, "fetchOrder", *args, params=params
            )

            assert body["result"]["id"] == "11"
            assert body["result"]["clientOrderId"] == "mine"
        unknown = await call(
            desk.caller, desk.account, "fetchOrder", params={"clientOrderId": "c11"}
        )
        nameless = await call(desk.caller, desk.account, "fetchOrder")

    assert "origClientOrderId" not in exchange.sent("GET", "/api/v3/order")
    assert (unknown[0], unknown[1]["code"]) == (404, "order_not_found")
    assert (nameless[0], nameless[1]["details"]["field"]) == (422, "id")


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
    ["fetchLedger", "fetchFundingHistory", "fetchMyLiquidations", "fetchBorrowInterest"],
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
    assert {method for method, *_rest in exchange.seen} <= {"GET"}


async def test_a_restricted_key_cancels_only_its_own(desk, two_strategies):
    restricted, mine, theirs = two_strategies

    refused = await call(restricted, desk.account, "cancelOrder", "12", "BTC/USDT")
    edited = await call(restricted, desk.account, "editOrder", "12", "BTC/USDT", "limit", "sell", 9)
    asked = asyncio.create_task(call(restricted, desk.account, "cancelAllOrders"))
    await until_in_pool(lambda: desk.fresh(mine).cancel_requested_at is not None)
    asked.cancel()

    assert [refused[1]["code"], edited[1]["code"]] == ["order_not_found"] * 2
    assert (await in_pool(desk.fresh, theirs)).cancel_requested_at is None
