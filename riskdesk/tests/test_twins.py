"""A restricted key learns nothing of other strategies.

Two accounts: on one others trade as well, on the other they do not exist. Every call of the key is
made on both, and the answers have to be equal, but for numbers that count rows (ids, ``seq``) and
times. What the contract lets depend on others is tested by itself below.
"""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts import services
from accounts.audit import OPERATOR
from accounts.callers import authentication
from accounts.callers.authentication import resolve
from accounts.tests import builders
from oms_project.errors import OmsError, StrategyPermissionDenied
from positions.engine.types import CaseKind
from positions.models import Deal, Order
from positions.outbox import holding
from positions.projector.cases import open_case
from positions.tests.desk import Desk
from positions.tests.fakes import INVERSE, LINEAR, SPOT
from riskdesk.tests.acting import halt, limit
from riskdesk.words import Scope

NOWHERE = 10**9
MARKET = {"symbol": LINEAR, "side": "buy", "order_type": "market", "qty": "1"}
LIMIT = MARKET | {"order_type": "limit", "price": "90"}


@dataclass
class Twin:
    """A desk with a restricted key, and the ids that its calls name."""

    desk: Desk
    key: builders.IssuedKey
    ids: dict[str, int]

    def told(self, call: Any) -> Any:
        """What the key is told; whatever the call did is undone."""
        with transaction.atomic():
            authentication.forget()
            answer = _plain(call(self))
            transaction.set_rollback(True)
        return answer


@pytest.fixture(params=["hedge", "strategy_netting", "netting"])
def twins(request, new_desk, by, venue):
    """The same key with others beside it and without."""
    venue.prices |= dict.fromkeys((LINEAR, SPOT, INVERSE), Decimal(100))
    return [_twin(new_desk(position_mode=request.param), by, others=each) for each in (True, False)]


def _twin(desk: Desk, by: Any, *, others: bool) -> Twin:
    own = desk.strategy()
    ids = dict.fromkeys(("strategy", "position", "order", "deal", "case", "key"), NOWHERE)
    if others:
        ids = _others(desk, by)
    # On netting accounts a symbol is its own or not at all: there they meet in no symbol.
    desk.symbol = LINEAR
    kept = desk.bought("2", strategy_id=own.pk)
    rests = desk.rest(price="90", strategy_id=own.pk, client_order_id="own")
    grants = services.template_grants(desk.user.role, [desk.account.pk], [own.pk])
    key = services.create_api_key(user=desk.user, grants=grants, by=OPERATOR)
    ids |= {"own": own.pk, "own_position": kept.pk, "own_order": rests.pk}
    return Twin(desk, key, ids | {"account": desk.account.pk})


def _others(desk: Desk, by: Any) -> dict[str, int]:
    """What another strategy does with a key of the same user, before and beside."""
    strategy = desk.strategy()
    key = builders.key(desk.user, desk.account)
    caller = resolve(key.plain, address=None)
    desk.symbol = INVERSE if desk.account.position_mode == "netting" else LINEAR
    position = desk.bought("3", strategy_id=strategy.pk, caller=caller, request_id="r-1")
    order = desk.rest(price="80", strategy_id=strategy.pk, caller=caller, client_order_id="theirs")
    desk.symbol = SPOT
    desk.bought("5", strategy_id=strategy.pk, caller=caller)
    with holding(desk.account.pk) as lane:
        case = open_case(
            lane, CaseKind.UNCLOSABLE, "theirs", strategy_id=strategy.pk, position=position
        )
    limit(desk, by, scope=Scope.STRATEGY, name=strategy.pk, max_order_qty="9")
    halt(desk, by, scope=Scope.STRATEGY, name=strategy.pk)
    limit(desk, by, scope=Scope.KEY, name=key.row.pk, max_open_orders=9)
    return {
        "strategy": strategy.pk,
        "position": position.pk,
        "order": order.pk,
        "deal": Deal.objects.filter(position=position).earliest("id").pk,
        "case": case.pk,
        "key": key.row.pk,
    }


def command(name: str, **payload: Any) -> Any:
    """A call that gives a command; ``{names}`` are ids of the twin."""

    def call(twin: Twin) -> Any:
        request_id = payload.get("request_id")
        asked = {key: value for key, value in payload.items() if key != "request_id"}
        caller = resolve(twin.key.plain, address=None)
        try:
            given = twin.desk.give(
                name, caller=caller, request_id=request_id, **_filled(asked, twin.ids)
            )
        except OmsError as refusal:
            return refusal.status, refusal.body("")
        orders = Order.objects.filter(pk__in=given.order_ids).values("status", "qty", "note")
        return 200, {"status": given.status, "orders": list(orders)}

    return call


def rest(method: str, path: str, body: Any = None) -> Any:
    """A call over REST."""

    def call(twin: Twin) -> Any:
        client = Client(headers={"x-api-key": twin.key.plain})
        sent = {} if body is None else {
            "data": json.dumps(_filled(body, twin.ids)), "content_type": "application/json"
        }  # fmt: skip
        answer = getattr(client, method)(path.format(**twin.ids), **sent)
        return answer.status_code, answer.json()

    return call


def get(path: str) -> Any:
    """A question over REST."""
    return rest("get", path)


_LISTS = ("orders/open", "orders/history", "deals", "positions/open", "positions/history")
_CLOSE = {"position_id": "{position}"}
CALLS = {
    **{f"list {name}": get(f"/oms/{name}?account_ids={{account}}") for name in _LISTS},
    **{
        f"list {name} of theirs": get(
            f"/oms/{name}?account_ids={{account}}&strategy_id={{strategy}}"
        )
        for name in _LISTS
    },
    "their order": get("/oms/orders/{order}"),
    "both orders": get("/oms/orders/{own_order},{order}"),
    "their deal": get("/oms/deals/{deal}"),
    "their position": get("/oms/positions/{position}"),
    "events": get("/oms/events?account_ids={account}"),
    "cases": get("/oms/reconcile/cases?account_ids={account}"),
    "accounts": get("/oms/accounts"),
    "risk": get("/oms/risk/{account}"),
    "risk of strategies": get("/oms/risk/{account}/strategies"),
    "strategies": get("/strategies"),
    "keys": get("/user/api-keys"),
    "their key": get("/user/api-keys/{key}/permissions"),
    "change their key": rest("patch", "/user/api-keys/{key}", {"label": "x"}),
    "make a key": rest("post", "/user/api-keys", {"label": "x"}),
    "make a key for theirs": rest(
        "post",
        "/user/api-keys",
        {
            "permissions": [
                {
                    "account_id": "{account}",
                    "can_read": True,
                    "restrict_to_strategies": True,
                    "strategies": [{"strategy_id": "{strategy}"}],
                }
            ]
        },
    ),
    "make a strategy": rest("post", "/strategies", {"name": "x", "account_ids": ["{account}"]}),
    "decide their case": rest(
        "post",
        "/oms/reconcile/cases/{case}/resolve",
        {"action": "acknowledge", "comment": "x"},
    ),
    "take their order": rest(
        "post", "/oms/reassign", {"order_ids": ["{order}"], "target_strategy_id": "{own}"}
    ),
    "give them an order": rest(
        "post", "/oms/reassign", {"order_ids": ["{own_order}"], "target_strategy_id": "{strategy}"}
    ),
    "to their position": rest(
        "post",
        "/oms/reassign",
        {
            "order_ids": ["{own_order}"],
            "target_strategy_id": "{own}",
            "target_position_id": "{position}",
        },
    ),
    "send": command("send_order", **MARKET, strategy_id="{own}"),
    "send the other way": command("send_order", **MARKET | {"side": "sell"}, strategy_id="{own}"),
    "send for theirs": command("send_order", **MARKET, strategy_id="{strategy}"),
    "send for nobody": command("send_order", **MARKET),
    "send to their position": command(
        "send_order", **MARKET, strategy_id="{own}", position_id="{position}"
    ),
    "reduce their position": command(
        "send_order",
        **MARKET | {"side": "sell", "reduce_only": True},
        strategy_id="{own}",
        position_id="{position}",
    ),
    "reduce its own": command(
        "send_order",
        **MARKET | {"side": "sell", "reduce_only": True},
        strategy_id="{own}",
        position_id="{own_position}",
    ),
    "their client id": command(
        "send_order", **LIMIT, strategy_id="{own}", client_order_id="theirs"
    ),
    "its own client id": command("send_order", **LIMIT, strategy_id="{own}", client_order_id="own"),
    "their request id": command("send_order", **MARKET, strategy_id="{own}", request_id="r-1"),
    "change theirs": command("change_order", order_id="{order}", new_price="70"),
    "change its own": command("change_order", order_id="{own_order}", new_price="70"),
    "cancel theirs": command("cancel_order", order_id="{order}"),
    "cancel both": command("cancel_order", order_ids=["{own_order}", "{order}"]),
    "cancel all": command("cancel_all_orders"),
    "cancel all of theirs": command("cancel_all_orders", strategy_ids=["{strategy}"]),
    "close theirs": command("close_position", **_CLOSE),
    "close its own": command("close_position", position_id="{own_position}"),
    "close its own as theirs": command(
        "close_position", position_id="{own_position}", strategy_id="{strategy}"
    ),
    "close by theirs": command(
        "close_by", position_id_a="{own_position}", position_id_b="{position}"
    ),
    "merge into theirs": command(
        "merge_positions", source_position_id="{own_position}", target_position_id="{position}"
    ),
    "stops of theirs": command("position_change", **_CLOSE, stop_loss="1"),
    "stops of its own": command("position_change", position_id="{own_position}", stop_loss="1"),
    "halt theirs": rest(
        "post",
        "/oms/risk/halts",
        {"scope": "strategy", "id": "{strategy}", "state": "halted", "comment": "x"},
    ),
}


def test_every_answer_is_what_it_would_be_without_the_others(twins):
    with_others, alone = twins
    differing = {}
    for name, call in CALLS.items():
        told = with_others.told(call), alone.told(call)
        if told[0] != told[1]:
            differing[name] = told
    print(f"{len(CALLS)} calls, {len(differing)} differ")

    assert differing == {}


@pytest.mark.parametrize("others", [True, False])
def test_a_sell_of_too_much_tells_the_question_and_no_total(new_desk, by, others):
    twin = _twin(new_desk(position_mode="strategy_netting"), by, others=others)
    sell = MARKET | {"symbol": SPOT, "side": "sell", "qty": "7"}

    _, body = twin.told(command("send_order", **sell, strategy_id="{own}"))

    assert body["code"] == "validation_error"
    assert body["details"] == {"field": "qty", "value": "7"}
    assert not re.search(r"\d", body["message"])


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_net_qty": "4"}, {"field": "qty", "value": "1"}),
        ({"max_gross_qty": "4"}, {"field": "qty", "value": "1"}),
        ({"max_open_orders": 2}, {"field": "orders", "value": None}),
        ({"max_orders": 1, "orders_interval_s": 3600}, {"field": "orders", "value": None}),
    ],
    ids=str,
)
def test_a_limit_of_the_account_tells_the_question_and_no_total(new_desk, by, limits, told):
    twin = _twin(new_desk(position_mode="strategy_netting"), by, others=True)
    limit(twin.desk, by, **limits)

    _, body = twin.told(command("send_order", **MARKET, strategy_id="{own}"))

    assert (body["code"], body["details"]) == ("risk_blocked", told)
    assert not re.search(r"\d", body["message"])


def test_a_limit_of_its_own_strategy_tells_all(new_desk, by):
    twin = _twin(new_desk(position_mode="strategy_netting"), by, others=True)
    limit(twin.desk, by, scope=Scope.STRATEGY, name=twin.ids["own"], max_net_qty="2")

    _, body = twin.told(command("send_order", **MARKET, strategy_id="{own}"))

    assert body["details"]["limit"] == "2"


# --- netting accounts -------------------------------------------------------------------------


@pytest.fixture
def shared(new_desk):
    """A netting account where a robot's position and another strategy's order share a symbol."""
    desk = new_desk(position_mode="netting")
    own, other = desk.strategy(), desk.strategy()
    robot = desk.caller_with(strategies=[own.pk])
    position = desk.bought("2", strategy_id=own.pk)
    order = desk.rest(price="90", strategy_id=own.pk)
    return desk, robot, own.pk, other.pk, position, order


@pytest.mark.parametrize("who", ["another", "nobody"])
def test_where_another_rests_in_the_symbol_a_restricted_key_opens_nothing(shared, who):
    desk, robot, own, other, _, order = shared
    desk.rest(price="80", strategy_id=other if who == "another" else 0)
    before = Order.objects.count()

    for side in ("buy", "sell"):
        with pytest.raises(StrategyPermissionDenied) as refusal:
            desk.send(side, caller=robot, strategy_id=own)
        assert refusal.value.details == {"field": "symbol", "value": desk.symbol}
    with pytest.raises(StrategyPermissionDenied):
        desk.give("change_order", caller=robot, order_id=order.pk, new_price="95")
    assert Order.objects.count() == before


@pytest.mark.parametrize("who", ["another", "nobody"])
def test_where_another_holds_the_symbol_a_restricted_key_opens_nothing(new_desk, who):
    desk = new_desk(position_mode="netting")
    own, other = desk.strategy().pk, desk.strategy().pk
    robot = desk.caller_with(strategies=[own])
    held = desk.bought("3", strategy_id=other if who == "another" else 0)

    for side in ("buy", "sell"):
        with pytest.raises(StrategyPermissionDenied):
            desk.send(side, caller=robot, strategy_id=own)
    assert (desk.fresh(held).qty, Order.objects.filter(strategy_id=own).count()) == (3, 0)


def test_closes_cancels_and_stops_always_pass(shared, venue):
    desk, robot, own, other, position, order = shared
    venue.prices[desk.symbol] = Decimal(100)
    desk.rest(price="80", strategy_id=other)

    desk.give("position_change", caller=robot, position_id=position.pk, stop_loss="50")
    desk.send("sell", "1", caller=robot, strategy_id=own, reduce_only=True)
    desk.give("cancel_order", caller=robot, order_id=order.pk)
    assert desk.close(position, caller=robot)


def test_a_symbol_of_its_own_and_strangers_orders_do_not_count(shared):
    desk, robot, own, _, _, _ = shared
    desk.external("buy", "1")

    assert desk.send(caller=robot, strategy_id=own)


# --- what was sent before ---------------------------------------------------------------------


def test_an_earlier_request_answers_its_own_key_and_wider_ones_only(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    own, other = desk.strategy(), desk.strategy()
    keys = {
        "sender": builders.key(desk.user, desk.account, strategies=[own]),
        "same rights": builders.key(desk.user, desk.account, strategies=[own]),
        "wider": builders.key(desk.user, desk.account),
        "another's": builders.key(desk.user, desk.account, strategies=[other]),
    }
    callers = {name: resolve(key.plain, address=None) for name, key in keys.items()}

    def give(name, strategy_id=own.pk):
        return desk.give(
            "send_order", caller=callers[name], request_id="r-1", **MARKET, strategy_id=strategy_id
        )

    first = give("sender")
    assert give("sender").pk == first.pk
    assert give("wider").pk == first.pk
    assert give("same rights").pk == first.pk
    theirs = give("another's", other.pk)
    assert theirs.pk != first.pk
    assert give("another's", other.pk).pk == theirs.pk
    assert give("sender").pk == first.pk
    assert Order.objects.count() == 2


def test_a_narrower_key_is_not_told_of_a_wider_ones_request(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    own = desk.strategy()
    wide, narrow = (
        resolve(builders.key(desk.user, desk.account, strategies=some).plain, address=None)
        for some in ((), (own,))
    )
    first = desk.give("send_order", caller=wide, request_id="r-1", **MARKET)

    second = desk.give("send_order", caller=narrow, request_id="r-1", **MARKET, strategy_id=own.pk)

    assert second.pk != first.pk


# --- underneath -------------------------------------------------------------------------------


def _filled(template: Any, ids: dict[str, int]) -> Any:
    match template:
        case dict():
            return {name: _filled(value, ids) for name, value in template.items()}
        case list():
            return [_filled(value, ids) for value in template]
        case str() if template.startswith("{"):
            return ids[template[1:-1]]
    return template


_COUNTS = re.compile(
    r"(^|_)(id|ids|seq|no|ticket|cursor|prefix|key)$|_id_[ab]$|_client_order_id$|^made_by$"
)
_TIMES = re.compile(r"_at$|^since$|request_id|^api_key$")
_NUMBERED = re.compile(r"(desk|strategy) \d+|user\d+")


def _plain(answer: Any, name: str = "") -> Any:
    """An answer without what counts rows and without times."""
    if isinstance(answer, tuple | list):
        return [_plain(each, name) for each in answer]
    if isinstance(answer, dict):
        named = str(answer.get("field", ""))
        hidden = {"value", "limit"} if named.endswith(("_id", "_ids")) else set()
        return {key: "#" if key in hidden else _plain(each, key) for key, each in answer.items()}
    if _TIMES.search(name):
        return answer is not None
    if _COUNTS.search(name) and answer not in (None, 0):
        return "#"
    return _NUMBERED.sub("#", answer) if isinstance(answer, str) else answer
