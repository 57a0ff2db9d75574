"""``POST /oms/commands``: what cannot be read is refused, naming it, and nothing is stored."""

import json

import pytest

from positions.models import Command
from positions.tests.api.conftest import buy, result_of

# Commands are accepted on threads of their own, so they have to see what the test stored.
pytestmark = pytest.mark.django_db(transaction=True)


BAD_FIELDS = {
    "unknown field": ({"colour": "red"}, "colour"),
    "unknown symbol": ({"symbol": "XYZ/USDT"}, "symbol"),
    "empty symbol": ({"symbol": ""}, "symbol"),
    "symbol is a number": ({"symbol": 5}, "symbol"),
    "long symbol": ({"symbol": "B" * 65}, "symbol"),
    "symbol with a line break": ({"symbol": "BTC\n"}, "symbol"),
    "no such side": ({"side": "long"}, "side"),
    "side is a list": ({"side": ["buy"]}, "side"),
    "no such type": ({"type": "iceberg"}, "type"),
    "type and its alias": ({"order_type": "market"}, "order_type"),
    "quantity under the step": ({"qty": "1.0005"}, "qty"),
    "no quantity": ({"qty": None}, "qty"),
    "quantity is zero": ({"qty": "0"}, "qty"),
    "negative quantity": ({"qty": -1}, "qty"),
    "quantity is true": ({"qty": True}, "qty"),
    "quantity is an object": ({"qty": {}}, "qty"),
    "quantity is a word": ({"qty": "one"}, "qty"),
    "quantity in other digits": ({"qty": "１"}, "qty"),
    "quantity with an underscore": ({"qty": "1_0"}, "qty"),
    "quantity of 21 digits": ({"qty": "100000000000000000000"}, "qty"),
    "quantity with 19 places": ({"qty": "0.0000000000000000001"}, "qty"),
    "quantity NaN": ({"qty": "NaN"}, "qty"),
    "quantity 1e400": ({"qty": "1e400"}, "qty"),
    "limit without price": ({"type": "limit"}, "price"),
    "market with price": ({"price": "100"}, "price"),
    "reduce only is a word": ({"reduce_only": "yes"}, "reduce_only"),
    "strategy is a fraction": ({"strategy_id": 1.5}, "strategy_id"),
    "strategy is huge": ({"strategy_id": 2**63}, "strategy_id"),
    "strategy is false": ({"strategy_id": False}, "strategy_id"),
    "position is text": ({"position_id": "1"}, "position_id"),
    "no such reason": ({"reason": "sl"}, "reason"),
    "long comment": ({"comment": "x" * 256}, "comment"),
    "spaces around an id": ({"client_order_id": " a"}, "client_order_id"),
    "empty id": ({"client_order_id": ""}, "client_order_id"),
    "expiry without a zone": (
        {"time_in_force": "GTD", "expires_at": "2030-01-01T00:00:00"},
        "expires_at",
    ),
    "expiry before all time": (
        {"time_in_force": "GTD", "expires_at": "0001-01-01T00:00:00+14:00"},
        "expires_at",
    ),
    "expiry without GTD": ({"expires_at": "2030-01-01T00:00:00Z"}, "expires_at"),
    "post-only and IOC": ({"post_only": True, "time_in_force": "IOC"}, "time_in_force"),
    "params is a list": ({"params": []}, "params"),
    "params not offered": ({"params": {"urls": "x"}}, "params.urls"),
    "params with an object": ({"params": {"marginMode": {"a": 1}}}, "params.marginMode"),
    "params with a strange name": ({"params": {"a\u00e4": 1}}, "params"),
}


@pytest.mark.parametrize(("change", "field"), BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
def test_a_bad_field_is_named_and_nothing_is_stored(api, desk, change, field):
    response = api.post(buy(desk, **change))
    error = result_of(response)["error"]

    assert (response.status_code, error["code"]) == (422, "validation_error")
    assert error["details"]["field"] == field
    assert not Command.objects.exists()


BAD_NUMBERS = {
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "1e400": "1e400",
    "1e-400": "1e-400",
    "1e999999999": "1e999999999",
    "5000 digits": "9" * 5000,
    "false": "false",
}


@pytest.mark.parametrize("literal", BAD_NUMBERS.values(), ids=BAD_NUMBERS.keys())
def test_a_bad_number_in_the_json_is_named(api, desk, literal):
    text = json.dumps(buy(desk, qty="@")).replace('"@"', literal)

    response = api.post(text.encode())

    assert response.status_code == 422
    assert result_of(response)["error"]["details"]["field"] == "qty"
    assert not Command.objects.exists()


@pytest.mark.parametrize("literal", ["1", "1.0", "1.000000000000000000", "1e0", '"1"', '"+1"'])
def test_a_number_is_read_without_a_float(api, desk, literal):
    text = json.dumps(buy(desk, qty="@")).replace('"@"', literal)

    response = api.post(text.encode())

    assert result_of(response)["order"]["qty"] == "1"


BAD_ENVELOPES = {
    "no command": ({"command": None}, "command"),
    "no such command": ({"command": "buy"}, "command"),
    "command is a number": ({"command": 1}, "command"),
    "unknown envelope field": ({"payloads": {}}, "payloads"),
    "payload is a list": ({"payload": []}, "payload"),
    "payload is null": ({"payload": None}, "payload"),
    "account is text": ({"account_id": "1"}, "account_id"),
    "account is zero": ({"account_id": 0}, "account_id"),
    "account is huge": ({"account_id": 10**30}, "account_id"),
    "account is true": ({"account_id": True}, "account_id"),
    "request id is a number": ({"request_id": 1}, "request_id"),
    "empty request id": ({"request_id": ""}, "request_id"),
    "long request id": ({"request_id": "x" * 129}, "request_id"),
}


@pytest.mark.parametrize(("change", "field"), BAD_ENVELOPES.values(), ids=BAD_ENVELOPES.keys())
def test_a_bad_envelope_is_named(api, desk, change, field):
    response = api.post(buy(desk) | change)
    error = result_of(response)["error"]

    assert (response.status_code, error["code"]) == (422, "validation_error")
    assert error["details"]["field"] == field
    assert not Command.objects.exists()


@pytest.mark.parametrize("item", [1, "x", None, [], True])
def test_a_command_is_an_object(api, item):
    response = api.post([item])

    assert response.status_code == 422
    assert result_of(response)["error"]["code"] == "validation_error"


UNREADABLE = {
    "not JSON": (b"{", 400, "malformed_json"),
    "not UTF-8": (b'{"a": "\xff"}', 400, "malformed_json"),
    "a name twice": (b'{"command": 1, "command": 2}', 400, "malformed_json"),
    "too deep": (b"[" * 100000 + b"]" * 100000, 400, "malformed_json"),
    "deep": (b"[" * 30 + b"]" * 30, 400, "malformed_json"),
    "no commands": (b"[]", 422, "validation_error"),
}


@pytest.mark.parametrize(("body", "status", "code"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unreadable_body_is_one_bare_error(api, body, status, code):
    response = api.post(body)

    assert response.status_code == status
    assert response.json()["code"] == code
    assert set(response.json()) == {"code", "message", "details", "request_id"}


def test_a_batch_has_a_limit(api, settings):
    settings.OMS_MAX_BATCH = 2

    response = api.post([{}, {}, {}])

    assert response.status_code == 422
    assert response.json()["details"] == {"field": "body", "limit": [1, 2], "value": 3}


def test_a_body_has_a_limit(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

    response = api.post(b'"' + b"x" * 20 + b'"')

    assert response.status_code == 413
    assert response.json()["code"] == "payload_too_large"


def test_only_json_is_read(api):
    response = api._client.post(
        "/oms/commands", "a=1", content_type="text/plain", headers=api._headers
    )

    assert response.status_code == 415
    assert response.json()["code"] == "unsupported_media_type"


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "missing_api_key"), ({"x-api-key": "cxp_nothing_here"}, "invalid_api_key")],
)
def test_without_a_key_nothing_is_read(client, desk, headers, code):
    response = client.post("/oms/commands", b"{", content_type="text/plain", headers=headers)

    assert response.status_code == 401
    assert response.json()["code"] == code


def test_a_key_for_a_single_command_is_refused_with_a_batch(api, desk):
    response = api.post([buy(desk)], **{"Idempotency-Key": "r-1"})

    assert response.status_code == 422
    assert response.json()["details"]["field"] == "Idempotency-Key"
    assert not Command.objects.exists()


def test_two_request_ids_that_differ_are_refused(api, desk):
    response = api.post(buy(desk) | {"request_id": "r-2"}, **{"Idempotency-Key": "r-1"})

    assert response.status_code == 422
    assert response.json()["details"]["field"] == "request_id"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("wait_ms=-1", "wait_ms"),
        ("wait_ms=60001", "wait_ms"),
        ("wait_ms=1.5", "wait_ms"),
        ("wait_ms=x", "wait_ms"),
        ("parallel=yes", "parallel"),
        ("dry_run=true", "dry_run"),
    ],
)
def test_a_bad_parameter_is_named(api, desk, query, field):
    response = api.post(buy(desk), path=f"/oms/commands?{query}")

    assert response.status_code == 422
    assert response.json()["details"]["field"] == field
    assert not Command.objects.exists()
