"""What the services leave behind, and what they refuse."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import services
from accounts.audit import OPERATOR, Actor
from accounts.callers.authentication import resolve
from accounts.models import Account, ApiKey, AuditEntry, KeyPermission, Strategy, User
from accounts.rights.permissions import AccountRights, StrategyRights, require_trade
from accounts.tests import builders
from accounts.words import Right, Role, StrategyStatus
from oms_project.errors import (
    AccountNotFound,
    AdminReadOnly,
    Conflict,
    EngineUnavailable,
    Invalid,
    InvalidStrategyId,
    NotFound,
    PermissionDenied,
    RateLimited,
    StrategyPermissionDenied,
    UnsupportedEngine,
)

pytestmark = pytest.mark.django_db


def caller_with(issued):
    return resolve(issued.plain, address="192.0.2.7")


def as_actor(issued):
    return Actor.from_caller(caller_with(issued), "req-1")


@pytest.mark.parametrize("role", Role)
def test_only_an_admin_enters_the_admin_site(role):
    user = builders.user("someone", role)

    assert (user.is_staff, user.is_superuser) == (role is Role.ADMIN, role is Role.ADMIN)


def test_djangos_createsuperuser_makes_an_admin():
    assert User.objects.create_superuser("root", password="x").role == Role.ADMIN


def test_a_user_name_is_taken_once():
    builders.user()

    with pytest.raises(Conflict):
        builders.user()


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"user_name": "with space"}, "user_name"),
        ({"user_name": ""}, "user_name"),
        ({"role": "emperor"}, "role"),
        ({"email": "nonsense"}, "email"),
        ({"password": "Xy7#q"}, "password"),
    ],
)
def test_a_bad_user_is_refused_by_its_field(facts, field):
    good = {"user_name": "carol", "role": "trader", "password": builders.PASSWORD, "email": ""}

    with pytest.raises(Invalid) as refusal:
        services.create_user(**{**good, **facts}, by=OPERATOR)
    assert refusal.value.details["field"] == field
    assert "Xy7#q" not in str(refusal.value.details)


def test_a_user_without_a_password_cannot_log_in():
    user = services.create_user(user_name="bot", role=Role.ROBOT, by=OPERATOR)

    assert not user.has_usable_password()


def test_changing_the_password_needs_the_present_one_and_is_slowed_down(settings):
    settings.LOGIN_FAILURES = 2
    user = builders.user()
    change = {"user": user, "new_password": "another good one", "by": OPERATOR, "address": "a"}
    for _ in range(2):
        with pytest.raises(Invalid) as refusal:
            services.change_password(current_password="wrong", **change)
        told = {"field": "current_password", "limit": "the present password"}
        assert refusal.value.details == told

    with pytest.raises(RateLimited):
        services.change_password(current_password=builders.PASSWORD, **change)


@pytest.mark.parametrize("exchange_id", ["binance", "", "CCXT.binance", "ccxt.", "ccxt", "ftx.x"])
def test_only_two_engines_are_known(exchange_id):
    with pytest.raises(UnsupportedEngine) as refusal:
        builders.account(exchange_id=exchange_id)
    assert refusal.value.details["value"] == exchange_id


@pytest.mark.parametrize("exchange_id", ["ccxt.nowhere", "ccxtpro.kraken", "ccxt.Binance"])
def test_an_exchange_that_ccxt_lacks_is_unavailable(exchange_id):
    with pytest.raises(EngineUnavailable):
        builders.account(exchange_id=exchange_id)


@pytest.mark.parametrize(
    ("settings_", "field"),
    [
        ({"position_mode": "both"}, "position_mode"),
        ({"reversal": "x"}, "reversal"),
        ({"protection": "x"}, "protection"),
        ({"raw_storage": "x"}, "raw_storage"),
        ({"label": ""}, "label"),
        ({"label": "x" * 121}, "label"),
        ({"extra_config": {"urls": {}}}, "extra_config"),
        ({"extra_config": {"headers": {"a": "b"}}}, "extra_config"),
        ({"extra_config": {"timeout": 10}}, "extra_config.timeout"),
        ({"extra_config": {"timeout": True}}, "extra_config.timeout"),
        ({"extra_config": {"uid": ""}}, "extra_config.uid"),
        ({"extra_config": ["x"]}, "extra_config"),
        ({"reconcile_policy": {"weekly": {}}}, "reconcile_policy"),
        ({"reconcile_policy": {"short": {"every_s": 1}}}, "reconcile_policy.short.every_s"),
        ({"reconcile_policy": {"short": 60}}, "reconcile_policy.short"),
    ],
)
def test_a_bad_account_setting_is_refused_by_its_name(settings_, field):
    with pytest.raises(Invalid) as refusal:
        builders.account(**settings_)
    assert refusal.value.details["field"] == field
    assert "limit" in refusal.value.details
    assert not Account.objects.exists()


def test_an_account_keeps_what_it_was_given():
    account = builders.account(
        exchange_id="ccxtpro.binance",
        position_mode="hedge",
        extra_config={"defaultType": "swap", "timeout": 20_000},
        reconcile_policy={"short": {"every_s": 30}},
    )

    account.refresh_from_db()
    assert (account.ccxt_id, account.is_pro) == ("binance", True)
    assert account.extra_config == {"defaultType": "swap", "timeout": 20_000}
    assert (account.keep_stops, account.status, account.raw_storage) == (True, "active", "shared")


def test_the_first_strategy_has_the_id_1():
    account = builders.account()

    assert builders.strategy("first", account).pk == 1
    assert builders.strategy("second", account).pk != 1


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({"name": " "}, Invalid),
        ({"client_strategy_id": 2**63}, Invalid),
        ({"client_strategy_id": -1}, Invalid),
        ({"account_ids": [10**6]}, AccountNotFound),
    ],
)
def test_a_bad_strategy_is_refused(facts, refusal):
    good = {"name": "trend", "account_ids": [], "client_strategy_id": None}

    with pytest.raises(refusal):
        services.create_strategy(**{**good, **facts}, by=OPERATOR)


def test_a_strategy_is_linked_to_an_account_once():
    here, there = builders.account(), builders.account("other")
    strategy = builders.strategy("trend", here)

    def linked():
        return [*strategy.accounts.order_by("pk")]

    assert linked() == [here]
    assert services.link_strategy(strategy=strategy, account_id=there.pk, by=OPERATOR)
    assert not services.link_strategy(strategy=strategy, account_id=there.pk, by=OPERATOR)
    assert linked() == [here, there]
    services.set_strategy_status(strategy=strategy, status=StrategyStatus.DISABLED, by=OPERATOR)
    strategy.refresh_from_db()
    assert strategy.status == StrategyStatus.DISABLED


def test_a_restricted_creator_gets_the_new_strategy():
    account = builders.account()
    issued = builders.key(builders.user("bot", Role.ROBOT), account)

    strategy = services.create_own_strategy(
        caller=caller_with(issued), name="grid", account_ids=[account.pk], by=as_actor(issued)
    )

    rights = KeyPermission.objects.get().strategies.get()
    assert (rights.strategy, rights.can_read, rights.can_trade) == (strategy, True, True)


def test_the_new_strategy_can_be_used_at_once(django_capture_on_commit_callbacks):
    account = builders.account()
    issued = builders.key(builders.user("bot", Role.ROBOT), account)
    caller, by = caller_with(issued), as_actor(issued)

    with django_capture_on_commit_callbacks(execute=True):
        strategy = services.create_own_strategy(
            caller=caller, name="grid", account_ids=[account.pk], by=by
        )

    require_trade(caller_with(issued), account.pk, strategy.pk)


def test_a_strategy_needs_trading_on_each_account():
    ours, readable, foreign = (builders.account(name) for name in "abc")
    user = builders.user()
    grants = {
        ours.pk: AccountRights(frozenset({Right.READ, Right.TRADE})),
        readable.pk: AccountRights(frozenset({Right.READ})),
    }
    issued = services.create_api_key(user=user, grants=grants, by=OPERATOR)

    def create(*accounts, key=issued):
        services.create_own_strategy(
            caller=caller_with(key),
            name="x",
            account_ids=[account.pk for account in accounts],
            by=OPERATOR,
        )

    create(ours)
    with pytest.raises(PermissionDenied):
        create(ours, readable)
    with pytest.raises(AccountNotFound):
        create(ours, foreign)
    with pytest.raises(Invalid):
        create()
    with pytest.raises(AdminReadOnly):
        create(ours, key=builders.key(builders.user("root", Role.ADMIN)))
    assert Strategy.objects.count() == 1


def test_an_own_key_is_a_copy_of_the_one_that_asks():
    account = builders.account()
    strategy = builders.strategy("trend", account)
    soon = timezone.now() + timedelta(days=1)
    issued = builders.key(
        builders.user(),
        account,
        strategies=[strategy],
        expires_at=soon,
        ip_allow_list=["192.0.2.0/24"],
    )

    copy = services.create_own_api_key(caller=caller_with(issued), by=as_actor(issued))

    assert caller_with(copy).rights == caller_with(issued).rights
    assert (copy.row.expires_at, copy.row.ip_allow_list) == (soon, ["192.0.2.0/24"])


def rights(*granted, strategies=None):
    listed = None if strategies is None else {number: StrategyRights() for number in strategies}
    return AccountRights(frozenset(granted), listed)


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ({1: rights(Right.READ, strategies=[1])}, None),
        ({1: rights(Right.READ, Right.RISK_MANAGE, strategies=[1])}, PermissionDenied),
        ({1: rights(Right.READ)}, StrategyPermissionDenied),
        ({1: rights(Right.READ, strategies=[2])}, StrategyPermissionDenied),
        ({2: rights(Right.READ, strategies=[1])}, AccountNotFound),
    ],
)
def test_an_own_key_can_do_no_more_than_the_one_that_asks(wanted, refusal):
    account = builders.account()
    strategies = [builders.strategy(name, account) for name in ("own", "other")]
    issued = builders.key(builders.user(), account, strategies=strategies[:1])
    accounts = {1: account.pk, 2: builders.account("foreign").pk}
    numbers = {place: row.pk for place, row in enumerate(strategies, start=1)}
    grants = {
        accounts[place]: AccountRights(
            asked.granted,
            asked.strategies and {numbers[n]: rest for n, rest in asked.strategies.items()},
        )
        for place, asked in wanted.items()
    }

    if refusal is None:
        services.create_own_api_key(caller=caller_with(issued), grants=grants, by=OPERATOR)
        return
    with pytest.raises(refusal):
        services.create_own_api_key(caller=caller_with(issued), grants=grants, by=OPERATOR)


def test_an_own_key_lives_no_longer_and_reaches_no_further():
    soon = timezone.now() + timedelta(days=1)
    issued = builders.key(builders.user(), expires_at=soon, ip_allow_list=["192.0.2.0/24"])
    caller = caller_with(issued)

    for beyond in (
        {"expires_at": soon + timedelta(days=1)},
        {"ip_allow_list": []},
        {"ip_allow_list": ["0.0.0.0/0"]},
        {"ip_allow_list": ["192.0.2.1", "2001:db8::/32"]},
        {"ip_allow_list": ["nonsense"]},
        {"expires_at": timezone.now()},
    ):
        with pytest.raises(Invalid):
            services.create_own_api_key(caller=caller, by=OPERATOR, **beyond)
    services.create_own_api_key(caller=caller, by=OPERATOR, ip_allow_list=["192.0.2.1"])


def test_a_key_cannot_lengthen_its_own_life():
    soon = timezone.now() + timedelta(days=1)
    issued = builders.key(builders.user(), expires_at=soon)

    for later in (None, soon + timedelta(days=1)):
        with pytest.raises(PermissionDenied):
            services.update_own_api_key(
                caller=caller_with(issued),
                api_key_id=issued.row.pk,
                changes={"expires_at": later},
                by=OPERATOR,
            )


def test_a_revoked_key_stays_revoked():
    user = builders.user()
    acting = builders.key(user)
    old = services.create_own_api_key(caller=caller_with(acting), by=OPERATOR)

    def change(**changes):
        return services.update_own_api_key(
            caller=caller_with(acting), api_key_id=old.row.pk, changes=changes, by=OPERATOR
        )

    assert change(label="bot", status="revoked").label == "bot"
    assert change(status="revoked").status == "revoked"
    for again in ({"status": "active"}, {"label": "new"}):
        with pytest.raises(Conflict):
            change(**again)


def test_someone_elses_key_does_not_exist():
    acting, foreign = builders.key(builders.user()), builders.key(builders.user("bob"))

    with pytest.raises(NotFound):
        services.update_own_api_key(
            caller=caller_with(acting),
            api_key_id=foreign.row.pk,
            changes={"label": "mine"},
            by=OPERATOR,
        )


def test_a_grant_replaces_what_was_granted():
    account = builders.account()
    issued = builders.key(builders.user(), account)
    strategy = builders.strategy("trend", account)

    services.grant(
        api_key=issued.row,
        account_id=account.pk,
        rights=rights(Right.READ, strategies=[strategy.pk]),
        by=OPERATOR,
    )

    found = caller_with(issued).rights[account.pk]
    assert found.granted == {Right.READ}
    assert set(found.strategies) == {strategy.pk}
    entry = AuditEntry.objects.about("api_key", issued.row.pk)[0]
    assert entry.before == {
        "account_id": account.pk,
        "granted": ["can_close_position", "can_read", "can_trade"],
        "strategies": None,
    }


def test_a_grant_names_what_exists():
    issued = builders.key(builders.user())
    account = builders.account()

    with pytest.raises(AccountNotFound):
        services.grant(api_key=issued.row, account_id=10**6, rights=rights(), by=OPERATOR)
    with pytest.raises(InvalidStrategyId):
        services.grant(
            api_key=issued.row,
            account_id=account.pk,
            rights=rights(Right.READ, strategies=[10**6]),
            by=OPERATOR,
        )


def test_a_permission_that_allows_nothing_is_no_permission():
    account = builders.account()
    issued = builders.key(builders.user(), account)
    services.grant(api_key=issued.row, account_id=account.pk, rights=rights(), by=OPERATOR)

    assert caller_with(issued).rights == {}


def test_every_act_leaves_its_actor_in_the_trail():
    account = builders.account()
    issued = builders.key(builders.user(), account)

    services.create_own_strategy(
        caller=caller_with(issued), name="x", account_ids=[account.pk], by=as_actor(issued)
    )

    entry = AuditEntry.objects.get(action="strategy_created")
    key = ApiKey.objects.get()
    assert (entry.user_name, entry.user_id, entry.api_key_id, entry.request_id) == (
        "alice",
        key.user_id,
        key.pk,
        "req-1",
    )
