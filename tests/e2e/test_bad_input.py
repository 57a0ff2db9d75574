"""Bad input over the wire: the status and code of the contract, field, limit and value."""

import json

import pytest
import requests

pytestmark = pytest.mark.e2e

GOOD = {"symbol": "BTC/USDT", "side": "buy", "order_type": "market", "qty": "0.01"}
BAD_PAYLOADS = [
    ({"symbol": "BTC/NOPE"}, "symbol", None, "BTC/NOPE"),
    ({"qty": "0.0000001"}, "qty", "0.00001", "0.0000001"),
    ({"qty": "0.000001"}, "qty", "0.00001", "0.000001"),
    ({"order_type": "limit"}, "price", "required", None),
    ({"colour": "red"}, "colour", None, None),
    ({"qty": "-1"}, "qty", "> 0", "-1"),
    ({"qty": 0}, "qty", "> 0", "0"),
    ({"qty": True}, "qty", None, "True"),
    ({"qty": "1e400"}, "qty", None, "1e400"),
    ({"qty": "0x10"}, "qty", None, "0x10"),
    ({"qty": ""}, "qty", None, ""),
    ({"qty": []}, "qty", None, "array"),
    ({"qty": "1" * 30}, "qty", 20, "1" * 30),
    ({"qty": "0." + "1" * 19}, "qty", 18, "0." + "1" * 19),
    ({"side": "up"}, "side", ["buy", "sell"], "up"),
    ({"strategy_id": 2**70}, "strategy_id", None, str(2**70)),
    ({"strategy_id": "1"}, "strategy_id", None, "1"),
    ({"comment": "x" * 300}, "comment", 255, 300),
    ({"comment": "a\u0000b"}, "comment", None, None),
    ({"order_type": "limit", "price": "60000.001"}, "price", "0.01", "60000.001"),
    ({"time_in_force": "FOREVER"}, "time_in_force", None, "FOREVER"),
    ({"params": {"recvWindow": 1}}, "params.recvWindow", None, None),
    ({"side": "sell"}, "qty", None, None),
]
RAW_BODIES = [
    ('{"qty": NaN}', "qty", "NaN"),
    ('{"qty": Infinity}', "qty", "Infinity"),
    ('{"qty": 1e400}', "qty", "1E+400"),
    ('{"qty": 1e-400}', "qty", "1E-400"),
]


def send(product, text: str, **headers: str) -> requests.Response:
    """A POST of exactly this text."""
    headers = {"x-api-key": product.facts["api_key"], "content-type": "application/json"} | headers
    headers = {name: value for name, value in headers.items() if value}
    return requests.post(
        f"{product.base}/oms/commands", data=text.encode(), headers=headers, timeout=30
    )


@pytest.fixture
def untouched(embedded):
    """Afterwards there is no order more, neither here nor at the venue."""
    account = embedded.account("ccxt.binance")

    def known() -> tuple[int, int]:
        orders = embedded.every("/oms/orders/history", account_ids=account["id"])
        orders += embedded.every("/oms/orders/open", account_ids=account["id"])
        return len(orders), sum(embedded.order_posts().values())

    before = known()
    yield account
    assert known() == before


@pytest.mark.parametrize(("wrong", "field", "limit", "value"), BAD_PAYLOADS)
def test_a_bad_field_is_named_with_its_limit_and_value(
    embedded, untouched, wrong, field, limit, value
):
    body = {"account_id": untouched["id"], "command": "send_order", "payload": GOOD | wrong}

    answer = send(embedded, json.dumps(body))

    error = answer.json()["results"][0]["error"]
    assert (answer.status_code, error["code"]) == (422, "validation_error")
    assert error["details"]["field"] == field
    if limit is not None:
        assert error["details"]["limit"] == limit
    if value is not None:
        assert error["details"]["value"] == value


@pytest.mark.parametrize(("payload", "field", "value"), RAW_BODIES)
def test_numbers_that_json_should_not_have_are_named(embedded, untouched, payload, field, value):
    payload = payload.replace("{", '{"symbol":"BTC/USDT","side":"buy","order_type":"market",', 1)
    text = f'{{"account_id":{untouched["id"]},"command":"send_order","payload":{payload}}}'

    answer = send(embedded, text)

    error = answer.json()["results"][0]["error"]
    assert (answer.status_code, error["code"]) == (422, "validation_error")
    assert (error["details"]["field"], error["details"]["value"]) == (field, value)


@pytest.mark.parametrize(
    ("text", "headers", "status", "code"),
    [
        ("{", {}, 400, "malformed_json"),
        ("", {}, 400, "malformed_json"),
        ('{"a":1,"a":2}', {}, 400, "malformed_json"),
        ("[" * 5000, {}, 400, "malformed_json"),
        ("[]", {}, 422, "validation_error"),
        ("7", {}, 422, "validation_error"),
        ("{}", {"x-api-key": ""}, 401, "missing_api_key"),
        ("{}", {"x-api-key": "cxp_aaaaaaaa_" + "b" * 43}, 401, "invalid_api_key"),
        ("{", {"x-api-key": ""}, 401, "missing_api_key"),
        ("{}", {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ("[{}]", {"idempotency-key": "one"}, 422, "validation_error"),
        (" " * 1_100_000, {}, 413, "payload_too_large"),
    ],
)
def test_a_body_that_cannot_be_read_has_its_code(embedded, untouched, text, headers, status, code):
    answer = send(embedded, text, **headers)

    body = answer.json()
    error = body["results"][0]["error"] if "results" in body else body
    assert (answer.status_code, error["code"]) == (status, code)
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        ({"account_id": 999, "command": "send_order", "payload": GOOD}, 404, "account_not_found"),
        ({"command": "cancel_order", "payload": {"order_id": 999999}}, 404, "order_not_found"),
        ({"command": "change_order", "payload": {"order_id": 999999, "new_qty": "1"}}, 404,
         "order_not_found"),
        ({"command": "close_position", "payload": {"position_id": 999999}}, 404,
         "position_not_found"),
        ({"command": "send_order", "payload": GOOD}, 422, "validation_error"),
        ({"command": "fly", "payload": {}}, 422, "validation_error"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(embedded, untouched, command, status, code):
    answer = send(embedded, json.dumps(command))

    error = answer.json()["results"][0]["error"]
    assert (answer.status_code, error["code"]) == (status, code)


def test_a_strategy_that_is_not_linked_is_refused(embedded, untouched):
    payload = GOOD | {"strategy_id": 77}
    body = {"account_id": untouched["id"], "command": "send_order", "payload": payload}

    answer = send(embedded, json.dumps(body))

    error = answer.json()["results"][0]["error"]
    assert (answer.status_code, error["code"]) == (422, "invalid_strategy_id")
    assert error["details"]["value"] == 77


@pytest.mark.parametrize("path", ["/oms/orders/open", "/nowhere", "/oms/accounts", "/user/profile"])
def test_without_a_key_every_address_answers_the_same(embedded, path):
    for method in ("GET", "POST", "DELETE"):
        answer = requests.request(method, embedded.base + path, timeout=30)

        assert (answer.status_code, answer.json()["code"]) == (401, "missing_api_key")
