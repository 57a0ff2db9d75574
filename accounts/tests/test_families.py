"""Keys that keys made: bound by their makers for good, and widened only after a log-in."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import selectors, services
from accounts.audit import OPERATOR, Actor
from accounts.callers import authentication
from accounts.callers.authentication import resolve
from accounts.models import ApiKey, KeyPermission
from accounts.rights.families import MOST_GENERATIONS
from accounts.rights.permissions import AccountRights, StrategyRights
from accounts.services import two_factor
from accounts.tests import builders
from accounts.words import Right, Role
from oms_project.errors import Conflict, Invalid, InvalidApiKey, NotFound, PermissionDenied

pytestmark = pytest.mark.django_db
HERE, ELSEWHERE = "192.0.2.7", "203.0.113.9"


def caller_with(issued, address=HERE):
    authentication.forget()
    return resolve(issued.plain, address=address)


def made_with(issued, **wanted):
    caller = caller_with(issued)
    return services.create_own_api_key(caller=caller, by=Actor.from_caller(caller), **wanted)


def logged_in(user, issued=None):
    session = services.log_in(
        user_name=user.username,
        password=builders.PASSWORD,
        address=HERE,
        api_key_id=issued and issued.row.pk,
    )
    authentication.forget()
    return resolve(session.token, address=HERE)


def change(caller, issued, **changes):
    return services.update_own_api_key(
        caller=caller, api_key_id=issued.row.pk, changes=changes, by=Actor.from_caller(caller)
    )


@pytest.fixture
def trader():
    return builders.user()


@pytest.fixture
def account():
    return builders.account()


@pytest.fixture
def root(trader, account):
    """The key that the back office gave."""
    return builders.key(trader, account)


@pytest.fixture
def line(root):
    """A key, the one it made, and the one that this made."""
    child = made_with(root)
    return [root, child, made_with(child)]


def test_a_key_knows_who_made_it(line):
    root, child, grandchild = (each.row for each in line)

    assert (root.made_by, child.made_by, grandchild.made_by) == (None, root.pk, child.pk)
    assert grandchild.maker_ids == (root.pk, child.pk)


@pytest.mark.parametrize(
    "ended",
    [{"status": "revoked"}, {"expires_at": timezone.now() - timedelta(days=1)}],
    ids=["revoked", "expired"],
)
@pytest.mark.parametrize("whose", [0, 1])
def test_a_key_ends_with_each_of_its_makers(line, whose, ended):
    ApiKey.objects.filter(pk=line[whose].row.pk).update(**ended)

    for later in line[whose:]:
        with pytest.raises(InvalidApiKey):
            caller_with(later)
    for earlier in line[:whose]:
        assert caller_with(earlier)


def test_revoking_a_key_revokes_what_it_made_and_says_so(line):
    services.revoke_api_key(api_key=line[1].row, by=OPERATOR)

    states = [ApiKey.objects.get(pk=each.row.pk).status for each in line]
    assert states == ["active", "revoked", "revoked"]


def test_addresses_of_every_maker_count(line):
    ApiKey.objects.filter(pk=line[0].row.pk).update(ip_allow_list=[HERE])

    assert caller_with(line[2])
    with pytest.raises(InvalidApiKey):
        caller_with(line[2], address=ELSEWHERE)


def test_rights_withdrawn_from_a_maker_are_withdrawn_from_what_it_made(line, account):
    KeyPermission.objects.filter(api_key=line[0].row).update(can_trade=False)

    assert caller_with(line[2]).rights[account.pk].granted == {Right.READ, Right.CLOSE_POSITION}
    KeyPermission.objects.filter(api_key=line[1].row).delete()
    assert caller_with(line[2]).rights == {}
    assert Right.READ in caller_with(line[0]).rights[account.pk].granted


def test_a_maker_restricted_later_restricts_what_it_made(line, account):
    strategy, other = (builders.strategy(name, account) for name in ("own", "other"))
    listed = {strategy.pk: StrategyRights(can_trade=False)}
    rights = AccountRights(frozenset({Right.READ, Right.TRADE}), listed)
    services.grant(api_key=line[0].row, account_id=account.pk, rights=rights, by=OPERATOR)
    both = AccountRights(
        frozenset(Right), {strategy.pk: StrategyRights(), other.pk: StrategyRights()}
    )
    services.grant(api_key=line[2].row, account_id=account.pk, rights=both, by=OPERATOR)

    assert caller_with(line[2]).rights[account.pk] == rights


def test_a_strategy_made_by_a_restricted_key_is_its_makers_too(trader, account):
    own = builders.strategy("own", account)
    maker = builders.key(trader, account, strategies=[own])
    child = made_with(maker)
    caller = caller_with(child)

    made = services.create_own_strategy(
        caller=caller, name="new", account_ids=[account.pk], by=Actor.from_caller(caller)
    )

    for each in (maker, child):
        assert set(caller_with(each).rights[account.pk].strategies) == {own.pk, made.pk}


def test_generations_are_counted(root):
    key = root
    for _ in range(MOST_GENERATIONS):
        key = made_with(key)

    with pytest.raises(Conflict):
        made_with(key)


# --- who changes what ---


@pytest.mark.parametrize(
    "changes",
    [
        {"ip_allow_list": []},
        {"expires_at": None},
        {"status": "revoked"},
        {"label": "mine"},
        {"ip_allow_list": [ELSEWHERE]},
    ],
    ids=str,
)
def test_a_key_changes_no_other_key_of_its_user(trader, account, root, changes):
    reader = services.create_api_key(
        user=trader,
        grants={account.pk: AccountRights(frozenset({Right.READ}))},
        by=OPERATOR,
        ip_allow_list=[HERE],
    )
    before = ApiKey.objects.filter(pk=root.row.pk).values().get()

    with pytest.raises(PermissionDenied):
        change(caller_with(reader), root, **changes)
    assert ApiKey.objects.filter(pk=root.row.pk).values().get() == before | {
        "last_used_at": before["last_used_at"]
    }


def test_a_key_does_not_change_its_maker(line):
    with pytest.raises(PermissionDenied):
        change(caller_with(line[1]), line[0], status="revoked")


@pytest.mark.parametrize("whose", [0, 1, 2])
def test_a_key_narrows_itself_and_those_it_made(line, whose):
    caller = caller_with(line[0])

    assert change(caller, line[whose], ip_allow_list=[HERE]).ip_allow_list == [f"{HERE}/32"]
    assert change(caller, line[whose], label="mine").label == "mine"
    for wider in ([], [HERE, ELSEWHERE]):
        with pytest.raises(PermissionDenied):
            change(caller, line[whose], ip_allow_list=wider)


def test_a_person_who_logged_in_widens_their_keys_up_to_the_makers(trader, line):
    soon = timezone.now() + timedelta(days=1)
    ApiKey.objects.filter(pk=line[0].row.pk).update(ip_allow_list=[HERE], expires_at=soon)
    ApiKey.objects.filter(pk=line[1].row.pk).update(ip_allow_list=[HERE])
    person = logged_in(trader)

    with pytest.raises(Invalid):
        change(person, line[1], ip_allow_list=[])
    with pytest.raises(Invalid):
        change(person, line[1], expires_at=None)
    assert change(person, line[0], ip_allow_list=[]).ip_allow_list == []
    assert change(person, line[1], ip_allow_list=[]).ip_allow_list == []


def test_a_log_in_without_the_second_factor_ends_when_one_is_set_up(trader, root):
    person = logged_in(trader)
    two_factor.enrol_for(user=trader, by=OPERATOR)

    with pytest.raises(InvalidApiKey):
        authentication.refresh(person)


def test_a_restricted_key_sees_no_other_keys_of_its_user(trader, account, root):
    own = builders.strategy("own", account)
    robot = builders.key(trader, account, strategies=[own])
    child = made_with(robot)
    caller = caller_with(robot)

    assert [row.pk for row in selectors.keys_of(caller)] == [child.row.pk, robot.row.pk]
    with pytest.raises(NotFound):
        change(caller, root, label="x")
    with pytest.raises(NotFound):
        selectors.permissions_of_own_key(caller, root.row.pk)


# --- the back office ---


@pytest.fixture
def admin():
    return builders.user("root", Role.ADMIN)


def office(admin, *, has_logged_in):
    issued = builders.key(admin)
    caller = logged_in(admin, issued) if has_logged_in else caller_with(issued)
    return Actor.from_caller(caller)


def widening_acts(trader, account, admin):
    """Every way of the back office to open more than before."""
    strategy = builders.strategy("own", account)
    robot = builders.key(
        builders.user("bot", Role.ROBOT),
        account,
        strategies=[strategy],
        expires_at=timezone.now() + timedelta(days=1),
        ip_allow_list=[HERE],
    ).row
    second = builders.user("second", Role.ADMIN)
    other = builders.strategy("other", account)
    read = frozenset({Right.READ})

    def rights(granted, *listed):
        return AccountRights(granted, {each.pk: StrategyRights() for each in listed} or None)

    def change_key(**changes):
        return lambda by: services.update_api_key(api_key=robot, changes=changes, by=by)

    def grants(wanted):
        return lambda by: services.set_permissions(
            api_key=robot, grants={account.pk: wanted}, by=by
        )

    return {
        "no expiry": change_key(expires_at=None),
        "no list": change_key(ip_allow_list=[]),
        "a wider list": change_key(ip_allow_list=[HERE, ELSEWHERE]),
        "one more right": grants(rights(frozenset(Right), strategy)),
        "one more strategy": grants(rights(read, strategy, other)),
        "unrestricted": grants(rights(read)),
        "a change": lambda by: services.change_permissions(
            api_key=robot,
            changes=[{"account_id": account.pk, "restrict_to_strategies": False}],
            by=by,
        ),
        "beyond the template": lambda by: services.create_api_key(
            user=trader, grants={account.pk: rights(frozenset(Right))}, by=by
        ),
        "an open robot": lambda by: services.create_api_key(
            user=robot.user, grants={account.pk: rights(read)}, by=by
        ),
        "a user becomes admin": lambda by: services.update_user(
            user=robot.user, changes={"role": "admin"}, by=by
        ),
        "a new admin": lambda by: services.create_user(user_name="x", role="admin", by=by),
        "an admin's password": lambda by: services.update_user(
            user=second, changes={"password": "another good one"}, by=by
        ),
        "an admin's second factor": lambda by: two_factor.remove(user=second, by=by),
    }


def test_an_admins_key_widens_nothing_and_an_admins_log_in_does(trader, account, admin):
    acts = widening_acts(trader, account, admin)
    key, person = (office(admin, has_logged_in=each) for each in (False, True))

    for act in acts.values():
        with pytest.raises(PermissionDenied):
            act(key)
    for act in acts.values():
        act(person)


def test_an_admins_key_narrows_revokes_and_makes_by_the_template(trader, account, admin):
    key = office(admin, has_logged_in=False)
    grants = services.template_grants(trader.role, [account.pk])

    made = services.create_api_key(user=trader, grants=grants, by=key).row
    less = {account.pk: AccountRights(frozenset({Right.READ}))}
    services.set_permissions(api_key=made, grants=less, by=key)
    services.update_api_key(api_key=made, changes={"ip_allow_list": [HERE]}, by=key)
    services.update_api_key(api_key=made, changes={"status": "revoked"}, by=key)

    assert ApiKey.objects.get(pk=made.pk).status == "revoked"
