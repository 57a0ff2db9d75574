"""``POST /oms/commands``: what is answered, and with which status."""

import asyncio
import json
import time

import pytest

from accounts.tests import builders
from positions import projector
from positions.api.commands import Post, answer
from positions.api.pool import in_pool
from positions.engine.types import OrderStatus
from positions.models import Command, Instruction, Order
from positions.tests.api.conftest import Api, caller_of
from positions.tests.fakes import LINEAR

# Commands are accepted on threads of their own, so they have to see what the test stored.
pytestmark = pytest.mark.django_db(transaction=True)

BUY = {"symbol": LINEAR, "side": "buy", "type": "market", "qty": "1"}


def buy(desk, **changes):
    return {"account_id": desk.account.pk, "command": "send_order", "payload": BUY | changes}


def result_of(response):
    (result,) = response.json()["results"]
    return result


# --- statuses ---


def test_a_command_on_its_way_is_202(api, desk):
    response = api.post(buy(desk))
    result = result_of(response)

    assert response.status_code == 202
    assert (result["index"], result["ok"], result["status"]) == (0, True, "accepted")
    assert result["order"]["status"] == "PENDING_SUBMIT"
    assert result["order_id"] == result["order"]["id"] == result["orders"][0]["id"]
    assert (result["position_ids"], result["error"]) == ([], None)


def test_a_command_that_is_done_is_200(api, desk):
    order_id = result_of(api.post(buy(desk)))["order_id"]

    response = api.post({"command": "cancel_order", "payload": {"order_id": order_id}})

    assert response.status_code == 200
    assert result_of(response)["order"]["status"] == "CANCELED"


def test_close_by_and_merge_imply_their_account_and_are_done_at_once(new_desk):
    desk = new_desk(position_mode="hedge")
    api = Api(builders.key(desk.user, desk.account))
    one, two = desk.bought("1"), desk.bought("1")
    short = desk.filled("sell", "1").position
    merge = {"source_position_id": one.pk, "target_position_id": two.pk}
    close = {"position_id_a": two.pk, "position_id_b": short.pk}

    response = api.post(
        [
            {"command": "merge_positions", "payload": merge},
            {"command": "close_by", "payload": close},
        ]
    )

    assert response.status_code == 200
    results = response.json()["results"]
    assert [result["status"] for result in results] == ["completed", "completed"]
    assert [result["position_ids"] for result in results] == [
        [one.pk, two.pk],
        [two.pk, short.pk],
    ]


def test_a_command_in_doubt_is_202_and_unknown(api, desk):
    result_of(api.post(buy(desk) | {"request_id": "r-1"}))
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.fence)

    response = api.post(buy(desk) | {"request_id": "r-1"})

    assert response.status_code == 202
    assert (result_of(response)["ok"], result_of(response)["status"]) == (True, "unknown")


def test_a_refusal_has_its_own_status_and_stores_nothing(api, desk):
    response = api.post(buy(desk, qty="0.0001"))
    result = result_of(response)

    assert response.status_code == 422
    assert (result["ok"], result["status"], result["command_id"]) == (False, "failed", None)
    assert result["error"]["code"] == "validation_error"
    assert result["error"]["details"] == {"field": "qty", "limit": "0.001", "value": "0.0001"}
    assert not Command.objects.exists()


def test_success_and_failure_together_are_207_in_input_order(api, desk):
    bodies = [buy(desk), buy(desk, qty="0"), buy(desk)]

    response = api.post(bodies, path="/oms/commands?wait_ms=0&parallel=true")
    results = response.json()["results"]

    assert response.status_code == 207
    assert [result["index"] for result in results] == [0, 1, 2]
    assert [result["ok"] for result in results] == [True, False, True]


def test_failures_alone_have_the_first_ones_status(api, desk):
    missing = {"command": "cancel_order", "payload": {"order_id": 999}}

    response = api.post([missing, buy(desk, qty="0")])

    assert response.status_code == 404
    assert response.json()["results"][0]["error"]["code"] == "order_not_found"


def test_a_repeated_request_answers_the_first_ones_present_state(api, desk):
    first = result_of(api.post(buy(desk) | {"request_id": "r-1"}))
    desk.fill(Order.objects.get(), "1")

    again = api.post(buy(desk), **{"Idempotency-Key": "r-1"})
    conflict = api.post(buy(desk, qty="2"), **{"Idempotency-Key": "r-1"})

    assert again.status_code == 200
    assert result_of(again)["command_id"] == first["command_id"]
    assert result_of(again)["order"]["status"] == "FILLED"
    assert result_of(again)["position_ids"] == [desk.positions()[0].pk]
    assert conflict.status_code == 409
    assert result_of(conflict)["error"]["code"] == "idempotency_conflict"


def test_a_command_outlives_its_orders(api, desk):
    api.post(buy(desk) | {"request_id": "r-1"})
    Command.objects.update(order_ids=[999], status="completed")

    response = api.post(buy(desk) | {"request_id": "r-1"})

    assert response.status_code == 200
    assert (result_of(response)["orders"], result_of(response)["order"]) == ([], None)


# --- the account that is implied ---


def test_the_account_follows_from_an_order_or_a_position(api, desk):
    order, position = desk.rest(), desk.bought("1")

    for command, payload in [
        ("change_order", {"order_id": order.pk, "new_price": "101"}),
        ("cancel_order", {"order_ids": [order.pk]}),
        ("close_position", {"position_id": position.pk}),
    ]:
        response = api.post({"command": command, "payload": payload})

        assert response.status_code == 202, response.content


def test_nothing_implies_the_account_of_a_new_order(api):
    response = api.post({"command": "send_order", "payload": BUY})

    assert result_of(response)["error"]["details"]["field"] == "account_id"


@pytest.mark.parametrize("name", ["order", "position"])
def test_what_is_not_the_callers_does_not_exist(stranger, desk, name):
    order, position = desk.rest(), desk.bought("1")
    commands = {
        "order": {"command": "cancel_order", "payload": {"order_id": order.pk}},
        "position": {"command": "close_position", "payload": {"position_id": position.pk}},
    }

    response = stranger.post(commands[name])

    assert response.status_code == 404
    assert result_of(response)["error"]["code"] == f"{name}_not_found"


def test_someone_elses_account_does_not_exist(stranger, desk):
    response = stranger.post(buy(desk))

    assert response.status_code == 404
    assert result_of(response)["error"]["code"] == "account_not_found"


def test_an_admin_never_trades(desk):
    order = desk.rest()
    boss = Api(builders.key(builders.user("boss", "admin")))

    for body in (buy(desk), {"command": "cancel_order", "payload": {"order_id": order.pk}}):
        response = boss.post(body)

        assert response.status_code == 403
        assert result_of(response)["error"]["code"] == "admin_read_only"


def test_a_restricted_key_commands_its_own_strategy(robot, desk):
    api, own, foreign = robot

    mine = api.post(buy(desk, strategy_id=own))
    theirs = api.post(buy(desk, strategy_id=foreign))

    assert mine.status_code == 202
    assert theirs.status_code == 403
    assert result_of(theirs)["error"]["code"] == "strategy_permission_denied"


# --- bad input ---

BAD_FIELDS = {
    "unknown field": ({"colour": "red"}, "colour"),
    "unknown symbol": ({"symbol": "XYZ/USDT"}, "symbol"),
    "empty symbol": ({"symbol": ""}, "symbol"),
    "symbol is a number": ({"symbol": 5}, "symbol"),
    "long symbol": ({"symbol": "B" * 65}, "symbol"),
    "symbol with a line break": ({"symbol": "BTC\n"}, "symbol"),
    "no such side": ({"side": "long"}, "side"),
    "side is a list": ({"side": ["buy"]}, "side"),
    "half a character": ({"side": "\ud800"}, "side"),
    "no such type": ({"type": "iceberg"}, "type"),
    "type and its alias": ({"order_type": "market"}, "order_type"),
    "quantity under the step": ({"qty": "1.0005"}, "qty"),
    "no quantity": ({"qty": None}, "qty"),
    "quantity is zero": ({"qty": "0"}, "qty"),
    "negative quantity": ({"qty": -1}, "qty"),
    "quantity is true": ({"qty": True}, "qty"),
    "quantity is an object": ({"qty": {}}, "qty"),
    "quantity is a word": ({"qty": "one"}, "qty"),
    "quantity is half a character": ({"qty": "\ud800"}, "qty"),
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
    "params with a strange name": ({"params": {"a\ud800": 1}}, "params"),
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


# --- waiting ---


def post(api, body, **query):
    return Post(
        caller=caller_of(api),
        body=json.dumps(body).encode(),
        content_type="application/json; charset=utf-8",
        query=query,
    )


async def until(condition):
    """Look until ``condition`` holds; five seconds at most."""
    deadline = time.monotonic() + 5
    while not (found := await in_pool(condition)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return found


async def test_the_answer_waits_for_the_exchange_and_no_longer(api, desk):
    started = time.monotonic()
    asked = await in_pool(post, api, buy(desk))
    waiting = asyncio.create_task(answer(asked))
    await until(Order.objects.exists)
    order = await in_pool(Order.objects.get)

    await in_pool(desk.fill, order, "1")
    found = await waiting

    assert found.status == 200
    assert found.body["results"][0]["order"]["status"] == "FILLED"
    assert time.monotonic() - started < 8


async def test_the_wait_is_bounded_for_the_whole_request(api, desk):
    started = time.monotonic()
    asked = await in_pool(lambda: post(api, [buy(desk)] * 3, wait_ms="200"))

    found = await answer(asked)

    assert found.status == 202
    assert [each["status"] for each in found.body["results"]] == ["accepted"] * 3
    assert 0.2 <= time.monotonic() - started < 3


async def test_without_parallel_each_command_waits_for_the_one_before(api, desk):
    bodies = [buy(desk), buy(desk, qty="0"), buy(desk)]
    asked = await in_pool(lambda: post(api, bodies, wait_ms="100"))

    await answer(asked)
    first, last = await in_pool(lambda: list(Command.objects.order_by("id")))
    claimed = await in_pool(desk.claim)

    assert (first.after_id, last.after_id) == (None, first.pk)
    assert [claim.instruction.command_id for claim in claimed] == [first.pk]


async def test_in_parallel_all_go_at_once(api, desk):
    asked = await in_pool(lambda: post(api, [buy(desk)] * 3, wait_ms="0", parallel="true"))

    await answer(asked)

    assert await in_pool(lambda: len(desk.claim())) == 3
    assert await in_pool(lambda: Instruction.objects.filter(state="sending").count()) == 3


async def test_a_batch_goes_on_as_the_exchange_answers(api, desk):
    asked = await in_pool(lambda: post(api, [buy(desk), buy(desk)], wait_ms="5000"))
    waiting = asyncio.create_task(answer(asked))

    for number in (1, 2):
        await until(lambda number=number: Order.objects.count() == number)
        order = await in_pool(lambda: Order.objects.latest("id"))
        await in_pool(desk.claim)
        trade = await in_pool(desk.trade, order, "1")
        await in_pool(lambda o=order, t=trade: desk.report(o, OrderStatus.FILLED, "1", trades=[t]))
    found = await waiting

    assert found.status == 200
    assert [each["status"] for each in found.body["results"]] == ["completed"] * 2
