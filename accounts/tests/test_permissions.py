"""Roles and rights: who may do what, where and with which strategy."""

import pytest

from accounts.rights.acts import ROLE_RIGHTS, Act
from accounts.rights.permissions import (
    KEY_TEMPLATES,
    AccountRights,
    StrategyRights,
    readable_strategies,
    require,
    require_account_trade,
    require_admin,
    require_cancel,
    require_case_decision,
    require_close,
    require_read,
    require_read_all,
    require_reassign,
    require_strategy_visible,
    require_trade,
    require_trade_of_new_strategy,
    tradable_strategies,
)
from accounts.tests.builders import caller, everything
from accounts.words import Right, Role
from oms_project.errors import (
    AccountNotFound,
    AdminReadOnly,
    OrderNotFound,
    PermissionDenied,
    StrategyPermissionDenied,
)

OURS, THEIRS = 1, 2
MINE, OTHER = 11, 12

READERS = set(Role)
TRADERS = {Role.TRADER, Role.PORTFOLIO_MANAGER, Role.ROBOT}
CLOSERS = TRADERS | {Role.RISK}
ACTS = {
    "read": (lambda who: require_read(who, OURS), READERS),
    "trade": (lambda who: require_trade(who, OURS, MINE), TRADERS),
    "set leverage": (lambda who: require_account_trade(who, OURS), TRADERS),
    "add a strategy": (lambda who: require_trade_of_new_strategy(who, OURS), TRADERS),
    "close": (lambda who: require_close(who, OURS, MINE), CLOSERS),
    "cancel": (lambda who: require_cancel(who, OURS, MINE), CLOSERS),
    "set limits": (lambda who: require(who, Act.SET_LIMITS, OURS), {Role.RISK}),
    "block openings": (lambda who: require(who, Act.ALLOW_OPENINGS, OURS), {Role.RISK}),
    "block the account": (lambda who: require(who, Act.SET_STATUS, OURS), {Role.RISK}),
    "decide about a case": (
        lambda who: require_case_decision(
            who, OURS, MINE, missing=AccountNotFound(account_id=OURS)
        ),
        TRADERS | {Role.ADMIN, Role.RISK},
    ),
    "reassign": (lambda who: require_reassign(who, OURS, (MINE, OTHER)), TRADERS | {Role.ADMIN}),
    "run the back office": (require_admin, {Role.ADMIN}),
}
TRADING_ACTS = {"trade", "set leverage", "add a strategy", "close", "cancel"}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("act", ACTS)
def test_a_role_limits_even_a_key_that_may_do_everything(role, act):
    attempt, allowed = ACTS[act]
    who = caller(role, {OURS: everything()})

    if role in allowed:
        attempt(who)
        return
    refusal = AdminReadOnly if role is Role.ADMIN and act in TRADING_ACTS else PermissionDenied
    with pytest.raises(refusal):
        attempt(who)


@pytest.mark.parametrize(
    ("act", "needed"),
    [
        ("read", {Right.READ}),
        ("trade", {Right.TRADE}),
        ("set leverage", {Right.TRADE}),
        ("close", {Right.CLOSE_POSITION}),
        ("set limits", {Right.RISK_MANAGE}),
        ("block openings", {Right.RISK_MANAGE, Right.BLOCK_NEW_POSITIONS}),
        ("block the account", {Right.RISK_MANAGE, Right.BLOCK_ACCOUNT}),
    ],
)
def test_a_key_needs_the_right_of_each_act_and_no_other(act, needed):
    attempt, allowed = ACTS[act]
    role = Role.RISK if Role.RISK in allowed else Role.TRADER

    attempt(caller(role, {OURS: AccountRights(frozenset(needed))}))
    for missing in needed:
        rest = frozenset(Right) - {missing}
        with pytest.raises(PermissionDenied):
            attempt(caller(role, {OURS: AccountRights(rest)}))


@pytest.mark.parametrize("right", [Right.TRADE, Right.CLOSE_POSITION])
def test_either_trading_or_closing_is_enough_to_cancel(right):
    require_cancel(caller(Role.TRADER, {OURS: AccountRights(frozenset({right}))}), OURS, MINE)

    reader = caller(Role.TRADER, {OURS: AccountRights(frozenset({Right.READ}))})
    with pytest.raises(PermissionDenied):
        require_cancel(reader, OURS, MINE)


@pytest.mark.parametrize("act", sorted(set(ACTS) - {"run the back office"}))
def test_someone_elses_account_does_not_exist(act):
    attempt, allowed = ACTS[act]
    role = Role.RISK if Role.RISK in allowed else Role.TRADER

    with pytest.raises(AccountNotFound) as refusal:
        attempt(caller(role, {THEIRS: everything()}))
    assert refusal.value.details == {"account_id": OURS}


def test_an_admin_is_told_the_same_about_every_account():
    for account_id in (OURS, THEIRS):
        with pytest.raises(AdminReadOnly):
            require_trade(caller(Role.ADMIN, {OURS: everything()}), account_id, 0)


def test_one_foreign_account_refuses_the_whole_list():
    who = caller(Role.READONLY, {OURS: everything()})

    require_read_all(who, [OURS])
    with pytest.raises(AccountNotFound):
        require_read_all(who, [OURS, THEIRS])


def test_a_restricted_key_trades_its_strategies_only_and_not_strategy_0():
    who = caller(Role.ROBOT, {OURS: everything([MINE])})

    require_trade(who, OURS, MINE)
    require_close(who, OURS, MINE)
    for strategy_id in (OTHER, 0):
        for attempt in (require_trade, require_close, require_cancel):
            with pytest.raises(StrategyPermissionDenied):
                attempt(who, OURS, strategy_id)


def test_what_a_restricted_key_may_not_see_does_not_exist():
    who = caller(Role.ROBOT, {OURS: everything([MINE])})
    missing = OrderNotFound(order_id=5)

    require_strategy_visible(who, OURS, MINE, missing=missing)
    for account_id, strategy_id in ((OURS, OTHER), (OURS, 0), (THEIRS, MINE)):
        with pytest.raises(OrderNotFound):
            require_strategy_visible(who, account_id, strategy_id, missing=missing)


def test_a_strategy_can_be_seen_without_being_traded():
    rights = AccountRights(frozenset(Right), {MINE: StrategyRights(can_trade=False)})
    who = caller(Role.TRADER, {OURS: rights})

    require_strategy_visible(who, OURS, MINE, missing=OrderNotFound())
    assert readable_strategies(who, OURS) == {MINE}
    assert tradable_strategies(who, OURS) == frozenset()
    with pytest.raises(StrategyPermissionDenied):
        require_trade(who, OURS, MINE)


def test_an_unrestricted_key_sees_strategy_0_and_all_others():
    who = caller(Role.TRADER, {OURS: everything()})

    require_trade(who, OURS, 0)
    assert readable_strategies(who, OURS) is None
    assert tradable_strategies(who, OURS) is None


def test_a_foreign_account_has_no_readable_strategies():
    assert readable_strategies(caller(Role.TRADER, {}), OURS) == frozenset()


def test_a_restricted_key_does_not_act_on_the_whole_account():
    risk = caller(Role.RISK, {OURS: everything([MINE])})

    require(risk, Act.HALT_STRATEGY, OURS, MINE)
    for act in (Act.SET_STATUS, Act.SET_LIMITS, Act.HALT_ACCOUNT, Act.HALT_KEY, Act.KILL):
        with pytest.raises(StrategyPermissionDenied):
            require(risk, act, OURS)
    with pytest.raises(StrategyPermissionDenied):
        require_account_trade(caller(Role.ROBOT, {OURS: everything([MINE])}), OURS)


def test_a_case_of_another_strategy_does_not_exist_for_a_restricted_key():
    who = caller(Role.ROBOT, {OURS: everything((MINE,))})

    require_case_decision(who, OURS, MINE, missing=OrderNotFound())
    with pytest.raises(OrderNotFound):
        require_case_decision(who, OURS, 0, missing=OrderNotFound())


def test_who_only_reads_decides_nothing():
    who = caller(Role.TRADER, {OURS: AccountRights(frozenset({Right.READ}))})

    with pytest.raises(PermissionDenied):
        require_case_decision(who, OURS, MINE, missing=OrderNotFound())


def test_only_an_admin_overrides_a_reassign():
    require_reassign(caller(Role.ADMIN, {}), OURS, (0, MINE), override=True)

    trader = caller(Role.TRADER, {OURS: everything()})
    with pytest.raises(PermissionDenied):
        require_reassign(trader, OURS, (0, MINE), override=True)


def test_a_restricted_key_reassigns_only_between_its_own_strategies():
    who = caller(Role.TRADER, {OURS: everything([MINE, OTHER])})

    require_reassign(who, OURS, (MINE, OTHER))
    with pytest.raises(StrategyPermissionDenied):
        require_reassign(who, OURS, (0, MINE))


def test_accounts_are_listed_only_where_they_may_be_read():
    blind = AccountRights(frozenset({Right.TRADE}))

    assert caller(Role.TRADER, {OURS: everything(), THEIRS: blind}).account_ids() == {OURS}


def test_the_rights_shown_are_those_of_role_and_key_together():
    who = caller(Role.READONLY, {OURS: everything()})

    assert who.rights_on(OURS).granted == {Right.READ, Right.SEE_BALANCE}
    assert who.rights_on(THEIRS).granted == frozenset()


@pytest.mark.parametrize("role", Role)
def test_a_template_gives_nothing_that_the_role_would_refuse(role):
    assert KEY_TEMPLATES[role].rights <= ROLE_RIGHTS[role]


def test_the_templates_are_those_of_the_contract():
    trading = {Right.READ, Right.TRADE, Right.CLOSE_POSITION}

    assert KEY_TEMPLATES[Role.ADMIN].rights == frozenset()
    assert KEY_TEMPLATES[Role.READONLY].rights == {Right.READ}
    assert KEY_TEMPLATES[Role.RISK].rights == set(Right) - {Right.TRADE, Right.SEE_BALANCE}
    for role in (Role.TRADER, Role.PORTFOLIO_MANAGER):
        assert KEY_TEMPLATES[role].rights == trading
    assert KEY_TEMPLATES[Role.ROBOT].rights == trading | {Right.SEE_BALANCE}
    assert {role for role in Role if KEY_TEMPLATES[role].restricted} == {Role.ROBOT}
