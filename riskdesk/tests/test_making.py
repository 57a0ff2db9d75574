"""Nobody makes a key or a strategy to get around a halt or a limit."""

import json

import pytest
from django.test import Client

from accounts import services
from accounts.audit import Actor
from accounts.callers import authentication
from accounts.callers.authentication import resolve
from accounts.models import ApiKey, Strategy
from accounts.tests import builders
from accounts.words import Role
from oms_project.errors import RiskBlocked
from positions.models import Order
from riskdesk import services as acts
from riskdesk.models import Control
from riskdesk.tests.acting import halt, kill, limit
from riskdesk.words import KillScope, Scope


@pytest.fixture
def trader(desk):
    """A key of the desk's user on the desk's account."""
    return builders.key(desk.user, desk.account)


@pytest.fixture
def held_back(desk, by, trader):
    """Every way to hold somebody back, by name."""
    strategy = desk.strategy()
    other = builders.key(desk.user, desk.account)
    return {
        "the account": lambda: halt(desk, by),
        "reduce only": lambda: halt(desk, by, "reduce_only"),
        "a strategy": lambda: halt(desk, by, scope=Scope.STRATEGY, name=strategy.pk),
        "a symbol": lambda: halt(desk, by, scope=Scope.SYMBOL, name=desk.symbol),
        "the key": lambda: halt(desk, by, scope=Scope.KEY, name=trader.row.pk),
        "another key": lambda: halt(desk, by, scope=Scope.KEY, name=other.row.pk),
        "the user": lambda: kill(by, KillScope.USER, desk.user.pk),
        "the account's switch": lambda: kill(by, KillScope.ACCOUNT, desk.account.pk),
        "everybody": lambda: kill(by, KillScope.ALL),
        "openings": lambda: _block_openings(desk, by),
        "the status": lambda: _block(desk, by),
    }


NAMES = (
    "the account",
    "reduce only",
    "a strategy",
    "a symbol",
    "the key",
    "another key",
    "the user",
    "the account's switch",
    "everybody",
    "openings",
    "the status",
)


@pytest.mark.parametrize("name", NAMES)
def test_under_a_halt_nobody_makes_keys_or_strategies(desk, trader, held_back, name):
    session = services.log_in(user_name=desk.user.username, password=builders.PASSWORD, address="")
    held_back[name]()
    before = ApiKey.objects.count(), Strategy.objects.count()

    answers = [
        _post(text, path, body)
        for text in (trader.plain, session.token)
        for path, body in (
            ("/user/api-keys", {"label": "x"}),
            ("/strategies", {"name": "x", "account_ids": [desk.account.pk]}),
        )
    ]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {(409, "risk_blocked")}
    assert (ApiKey.objects.count(), Strategy.objects.count()) == before


@pytest.mark.parametrize("name", ["the account", "the key", "the user", "everybody"])
def test_the_back_office_makes_no_key_that_trades_around_a_halt(desk, held_back, name):
    admin = Actor(builders.user("root", Role.ADMIN).pk, "root")
    reader = builders.user("reader", Role.READONLY)
    held_back[name]()

    with pytest.raises(RiskBlocked):
        services.create_api_key(
            user=desk.user,
            grants=services.template_grants(desk.user.role, [desk.account.pk]),
            by=admin,
        )
    grants = services.template_grants(reader.role, [desk.account.pk])
    assert services.create_api_key(user=reader, grants=grants, by=admin).row.pk


def test_a_halt_of_another_strategy_is_no_news_for_a_restricted_key(desk, by):
    own, other = desk.strategy(), desk.strategy()
    robot = builders.key(desk.user, desk.account, strategies=[own])
    halt(desk, by, scope=Scope.STRATEGY, name=other.pk)

    made = _post(robot.plain, "/user/api-keys", {})

    assert made.status_code == 201


def test_a_key_shares_halts_with_the_keys_it_made(desk, by, trader):
    child = _made_with(trader)
    grandchild = _made_with(child)
    halt(desk, by, scope=Scope.KEY, name=trader.row.pk)

    for issued in (trader, child, grandchild):
        with pytest.raises(RiskBlocked):
            desk.send(caller=_caller(issued))
    assert desk.send(caller=_caller(builders.key(desk.user, desk.account)))


def test_what_waits_of_a_made_key_is_stopped_with_its_maker(desk, by, trader):
    order = desk.send(caller=_caller(_made_with(trader)), price="90")

    halt(desk, by, scope=Scope.KEY, name=trader.row.pk)

    assert Order.objects.get(pk=order.pk).status == "REJECTED"


def test_limits_of_a_family_count_together(desk, by, trader):
    child = _made_with(trader)
    grandchild = _made_with(child)
    limit(desk, by, scope=Scope.KEY, name=trader.row.pk, max_open_orders=2)

    desk.send(caller=_caller(child), price="90")
    desk.send(caller=_caller(grandchild), price="91")

    for issued in (trader, child, grandchild):
        with pytest.raises(RiskBlocked):
            desk.send(caller=_caller(issued), price="92")


def test_a_limit_of_a_made_key_counts_no_more_than_its_own(desk, by, trader):
    child = _made_with(trader)
    limit(desk, by, scope=Scope.KEY, name=child.row.pk, max_open_orders=1)

    desk.send(caller=_caller(trader), price="90")

    assert desk.send(caller=_caller(child), price="91")
    with pytest.raises(RiskBlocked):
        desk.send(caller=_caller(child), price="92")


def test_a_strategy_of_a_restricted_key_takes_the_tightest_limits(desk, by):
    first, second = desk.strategy(), desk.strategy()
    limit(desk, by, scope=Scope.STRATEGY, name=first.pk, max_order_qty="2", repeat_within_s=3)
    limit(
        desk,
        by,
        scope=Scope.STRATEGY,
        name=second.pk,
        max_order_qty="1",
        max_orders=10,
        orders_interval_s=5,
        repeat_within_s=9,
        symbols=[desk.symbol],
    )
    robot = builders.key(desk.user, desk.account, strategies=[first, second])

    body = {"name": "new", "account_ids": [desk.account.pk]}
    made = _post(robot.plain, "/strategies", body).json()["strategy_id"]

    control = Control.objects.get(scope=Scope.STRATEGY, target=str(made))
    limits = control.limits
    assert (limits.max_order_qty, limits.repeat_within_s) == (1, 9)
    assert (limits.max_orders, limits.orders_interval_s) == (10, 5)
    assert limits.symbols == (desk.symbol,)
    with pytest.raises(RiskBlocked):
        desk.send(qty="2", caller=_caller(robot), strategy_id=made)


def _made_with(issued):
    caller = _caller(issued)
    return services.create_own_api_key(caller=caller, by=Actor.from_caller(caller))


def _caller(issued):
    authentication.forget()
    return resolve(issued.plain, address=None)


def _post(text, path, body):
    authentication.forget()
    return Client(headers={"x-api-key": text}).post(
        path, json.dumps(body), content_type="application/json"
    )


def _block_openings(desk, by):
    acts.allow_new_positions(account_id=desk.account.pk, allowed=False, comment="why", by=by)


def _block(desk, by):
    acts.set_account_status(account_id=desk.account.pk, status="blocked", comment="why", by=by)
