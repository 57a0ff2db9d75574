"""From a header to a caller, and how fast that stops working."""

import time
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone

from accounts import services
from accounts.audit import OPERATOR
from accounts.callers import authentication
from accounts.callers.authentication import caller_of_user, forget, refresh, resolve
from accounts.callers.client import client_address
from accounts.callers.key_text import KEY_FORM, digest_of, new_key_text
from accounts.models import ApiKey, LoginToken, User
from accounts.tests import builders
from accounts.words import KeyStatus, Right, Role
from oms_project.errors import InvalidApiKey, InvalidLogin, MissingApiKey, NotFound, RateLimited

pytestmark = pytest.mark.django_db
HERE = "192.0.2.7"


def log_in(**facts):
    return services.log_in(
        **{"user_name": "alice", "password": builders.PASSWORD, "address": HERE, **facts}
    )


def test_a_key_becomes_its_owner_with_the_keys_rights():
    account = builders.account()
    issued = builders.key(builders.user(), account)

    caller = resolve(issued.plain, address=HERE)

    assert (caller.user_name, caller.role, caller.api_key_id) == (
        "alice",
        Role.TRADER,
        issued.row.pk,
    )
    assert caller.rights[account.pk].granted == {Right.READ, Right.TRADE, Right.CLOSE_POSITION}
    assert caller.rights[account.pk].strategies is None


def test_a_robots_key_is_restricted_even_to_nothing():
    account = builders.account()
    own, foreign = builders.strategy("own", account), builders.strategy("foreign", account)
    robot = builders.user("bot", Role.ROBOT)

    some = resolve(builders.key(robot, account, strategies=[own]).plain, address=HERE)
    none = resolve(builders.key(robot, account).plain, address=HERE)

    assert set(some.rights[account.pk].strategies) == {own.pk}
    assert none.rights[account.pk].strategies == {}
    assert foreign.pk not in some.rights[account.pk].strategies


@pytest.mark.parametrize("header", [None, ""])
def test_no_header_is_a_missing_key(header):
    with pytest.raises(MissingApiKey):
        resolve(header, address=HERE)


@pytest.mark.parametrize(
    "header", ["x", "cxp_", "tok_", "cxp_abcdefgh_short", "\ud800", "é" * 60, "a" * 100_000]
)
def test_what_does_not_look_like_a_key_is_refused_unread(header, django_assert_num_queries):
    with django_assert_num_queries(0), pytest.raises(InvalidApiKey):
        resolve(header, address=HERE)


def test_a_right_prefix_with_a_wrong_secret_is_refused():
    issued = builders.key(builders.user())
    other = new_key_text()[1].rpartition("_")[2]

    with pytest.raises(InvalidApiKey):
        resolve(f"cxp_{issued.row.prefix}_{other}", address=HERE)


def test_an_unknown_key_or_token_is_refused():
    for text in (new_key_text()[1], f"tok_{'A' * 43}"):
        with pytest.raises(InvalidApiKey):
            resolve(text, address=HERE)


def test_only_prefix_and_digest_of_a_key_are_stored():
    issued = builders.key(builders.user())
    stored = ApiKey.objects.filter(pk=issued.row.pk).values().get()

    assert KEY_FORM.fullmatch(issued.plain)
    assert stored["digest"] == digest_of(issued.plain)
    secret = issued.plain.rpartition("_")[2]
    assert not any(secret in str(value) for value in stored.values())
    assert secret not in repr(issued)


def test_two_keys_are_never_alike():
    texts = [new_key_text() for _ in range(200)]

    assert len(set(texts)) == len(texts)


def test_a_known_key_costs_no_queries_for_half_a_second(django_assert_num_queries):
    issued = builders.key(builders.user(), builders.account())
    with django_assert_num_queries(4):  # key with user, permissions, strategies, last used
        resolve(issued.plain, address=HERE)

    with django_assert_num_queries(0):
        resolve(issued.plain, address=HERE)


def test_a_key_revoked_elsewhere_stops_within_a_second():
    """Another process revoked it, so nothing here is told."""
    issued = builders.key(builders.user())
    resolve(issued.plain, address=HERE)
    ApiKey.objects.update(status=KeyStatus.REVOKED)

    revoked_at = time.monotonic()
    time.sleep(0.6)
    with pytest.raises(InvalidApiKey):
        resolve(issued.plain, address=HERE)
    assert time.monotonic() - revoked_at < 1


def test_a_key_revoked_here_stops_at_once(django_capture_on_commit_callbacks):
    issued = builders.key(builders.user())
    resolve(issued.plain, address=HERE)

    with django_capture_on_commit_callbacks(execute=True):
        services.revoke_api_key(api_key=issued.row, by=OPERATOR)

    with pytest.raises(InvalidApiKey):
        resolve(issued.plain, address=HERE)


def test_the_rights_are_those_of_now_and_not_of_the_first_request():
    account, user = builders.account(), builders.user()
    caller = resolve(builders.key(user, account).plain, address=HERE)

    caller_now = refresh(caller)
    assert caller_now == caller
    forget()
    ApiKey.objects.get().permissions.all().delete()
    assert refresh(caller).account_ids() == frozenset()


def test_an_expired_key_is_refused_even_while_it_is_remembered(monkeypatch):
    soon = timezone.now() + timedelta(minutes=1)
    issued = builders.key(builders.user(), expires_at=soon)
    resolve(issued.plain, address=HERE)

    monkeypatch.setattr(timezone, "now", lambda: soon)
    for _ in ("remembered", "read"):
        with pytest.raises(InvalidApiKey):
            resolve(issued.plain, address=HERE)
        forget()


def test_a_disabled_users_key_is_refused():
    issued = builders.key(builders.user())
    User.objects.update(is_active=False)

    with pytest.raises(InvalidApiKey):
        resolve(issued.plain, address=HERE)


def test_an_allow_list_lets_its_networks_in_and_nobody_else():
    issued = builders.key(builders.user(), ip_allow_list=["10.0.0.0/8", "2001:db8::1"])

    for address in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"):
        resolve(issued.plain, address=address)
    for address in ("192.0.2.7", "2001:db8::2", "", None, "nonsense"):
        with pytest.raises(InvalidApiKey):
            resolve(issued.plain, address=address)


def test_a_forwarded_address_is_believed_only_from_a_trusted_proxy(settings):
    assert client_address("192.0.2.1", "10.0.0.1") == "192.0.2.1"

    settings.TRUSTED_PROXIES = ["192.0.2.0/24"]
    assert client_address("192.0.2.1", "10.0.0.1") == "10.0.0.1"
    assert client_address("192.0.2.1", "10.0.0.1, 203.0.113.9, 192.0.2.2") == "203.0.113.9"
    assert client_address("192.0.2.1", "") == "192.0.2.1"
    assert client_address("203.0.113.9", "10.0.0.1") == "203.0.113.9"


def test_last_used_is_written_once_a_minute():
    issued = builders.key(builders.user())
    resolve(issued.plain, address=HERE)
    first = ApiKey.objects.get().last_used_at
    forget()
    resolve(issued.plain, address=HERE)
    assert first is not None
    assert ApiKey.objects.get().last_used_at == first

    ApiKey.objects.update(last_used_at=first - timedelta(minutes=2))
    forget()
    resolve(issued.plain, address=HERE)
    assert ApiKey.objects.get().last_used_at > first


def test_a_busy_database_does_not_refuse_a_good_key(monkeypatch):
    issued = builders.key(builders.user())

    def locked(*args, **kwargs):
        raise DatabaseError("database is locked")

    monkeypatch.setattr(QuerySet, "update", locked)
    assert resolve(issued.plain, address=HERE).api_key_id == issued.row.pk


def test_what_is_remembered_is_limited(monkeypatch):
    limit = 2
    monkeypatch.setattr(authentication, "CACHE_LIMIT", limit)
    user = builders.user()

    for issued in [builders.key(user) for _ in range(5)]:
        resolve(issued.plain, address=HERE)

    assert len(authentication._cache) <= limit


def test_a_login_acts_through_the_users_oldest_live_key():
    account, user = builders.account(), builders.user()
    dead = builders.key(user, account)
    oldest = builders.key(user, account)
    builders.key(user)
    services.revoke_api_key(api_key=dead.row, by=OPERATOR)

    session = log_in()

    caller = resolve(session.token, address=HERE)
    assert caller.api_key_id == session.api_key_id == oldest.row.pk
    assert caller.account_ids() == {account.pk}


def test_a_login_can_name_one_of_the_users_keys_and_no_other():
    user, other = builders.user(), builders.user("bob")
    builders.key(user)
    named, foreign, dead = builders.key(user), builders.key(other), builders.key(user)
    services.revoke_api_key(api_key=dead.row, by=OPERATOR)

    assert log_in(api_key_id=named.row.pk).api_key_id == named.row.pk
    for key in (foreign, dead):
        with pytest.raises(NotFound):
            log_in(api_key_id=key.row.pk)


def test_a_user_without_keys_logs_in_without_rights():
    builders.user("root", Role.ADMIN)

    caller = resolve(log_in(user_name="root").token, address=HERE)

    assert caller.is_admin
    assert caller.api_key_id is None
    assert caller.rights == {}


def test_a_login_lasts_twelve_hours(monkeypatch):
    builders.user()
    session = log_in()
    life = session.expires_at - timezone.now()
    assert timedelta(hours=11, minutes=59) < life <= timedelta(hours=12)

    monkeypatch.setattr(timezone, "now", lambda: session.expires_at)
    with pytest.raises(InvalidApiKey):
        resolve(session.token, address=HERE)


def test_a_login_token_is_stored_as_a_digest_only():
    builders.user()
    session = log_in()

    assert LoginToken.objects.get().digest == digest_of(session.token)
    assert session.token not in repr(session)


def test_logging_out_ends_that_login_only():
    builders.user()
    ended, other = log_in().token, log_in().token

    assert services.log_out(ended, by=OPERATOR) == 1
    assert services.log_out(ended, by=OPERATOR) == 0

    with pytest.raises(InvalidApiKey):
        resolve(ended, address=HERE)
    resolve(other, address=HERE)


def test_revoking_the_key_ends_the_logins_that_act_through_it():
    issued = builders.key(builders.user())
    session = log_in()
    services.revoke_api_key(api_key=issued.row, by=OPERATOR)

    with pytest.raises(InvalidApiKey):
        resolve(session.token, address=HERE)


def test_a_new_password_ends_every_login_however_it_was_set():
    """Django's own screens know nothing of our tokens; the tokens are bound to the password."""
    user = builders.user()
    session = log_in()
    user.set_password("another good one")
    user.save()

    with pytest.raises(InvalidApiKey):
        resolve(session.token, address=HERE)


def test_a_refreshed_caller_ends_with_its_login_key_and_user():
    issued = builders.key(builders.user())
    by_key, by_token = (resolve(text, address=HERE) for text in (issued.plain, log_in().token))

    LoginToken.objects.all().delete()
    refresh(by_key)
    with pytest.raises(InvalidApiKey):
        refresh(by_token)
    forget()
    User.objects.update(is_active=False)
    with pytest.raises(InvalidApiKey):
        refresh(by_key)
    User.objects.all().delete()
    with pytest.raises(InvalidApiKey):
        refresh(by_key)


def test_a_browser_session_acts_through_a_key_as_a_login_does():
    account, user = builders.account(), builders.user()
    first, second = builders.key(user, account), builders.key(user)
    foreign = builders.key(builders.user("bob"))

    assert caller_of_user(user, address=None).api_key_id == first.row.pk
    assert caller_of_user(user, address=None, api_key_id=second.row.pk).rights == {}
    with pytest.raises(InvalidApiKey):
        caller_of_user(user, address=None, api_key_id=foreign.row.pk)


@pytest.mark.parametrize("facts", [{"password": "wrong"}, {"user_name": "nobody"}])
def test_a_wrong_name_and_a_wrong_password_look_the_same(facts):
    builders.user()

    with pytest.raises(InvalidLogin) as refusal:
        log_in(**facts)
    assert refusal.value.body("") == InvalidLogin().body("")


def test_too_many_wrong_passwords_are_slowed_down_for_that_user_and_address(settings):
    settings.LOGIN_FAILURES, settings.LOGIN_WINDOW_S = 3, 300
    builders.user()
    for _ in range(3):
        with pytest.raises(InvalidLogin):
            log_in(password="wrong")

    with pytest.raises(RateLimited) as refusal:
        log_in()
    assert 1 <= int(refusal.value.headers["Retry-After"]) <= settings.LOGIN_WINDOW_S
    assert log_in(address="198.51.100.1").token


def test_one_address_cannot_try_every_user(settings):
    settings.LOGIN_FAILURES = 1
    for number in range(10):
        with pytest.raises(InvalidLogin):
            log_in(user_name=f"user{number}", password="wrong")

    with pytest.raises(RateLimited):
        log_in(user_name="yet another", password="wrong")
