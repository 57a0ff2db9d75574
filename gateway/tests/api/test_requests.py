"""Batches, typed bodies and addresses."""

import pytest
from django.test import Client

from accounts.tests import builders
from gateway.api.requests import MOST_CALLS
from gateway.tests.api.calling import TICKER, TICKERS, post, raw_order
from gateway.tests.venue import Answer, venue

# Readers look into the database on threads of their own.
pytestmark = pytest.mark.django_db(transaction=True)


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
        ("/ccxt/{}/fetchTicker", {"args": ""}, "args"),
        ("/ccxt/{}/fetchTicker", {"args": None, "kwargs": 0}, "kwargs"),
        ("/ccxt/core/{}/fetch_ticker", {"args": ["BTC/USDT"]}, "args"),
        ("/ccxt/core/{}/create_order", {"type": "limit", "order_type": "limit"}, "order_type"),
        ("/ccxt/core/{}/fetch_ticker", [], "body"),
    ],
)
async def test_a_body_that_does_not_fit_names_the_field(desk, path, body, field):
    status, answered = await post(desk.caller, path.format(desk.account.pk), body)

    assert (status, answered["code"]) == (422, "validation_error")
    assert answered["details"]["field"] == field


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
