"""``POST /oms/commands?check=true``: what would come of it, and that nothing does."""

import json
from decimal import Decimal

import pytest
from django.apps import apps

from accounts.tests import builders
from positions.models import Order, Position
from positions.tests.api.conftest import Api
from positions.tests.fakes import INVERSE, LINEAR, SPOT

pytestmark = pytest.mark.django_db(transaction=True)

CHECK = "/oms/commands?check=true"
# A key's last use and a session say who came, whatever was asked.
_OF_THE_VISIT = {"accounts.ApiKey", "sessions.Session"}


def everything():
    """Every row of every table of ours."""
    return {
        model._meta.label: list(model.objects.order_by("pk").values())
        for model in apps.get_models()
        if model._meta.label not in _OF_THE_VISIT
    }


def checked(api, body):
    """The one result of a check, after which every table is as it was."""
    before = everything()
    answer = api.post(body, path=CHECK)
    assert everything() == before
    (result,) = answer.json()["results"]
    assert answer.status_code == 200 or not result["ok"]
    return result


def order(desk, **changes):
    payload = {"symbol": desk.symbol, "side": "buy", "type": "market", "qty": "1"} | changes
    return {"account_id": desk.account.pk, "command": "send_order", "payload": payload}


def command(desk, name, **payload):
    return {"account_id": desk.account.pk, "command": name, "payload": payload}


# --- what would come of it ---


def test_an_opening_tells_value_fee_and_position(api, desk, venue):
    venue.change_market(LINEAR, taker_rate=Decimal("0.0005"), maker_rate=Decimal("0.0002"))
    venue.prices[LINEAR] = Decimal("200")

    assert checked(api, order(desk, qty="0.5"))["effect"] == {
        "notional": "100",
        "fee": "0.05",
        "position_before": {"position_id": None, "side": None, "qty": "0"},
        "position_after": {"position_id": None, "side": "buy", "qty": "0.5"},
        "margin": None,
    }
    made = checked(api, order(desk, type="limit", price="100", post_only=True))["effect"]
    assert (made["notional"], made["fee"]) == ("100", "0.02")
    assert venue.woken == []


def test_what_is_not_known_is_null(api, desk):
    effect = checked(api, order(desk))["effect"]

    assert (effect["notional"], effect["fee"], effect["margin"]) == (None, None, None)
    assert effect["position_after"]["qty"] == "1"


def test_an_inverse_contract_is_worth_quote_and_pays_in_coin(new_desk, venue):
    desk = new_desk(INVERSE)
    venue.change_market(INVERSE, taker_rate=Decimal("0.001"), contract_size=Decimal(100))
    venue.prices[INVERSE] = Decimal("50000")

    effect = checked(Api(builders.key(desk.user, desk.account)), order(desk, qty="10"))["effect"]

    assert (effect["notional"], effect["fee"]) == ("1000", "0.00002")


@pytest.mark.parametrize(
    ("side", "qty", "after"),
    [
        ("buy", "1", ("same", "buy", "3")),
        ("sell", "0.5", ("same", "buy", "1.5")),
        ("sell", "2", ("same", None, "0")),
        ("sell", "5", (None, "sell", "3")),
    ],
)
def test_an_order_on_a_netting_account_moves_its_position(api, desk, side, qty, after):
    position = desk.bought("2")
    effect = checked(api, order(desk, side=side, qty=qty))["effect"]

    told = effect["position_after"]
    assert effect["position_before"] == {"position_id": position.pk, "side": "buy", "qty": "2"}
    assert told["position_id"] == (position.pk if after[0] else None)
    assert (told["side"], told["qty"]) == after[1:]


def test_a_position_that_turns_round_in_mt5s_way_stays_the_same(new_desk):
    desk = new_desk(reversal="mt5")
    position = desk.bought("2")

    effect = checked(Api(builders.key(desk.user, desk.account)), order(desk, side="sell", qty="5"))[
        "effect"
    ]

    told = {"position_id": position.pk, "side": "sell", "qty": "3"}
    assert effect["position_after"] == told


@pytest.mark.parametrize(("qty", "left"), [(None, (None, "0")), ("1", ("buy", "0.0005"))])
def test_dust_that_a_close_of_everything_leaves_is_no_position_any_more(new_desk, qty, left):
    desk = new_desk(SPOT)
    api = Api(builders.key(desk.user, desk.account))
    buy = desk.send("buy", "1.001")
    desk.fill(buy, "1.001", fee="0.0005", fee_currency="BTC")
    position = Position.objects.get()
    asked = {} if qty is None else {"qty": qty}

    effect = checked(api, command(desk, "close_position", position_id=position.pk, **asked))

    after = effect["effect"]["position_after"]
    assert (after["side"], after["qty"]) == left
    assert after["position_id"] == position.pk


def test_in_hedge_an_opening_is_a_position_of_its_own_and_a_close_is_its_positions(new_desk):
    desk = new_desk(position_mode="hedge")
    api = Api(builders.key(desk.user, desk.account))
    position = desk.bought("2")

    opened = checked(api, order(desk))["effect"]
    closed = checked(api, command(desk, "close_position", position_id=position.pk, qty="0.5"))

    assert opened["position_before"] == {"position_id": None, "side": None, "qty": "0"}
    assert closed["effect"]["position_after"]["qty"] == "1.5"


def test_every_command_can_be_checked(new_desk):
    desk = new_desk(position_mode="hedge")
    api = Api(builders.key(desk.user, desk.account))
    one, two, short = desk.bought("1"), desk.bought("2"), desk.filled("sell", "1").position
    resting = desk.rest(price="90")
    of = {"position_id_a": two.pk, "position_id_b": short.pk}
    merge = {"source_position_id": one.pk, "target_position_id": two.pk}
    asked = [
        ("cancel_order", {"order_id": resting.pk}, None),
        ("cancel_all_orders", {}, None),
        ("change_order", {"order_id": resting.pk, "new_price": "80"}, ("0", "1")),
        ("close_position", {"position_id": one.pk}, ("1", "0")),
        ("close_by", of, ("2", "1")),
        ("merge_positions", merge, ("2", "3")),
        ("position_change", {"position_id": one.pk, "comment": "x"}, ("1", "1")),
    ]
    for name, payload, moved in asked:
        effect = checked(api, command(desk, name, **payload))["effect"]
        told = [effect["position_before"], effect["position_after"]]
        assert (moved and list(moved)) == (moved and [each["qty"] for each in told]), name
        assert moved or told == [None, None]
    assert Position.objects.get(pk=one.pk).qty == 1
    assert Order.objects.get(pk=resting.pk).cancel_requested_at is None


def test_each_of_an_array_is_checked_as_if_alone_in_its_order(api, desk):
    before = everything()
    answer = api.post([order(desk), order(desk, qty="0"), {"x": 1}, order(desk)], path=CHECK)
    results = answer.json()["results"]

    assert answer.status_code == 207
    assert [each["index"] for each in results] == [0, 1, 2, 3]
    assert [each["ok"] for each in results] == [True, False, False, True]
    assert {tuple(each) for each in results} == {("index", "ok", "error", "effect")}
    assert everything() == before


def test_a_checked_request_id_is_not_used_and_a_used_one_would_do_nothing(api, desk):
    asked = order(desk) | {"request_id": "r-1"}
    assert checked(api, asked)["ok"]
    assert api.post(asked).status_code == 202

    again, other = checked(api, asked), checked(api, order(desk, qty="2") | {"request_id": "r-1"})

    assert again["ok"]
    assert set(again["effect"].values()) == {None}
    assert other["error"]["code"] == "idempotency_conflict"


def test_an_unclosable_position_is_flagged_by_the_close_and_not_by_its_check(new_desk, venue):
    desk = new_desk(SPOT)
    api = Api(builders.key(desk.user, desk.account))
    position = desk.bought("1", "100")
    venue.prices[SPOT] = Decimal(100)
    venue.change_market(SPOT, min_cost=Decimal(5000))
    close = command(desk, "close_position", position_id=position.pk)

    refused = checked(api, close)

    assert refused["error"]["details"]["limit"] == "5000"
    assert not Position.objects.get(pk=position.pk).unclosable
    assert api.post(close).json()["results"][0]["error"] == refused["error"]
    assert Position.objects.get(pk=position.pk).unclosable


def test_a_restricted_key_sees_no_position_of_others(robot, desk):
    api, own, foreign = robot
    desk.bought("1", strategy_id=own)

    assert checked(api, order(desk, strategy_id=own))["effect"]["position_before"]["qty"] == "1"
    desk.bought("1", strategy_id=foreign)
    Position.objects.update(strategy_id=foreign)
    refused = checked(api, order(desk, strategy_id=own))
    assert refused["error"]["code"] == "strategy_permission_denied"


# --- the same refusals ---


def bad_bodies(desk, foreign):
    """Many bodies that are refused for as many reasons, at every step of the way."""
    position = desk.bought("2")
    resting = desk.rest(price="90", client_order_id="mine")
    done = desk.filled("buy", "1")
    yield from ([], {}, 7, {"command": "nothing"}, {"command": "send_order", "x": 1})
    yield from (order(desk) | {"account_id": 10**6}, order(desk) | {"account_id": "x"})
    yield {"command": "send_order", "payload": {}}
    for changes in (
        {"qty": "0"}, {"qty": "-1"}, {"qty": "0.0001"}, {"qty": "1e30"}, {"qty": "x"},
        {"qty": "5000000"}, {"symbol": "NO/PE"}, {"side": "up"}, {"type": "odd"}, {"price": "1"},
        {"type": "limit"}, {"type": "limit", "price": "0.001"}, {"type": "limit", "price": "1"},
        {"type": "stop", "trigger_price": "5"}, {"time_in_force": "FOK"}, {"expires_at": "x"},
        {"expires_at": "2020-01-01T00:00:00Z", "type": "limit", "price": "100"},
        {"type": "limit", "price": "100", "client_order_id": "mine"}, {"strategy_id": 999},
        {"strategy_id": foreign}, {"position_id": 999}, {"stop_loss": "95"},
        {"stop_loss": "95", "stop_gain": "90", "type": "limit", "price": "100"},
        {"reduce_only": True}, {"reduce_only": True, "side": "sell", "qty": "50"},
        {"params": {"url": "x"}}, {"reason": "risk"}, {"trailing_amount": "1"}, {"odd": 1},
    ):  # fmt: skip
        yield order(desk, **changes)
    for name, payload in (
        ("cancel_order", {}), ("cancel_order", {"order_id": 999}),
        ("cancel_order", {"order_id": done.pk}),
        ("cancel_all_orders", {"strategy_ids": [foreign]}), ("cancel_all_orders", {"odd": 1}),
        ("change_order", {"order_id": 999, "new_price": "1"}),
        ("change_order", {"order_id": resting.pk}),
        ("change_order", {"order_id": resting.pk, "new_qty": "0.0001"}),
        ("change_order", {"order_id": done.pk, "new_price": "80"}),
        ("close_position", {"position_id": 999}),
        ("close_position", {"position_id": position.pk, "qty": "50"}),
        ("close_position", {"position_id": position.pk, "strategy_id": 77}),
        ("close_position", {"position_id": position.pk, "type": "limit"}),
        ("close_position", {"position_id": position.pk, "override_unknown": True}),
        ("close_by", {"position_id_a": position.pk, "position_id_b": position.pk}),
        ("merge_positions", {"source_position_id": position.pk, "target_position_id": 999}),
        ("position_change", {"position_id": position.pk}),
        ("position_change", {"position_id": position.pk, "stop_loss": "0.001"}),
        ("position_change", {"position_id": position.pk, "stop_loss": "150"}),
    ):  # fmt: skip
        yield command(desk, name, **payload)


@pytest.mark.parametrize(
    ("who", "symbol", "mode"),
    [
        ("trader", LINEAR, "netting"),
        ("trader", LINEAR, "strategy_netting"),
        ("trader", SPOT, "hedge"),
        ("robot", LINEAR, "netting"),
        ("risk", SPOT, "strategy_netting"),
        ("readonly", LINEAR, "hedge"),
        ("admin", LINEAR, "netting"),
        ("stranger", LINEAR, "netting"),
    ],
)
def test_a_check_is_refused_as_the_command_is(new_desk, venue, risk, who, symbol, mode):
    desk = new_desk(symbol, position_mode=mode)
    foreign = desk.strategy().pk
    api = _api_of(new_desk, desk, who)
    refused = 0
    situations = (_as_it_is, _priced, _risky(risk), _blocked(desk))
    for number, body in enumerate(list(bad_bodies(desk, foreign))):
        for place, meanwhile in enumerate(situations):
            meanwhile(venue, symbol)
            # Looking at every table takes its time; one in sixteen has it, each situation in turn.
            looks = number % 16 == 5 * place
            refused += _compare(api, body, venue, looks=looks)
            _calm(desk, venue, risk)

    assert refused > 100


def _compare(api, body, venue, *, looks):
    """Ask both ways; the refusals are equal. Whether there was one."""
    before, woken = everything() if looks else None, len(venue.woken)
    told = api.post(body, path=CHECK)
    assert before is None or everything() == before
    assert len(venue.woken) == woken
    real = api.post(body)
    if "results" not in real.json():
        assert _bare(told) == _bare(real)
        return True
    (checked_one,), (given,) = told.json()["results"], real.json()["results"]
    assert _timeless(checked_one["error"]) == _timeless(given["error"]), json.dumps(body)
    assert checked_one["ok"] == given["ok"]
    if not given["ok"]:
        assert told.status_code == real.status_code
    return not given["ok"]


def _timeless(error):
    """What an expiry is measured by is the time of asking."""
    if error and error["details"].get("field") == "expires_at":
        error["details"].pop("limit")
    return error


def _bare(answer):
    return answer.status_code, {k: v for k, v in answer.json().items() if k != "request_id"}


def _api_of(new_desk, desk, who):
    if who == "stranger":
        other = new_desk()
        return Api(builders.key(other.user, other.account))
    if who == "trader":
        return Api(builders.key(desk.user, desk.account))
    strategies = [desk.strategy()] if who == "robot" else ()
    return Api(builders.key(builders.user(who, who), desk.account, strategies=strategies))


def _as_it_is(venue, symbol):
    pass


def _priced(venue, symbol):
    venue.prices[symbol] = Decimal(100)


def _risky(risk):
    def act(venue, symbol):
        risk.refuses = True

    return act


def _blocked(desk):
    def act(venue, symbol):
        desk.account.status = "blocked"
        desk.account.save(update_fields=["status"])

    return act


def _calm(desk, venue, risk):
    venue.prices.clear()
    risk.refuses = False
    desk.account.status = "active"
    desk.account.save(update_fields=["status"])
