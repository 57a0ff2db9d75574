"""``POST /oms/reassign``: bodies, rights, answers."""

import pytest

from accounts.tests import builders
from positions.tests.api.conftest import Api

PATH = "/oms/reassign"


def test_an_order_is_given_to_a_strategy(api, desk):
    own = desk.bought("1", "100")
    order, strategy = desk.external("sell", "2", "105"), desk.strategy().pk

    answer = api.post({"order_ids": [order.pk], "target_strategy_id": strategy}, path=PATH)

    assert answer.status_code == 200
    assert answer.json() == {
        "preview": False,
        "orders_updated": 1,
        "deals_relinked": 2,
        "positions_rebuilt": 2,
        "items": [
            {
                "account_id": desk.account.pk,
                "order_id": order.pk,
                "symbol": desk.symbol,
                "previous_strategy_id": 0,
                "strategy_id": strategy,
                "previous_position_id": order.position_id,
                "position_id": order.position_id,
                "superseded_by": 3,
            }
        ],
    }
    shown = api.items("/oms/deals", account_ids=desk.account.pk)
    assert [deal["entry"] for deal in shown] == ["in", "out", "in"]
    assert {deal["superseded_by"] for deal in shown} == {None}
    assert desk.fresh(own).state == "closed"


def test_a_superseded_deal_is_found_by_its_id_only(api, desk):
    desk.bought("1")
    order = desk.external("sell", "1")
    (old,) = order.deals.all()

    api.post({"order_ids": [order.pk], "target_strategy_id": 0}, path=PATH)

    (shown,) = api.items(f"/oms/deals/{old.pk}")
    listed = api.items("/oms/deals", account_ids=desk.account.pk)
    assert shown["superseded_by"] == 3
    assert old.pk not in [deal["id"] for deal in listed]


def test_filters_say_which_orders(api, desk):
    order = desk.external("sell", "1")
    filters = {
        "account_ids": [desk.account.pk],
        "symbol": desk.symbol,
        "strategy_id": 0,
        "start_date": str(order.created_at.date()),
        "end_date": str(order.created_at.date()),
    }
    body = {"filters": filters, "target_strategy_id": 0, "preview": True}

    answer = api.post(body, path=PATH).json()

    assert (answer["preview"], answer["orders_updated"]) == (True, 1)
    assert desk.fresh(order).reconciled is False


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"target_strategy_id": 0}, "order_ids"),
        ({"order_ids": [1], "filters": {"account_ids": [1]}, "target_strategy_id": 0}, "order_ids"),
        ({"order_ids": [1]}, "target_strategy_id"),
        ({"order_ids": [], "target_strategy_id": 0}, "order_ids"),
        ({"order_ids": ["1"], "target_strategy_id": 0}, "order_ids"),
        ({"order_ids": [1], "target_strategy_id": 0, "dry_run": True}, "dry_run"),
        ({"order_ids": [1], "target_strategy_id": 0, "preview": "yes"}, "preview"),
        ({"filters": {}, "target_strategy_id": 0}, "account_ids"),
        ({"filters": [], "target_strategy_id": 0}, "filters"),
        (
            {"filters": {"account_ids": [1], "start_date": "soon"}, "target_strategy_id": 0},
            "start_date",
        ),
        (
            {
                "filters": {
                    "account_ids": [1],
                    "start_date": "2026-01-02",
                    "end_date": "2026-01-01",
                },
                "target_strategy_id": 0,
            },
            "end_date",
        ),
        ([], "body"),
    ],
)
def test_a_bad_body_is_named(api, body, field):
    answer = api.post(body, path=PATH)

    assert answer.status_code == 422
    assert answer.json()["details"]["field"] == field


def test_what_stands_in_the_way_is_409_and_named(api, desk):
    order = desk.external("sell", "1")
    close = desk.close(desk.bought("2"), type="limit", price="150")

    answer = api.post({"order_ids": [order.pk], "target_strategy_id": 0}, path=PATH)

    assert answer.status_code == 409
    assert answer.json()["code"] == "conflict"
    assert answer.json()["details"]["order_id"] == close.pk


def test_an_assigned_order_is_409_and_overriding_is_for_admins(api, desk):
    order = desk.filled("buy", "1")
    body = {"order_ids": [order.pk], "target_strategy_id": 0}

    plain = api.post(body, path=PATH)
    override = api.post(body | {"override": True}, path=PATH)
    boss = builders.user("boss", "admin")
    by_admin = Api(builders.key(boss)).post(body | {"override": True}, path=PATH)

    assert (plain.status_code, plain.json()["code"]) == (409, "conflict")
    assert (override.status_code, override.json()["code"]) == (403, "permission_denied")
    assert by_admin.status_code == 200


@pytest.mark.parametrize("filtered", [False, True])
def test_somebody_elses_orders_do_not_exist(stranger, desk, filtered):
    order = desk.external("sell", "1")
    which = (
        {"filters": {"account_ids": [desk.account.pk]}} if filtered else {"order_ids": [order.pk]}
    )

    answer = stranger.post({"target_strategy_id": 0} | which, path=PATH)

    assert answer.status_code == 404


def test_a_reader_may_not(desk):
    order = desk.external("sell", "1")
    reader = Api(builders.key(builders.user("reader", "readonly"), desk.account))

    answer = reader.post({"order_ids": [order.pk], "target_strategy_id": 0}, path=PATH)

    assert answer.status_code == 403


def test_without_a_key_nobody_is_asked_anything(client):
    assert client.post(PATH, "{", content_type="application/json").status_code == 401
