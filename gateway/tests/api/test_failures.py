"""What a client is told when its exchange fails or hangs."""

import asyncio
import json

import pytest

from accounts.audit import OPERATOR
from accounts.services.accounts import upsert_credentials
from gateway.clients import readers
from gateway.tests.api.calling import (
    TICKER,
    TICKERS,
    call,
    until,
)
from gateway.tests.venue import Answer, code, html, venue
from positions.api.pool import in_pool
from positions.tests.fakes import LINEAR

# Readers look into the database on threads of their own.
pytestmark = pytest.mark.django_db(transaction=True)


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
    monkeypatch.setattr(readers, "LOOK_EVERY_S", 0)
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
