"""``POST /oms/commands``: what is answered, and with which status."""

import pytest

from accounts.tests import builders
from positions import projector
from positions.models import Command, Order
from positions.tests.api.conftest import BUY, Api, buy, result_of

# Commands are accepted on threads of their own, so they have to see what the test stored.
pytestmark = pytest.mark.django_db(transaction=True)


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
