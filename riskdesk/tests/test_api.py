"""The risk desk over REST: bodies, rights, what is refused, and what it leaves behind."""

import json
from decimal import Decimal

import pytest

from accounts.models import AuditEntry
from accounts.tests import builders
from positions.models import Event
from positions.tests.api.conftest import Api, caller_of
from riskdesk import selectors
from riskdesk.models import Control, KillSwitch

WHY = {"comment": "too much of it"}


def act(api, path, **body):
    return api.post(json.dumps(body), path=f"/oms/risk/{path}")


@pytest.fixture
def acts(desk):
    """Every act, with a body that is good but for the comment."""
    account_id, strategy = desk.account.pk, desk.strategy()
    return {
        f"{account_id}/allow_new_positions": {"allow_new_positions": False},
        f"{account_id}/strategies/allow_new_positions": {
            "strategy_id": strategy.pk,
            "allow_new_positions": False,
        },
        f"{account_id}/status": {"status": "blocked"},
        f"{account_id}/limits": {"max_order_qty": "1"},
        "halts": {"scope": "symbol", "id": desk.symbol, "state": "halted"},
        "kill": {"scope": "account", "id": account_id},
        "release": {"scope": "account", "id": account_id},
    }


ACTIONS = {
    "allow_new_positions": "account_allow_new_positions_changed",
    "strategies": "strategy_allow_new_positions_changed",
    "status": "account_status_changed",
    "limits": "limits_changed",
    "halts": "halt_changed",
    "kill": "kill_switch_changed",
    "release": "kill_switch_changed",
}


def test_every_act_works_tells_and_leaves_one_entry(desk, risk, acts):
    for path, body in acts.items():
        entries = AuditEntry.objects.count()

        answer = act(risk, path, **body, **WHY)

        assert answer.status_code == 200, (path, answer.content)
        entry = AuditEntry.objects.order_by("-id").first()
        event = Event.objects.order_by("-id").first()
        words = path.split("/")
        assert AuditEntry.objects.count() == entries + 1, path
        assert (entry.comment, entry.user_name) == (WHY["comment"], "officer"), path
        assert entry.api_key_id == risk.key.pk
        assert entry.before is not None
        assert entry.after is not None
        assert event.event == ACTIONS[words[1] if len(words) > 1 else words[0]], path
        assert (event.namespace, event.account_id) == ("risk", desk.account.pk)


def test_every_act_needs_a_comment(risk, acts):
    for path, body in acts.items():
        for comment in ({}, {"comment": ""}, {"comment": None}, {"comment": " "}):
            answer = act(risk, path, **body, **comment)

            assert answer.status_code == 422, path
            assert answer.json()["details"]["field"] == "comment", path
    assert AuditEntry.objects.filter(user_name="officer").count() == 0


def test_every_act_refuses_fields_it_does_not_know(risk, acts):
    for path, body in acts.items():
        answer = act(risk, path, **body, **WHY, surprise=1)

        assert (answer.status_code, answer.json()["details"]["field"]) == (422, "surprise"), path


@pytest.mark.parametrize("role", ["trader", "portfolio_manager", "readonly"])
def test_other_roles_may_look_and_not_act(desk, acts, role):
    api = Api(builders.key(builders.user("someone", role), desk.account))

    answers = {path: act(api, path, **body, **WHY).status_code for path, body in acts.items()}

    assert set(answers.values()) == {403}, answers
    assert api.get(f"/oms/risk/{desk.account.pk}").status_code == 200
    assert api.get(f"/oms/risk/{desk.account.pk}/strategies").status_code == 200


def test_an_account_of_somebody_else_does_not_exist(desk, new_desk, acts):
    other = new_desk()
    stranger = Api(builders.key(builders.user("stranger", "risk"), other.account))
    acts["halts"] = {"scope": "account", "id": desk.account.pk, "state": "halted"}

    answers = {path: act(stranger, path, **body, **WHY) for path, body in acts.items()}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(
        acts, 404
    )
    assert {answer.json()["code"] for answer in answers.values()} == {"account_not_found"}
    assert stranger.get(f"/oms/risk/{desk.account.pk}").status_code == 404
    assert stranger.get(f"/oms/risk/{desk.account.pk}/strategies").status_code == 404


def test_without_a_key_there_is_no_answer(client, desk, acts):
    for path in acts:
        assert client.post(f"/oms/risk/{path}", {}, "application/json").status_code == 401


@pytest.mark.parametrize(
    ("right", "path"),
    [
        ("can_block_account", "status"),
        ("can_block_new_positions", "allow_new_positions"),
        ("can_block_new_positions", "strategies/allow_new_positions"),
        ("can_risk_manage", "limits"),
        ("can_risk_manage", "halts"),
        ("can_risk_manage", "kill"),
    ],
)
def test_each_act_needs_its_right(desk, risk, acts, right, path):
    permission = risk.key.permissions.get()
    setattr(permission, right, False)
    permission.save()
    path = path if path in acts else f"{desk.account.pk}/{path}"

    answer = act(risk, path, **acts[path], **WHY)

    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


# --- reading ----------------------------------------------------------------------------------


def test_an_account_without_any_control_shows_all_limits_off(desk, risk):
    shown = risk.get(f"/oms/risk/{desk.account.pk}").json()

    assert (shown["status"], shown["state"], shown["allow_new_positions"]) == (
        "active",
        "active",
        True,
    )
    assert set(shown["limits"].values()) == {None}
    assert (shown["limits_by"], shown["halts"], shown["kill_switches"]) == ([], [], [])


def test_what_was_decided_is_shown(desk, risk, acts):
    for path, body in acts.items():
        if path != "release":
            act(risk, path, **body, **WHY)

    shown = risk.get(f"/oms/risk/{desk.account.pk}").json()
    (row,) = risk.items("/oms/accounts")

    assert (shown["status"], shown["allow_new_positions"]) == ("blocked", False)
    assert shown["limits"]["max_order_qty"] == "1"
    assert {(halt["scope"], halt["id"]) for halt in shown["halts"]} == {
        ("account", desk.account.pk),
        ("strategy", desk.account.strategies.get().pk),
        ("symbol", desk.symbol),
    }
    (switch,) = shown["kill_switches"]
    assert (switch["scope"], switch["pulled_by"]) == ("account", "officer")
    assert row["risk"] == {"allow_new_positions": False, "state": "active", "killed": True}


def test_strategies_are_listed_newest_first_with_their_limits(desk, risk):
    first, second = desk.strategy(), desk.strategy()
    act(
        risk,
        f"{desk.account.pk}/limits",
        strategy_id=first.pk,
        max_net_qty="2.50",
        symbols=[desk.symbol],
        **WHY,
    )

    rows = risk.items(f"/oms/risk/{desk.account.pk}/strategies")

    assert [row["strategy_id"] for row in rows] == [second.pk, first.pk]
    assert rows[1]["limits"]["max_net_qty"] == "2.5"
    assert rows[1]["limits"]["symbols"] == [desk.symbol]
    assert rows[0]["limits"]["max_net_qty"] is None


def test_a_restricted_key_sees_its_strategies_only(desk, risk, robot):
    api, own, foreign = robot
    for strategy_id in (own, foreign):
        path = f"{desk.account.pk}/strategies/allow_new_positions"
        act(risk, path, strategy_id=strategy_id, allow_new_positions=False, **WHY)
        path = f"{desk.account.pk}/limits"
        act(risk, path, strategy_id=strategy_id, max_order_qty="1", **WHY)
    act(risk, f"{desk.account.pk}/limits", api_key_id=risk.key.pk, max_order_qty="1", **WHY)

    shown = api.get(f"/oms/risk/{desk.account.pk}").json()
    rows = api.items(f"/oms/risk/{desk.account.pk}/strategies")

    assert [halt["id"] for halt in shown["halts"]] == [own]
    assert [(row["scope"], row["id"]) for row in shown["limits_by"]] == [("strategy", own)]
    assert [row["strategy_id"] for row in rows] == [own]


@pytest.mark.parametrize(
    ("read", "queries"), [(selectors.risk_of, 3), (selectors.strategies_of, 2)]
)
def test_reading_costs_the_same_however_much_is_set(
    desk, risk, read, queries, django_assert_num_queries
):
    for _ in range(4):
        strategy = desk.strategy()
        act(risk, f"{desk.account.pk}/limits", strategy_id=strategy.pk, max_orders=1,
            orders_interval_s=1, **WHY)  # fmt: skip
    caller = caller_of(risk)

    with django_assert_num_queries(queries):
        read(caller, desk.account)


# --- limits -----------------------------------------------------------------------------------


def test_limits_left_out_stay_and_null_switches_off(desk, risk):
    path = f"{desk.account.pk}/limits"
    act(risk, path, max_order_qty="1", max_open_orders=5, price_collar_percent=2.5, **WHY)

    shown = act(risk, path, max_order_qty=None, **WHY).json()["limits"]

    assert (shown["max_order_qty"], shown["max_open_orders"]) == (None, 5)
    assert shown["price_collar_percent"] == "2.5"
    assert Control.objects.get().price_collar_percent == Decimal("2.5")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_order_qty": "-1"}, "max_order_qty"),
        ({"max_order_qty": "much"}, "max_order_qty"),
        ({"max_open_orders": 1.5}, "max_open_orders"),
        ({"repeat_within_s": 0}, "repeat_within_s"),
        ({"max_orders": 5}, "orders_interval_s"),
        ({"symbols": "BTC/USDT"}, "symbols"),
        ({"api_key_id": 1, "strategy_id": 1, "max_orders": 1}, "api_key_id"),
        ({}, "limits"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(desk, risk, body, field):
    answer = act(risk, f"{desk.account.pk}/limits", **body, **WHY)

    assert (answer.status_code, answer.json()["details"]["field"]) == (422, field)
    assert not Control.objects.exists()


@pytest.mark.parametrize(
    ("body", "limit", "value"),
    [
        ({"max_order_qty": "-1"}, "a decimal, not below zero", "-1"),
        ({"max_order_qty": True}, "a decimal, not below zero", True),
        ({"max_open_orders": 2**31}, 2**31 - 1, 2**31),
        ({"repeat_within_s": 0}, 1, 0),
        ({"symbols": ["S" * 65]}, 64, 65),
    ],
)
def test_a_refused_limit_says_what_could_be_given(desk, risk, body, limit, value):
    details = act(risk, f"{desk.account.pk}/limits", **body, **WHY).json()["details"]

    assert (details["limit"], details["value"]) == (limit, value)


def test_a_key_has_no_positions_to_limit(desk, risk):
    path = f"{desk.account.pk}/limits"

    refused = act(risk, path, api_key_id=risk.key.pk, max_net_qty="1", **WHY)
    taken = act(risk, path, api_key_id=risk.key.pk, max_order_qty="1", **WHY)
    foreign = act(risk, path, api_key_id=10**6, max_order_qty="1", **WHY)

    assert refused.json()["details"]["field"] == "max_net_qty"
    assert taken.json()["limits_by"][0]["max_order_qty"] == "1"
    assert foreign.status_code == 404


# --- halts ------------------------------------------------------------------------------------


def test_a_halt_falls_on_every_account_the_key_manages(desk, new_desk, officer):
    other, foreign = new_desk(), new_desk()
    strategy = desk.strategy()
    strategy.accounts.add(other.account, foreign.account)
    both = Api(builders.key(officer, desk.account, other.account))

    answers = [
        act(both, "halts", scope=scope, id=name, state="reduce_only", **WHY).json()
        for scope, name in (("strategy", strategy.pk), ("symbol", desk.symbol))
    ]

    assert [answer["account_ids"] for answer in answers] == [
        [desk.account.pk, other.account.pk],
        [desk.account.pk, other.account.pk],
    ]
    assert not Control.objects.filter(account=foreign.account).exists()


@pytest.mark.parametrize("scope", ["strategy", "key", "account"])
def test_halting_what_is_not_there_is_not_found(risk, scope):
    answer = act(risk, "halts", scope=scope, id=987654, state="halted", **WHY)

    assert answer.status_code == 404


@pytest.mark.parametrize("name", ["x", "-1", "0", "9" * 30, True, None, ["a"]])
def test_an_account_is_halted_by_its_number(risk, name):
    answer = act(risk, "halts", scope="account", id=name, state="halted", **WHY)

    assert (answer.status_code, answer.json()["details"]["field"]) == (422, "id")


# --- kill switches ----------------------------------------------------------------------------


def test_a_kill_says_what_it_did(desk, risk):
    waiting, position = desk.send(), desk.bought("1")
    desk.report(desk.fresh(waiting), None)

    answer = act(risk, "kill", scope="account", id=desk.account.pk, flatten=True, **WHY)

    body = answer.json()
    assert (body["scope"], body["id"], body["pulled"]) == ("account", desk.account.pk, True)
    (account,) = body["accounts"]
    flatten = {"state": "running", "closing": [position.pk], "left": []}
    assert (account["flatten"], account["error"]) == (flatten, None)


@pytest.mark.parametrize(
    "body", [{"scope": "all", "id": 1}, {"scope": "account"}, {"scope": "user", "id": None}]
)
def test_all_has_no_id_and_the_others_need_one(risk, body):
    answer = act(risk, "kill", **body, **WHY)

    assert (answer.status_code, answer.json()["details"]["field"]) == (422, "id")


def test_all_is_pulled_by_who_manages_every_account(desk, new_desk, risk):
    alone = act(risk, "kill", scope="all", **WHY).status_code
    act(risk, "release", scope="all", **WHY)
    new_desk()

    refused = act(risk, "kill", scope="all", **WHY)

    assert alone == 200
    assert (refused.status_code, KillSwitch.objects.filter(holds="all").exists()) == (403, False)


def test_a_user_is_stopped_by_who_manages_all_their_accounts(desk, new_desk, risk):
    builders.key(desk.user, desk.account)
    foreign = new_desk()
    builders.key(foreign.user, foreign.account)

    own = act(risk, "kill", scope="user", id=desk.user.pk, **WHY).status_code
    unknown = act(risk, "kill", scope="user", id=foreign.user.pk, **WHY).status_code
    builders.key(foreign.user, desk.account)
    shared = act(risk, "kill", scope="user", id=foreign.user.pk, **WHY).status_code

    assert (own, unknown, shared) == (200, 404, 403)


def test_releasing_what_is_not_pulled_is_a_conflict(desk, risk):
    answer = act(risk, "release", scope="account", id=desk.account.pk, **WHY)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


# --- a blocked account ------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_blocked_account_can_be_closed_and_unblocked(desk, risk):
    position, trader = desk.bought("1"), Api(builders.key(desk.user, desk.account))
    path = f"{desk.account.pk}/status"
    act(risk, path, status="blocked", **WHY)
    order = {"symbol": desk.symbol, "side": "buy", "order_type": "market", "qty": "1"}
    sent = {"account_id": desk.account.pk, "command": "send_order", "payload": order}

    refused = trader.post(json.dumps(sent))
    closing = {"command": "close_position", "payload": {"position_id": position.pk, **WHY}}
    closed = risk.post(json.dumps(closing))
    act(risk, path, status="active", **WHY)
    again = trader.post(json.dumps(sent))

    assert refused.json()["results"][0]["error"]["code"] == "risk_blocked"
    assert refused.status_code == 409
    assert (closed.status_code, again.status_code) == (202, 202)
