"""The admin site: everything works, nothing secret shows, every change is in the trail."""

import re
from http import HTTPStatus

import pytest
from django.conf import settings
from django.contrib import admin
from django.test import Client

from accounts import services
from accounts.audit import OPERATOR
from accounts.callers.authentication import resolve
from accounts.credentials import login_of
from accounts.models import (
    Account,
    ApiKey,
    AuditEntry,
    Credentials,
    KeyPermission,
    LoginToken,
    Refusal,
    User,
)
from accounts.tests import builders
from accounts.trail import refusals
from accounts.words import Role

pytestmark = pytest.mark.django_db
SITE = "/admin/accounts"


@pytest.fixture
def root():
    return builders.user("root", Role.ADMIN)


@pytest.fixture
def browser(root):
    client = Client()
    client.force_login(root)
    return client


def account_form(**changes):
    return {
        "exchange_id": "ccxt.binance",
        "label": "main",
        "position_mode": "hedge",
        "reversal": "split",
        "protection": "oms",
        "keep_stops": "on",
        "reconcile_policy": "{}",
        "raw_storage": "shared",
        "extra_config": "{}",
        "comment": "why",
        **changes,
    }


def no_inlines(prefix):
    return {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}


def errors_in(answer):
    assert answer.status_code == HTTPStatus.OK
    return answer.context["adminform"].form.errors


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_the_role_admin_gets_in(role):
    client = Client()
    client.force_login(builders.user("someone", role))

    assert client.get(f"{SITE}/user/").status_code == HTTPStatus.FORBIDDEN
    assert client.get("/admin/").headers["Location"] == settings.LOGIN_REDIRECT_URL


def test_every_page_opens(browser):
    account = builders.account()
    strategy = builders.strategy("trend", account)
    builders.key(builders.user(), account, strategies=[strategy])
    refusals.note("password", user_name="x", address=None)

    for model in admin.site._registry:
        if model._meta.app_label != "accounts":
            continue
        home = f"{SITE}/{model._meta.model_name}"
        row = model.objects.order_by("-pk").first()
        assert browser.get(f"{home}/").status_code == HTTPStatus.OK
        assert browser.get(f"{home}/{row.pk}/change/").status_code == HTTPStatus.OK
        is_read_only = model in (AuditEntry, Refusal)
        expected = HTTPStatus.FORBIDDEN if is_read_only else HTTPStatus.OK
        assert browser.get(f"{home}/add/").status_code == expected


def test_an_account_is_added_with_its_login(browser):
    login = {"new_api_key": "Kx-public", "new_secret": "Sx-secret", "new_passphrase": ""}

    answer = browser.post(f"{SITE}/account/add/", account_form(**login))

    assert answer.status_code == HTTPStatus.FOUND
    account = Account.objects.get()
    assert login_of(account).secret == "Sx-secret"
    assert AuditEntry.objects.get(action="account_created").user_name == "root"
    assert "Sx-secret" not in str(list(AuditEntry.objects.values()))


def test_the_login_is_never_shown(browser):
    account = builders.account()
    services.upsert_credentials(
        account=account, api_key="Kx-public", secret="Sx-secret", by=OPERATOR
    )

    page = browser.get(f"{SITE}/account/{account.pk}/change/").text

    assert "Kx-public" not in page
    assert "Sx-secret" not in page
    assert "api_key: set, secret: set, passphrase: not set" in page


def test_a_refused_form_does_not_repeat_the_login(browser):
    login = {"new_api_key": "Kx-public", "new_secret": ""}

    answer = browser.post(f"{SITE}/account/add/", account_form(**login))

    assert "new_secret" in errors_in(answer)
    assert "Kx-public" not in answer.text
    assert not Credentials.objects.exists()


def test_saving_without_typing_a_login_keeps_it(browser):
    account = builders.account()
    services.upsert_credentials(account=account, api_key="k", secret="s", by=OPERATOR)

    browser.post(f"{SITE}/account/{account.pk}/change/", account_form(label="renamed"))

    assert Account.objects.get().label == "renamed"
    assert login_of(account).secret == "s"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"exchange_id": "binance"}, "exchange_id"),
        ({"exchange_id": "ccxt.nowhere"}, "exchange_id"),
        ({"extra_config": '{"urls": {}}'}, "extra_config"),
        ({"reconcile_policy": '{"short": 1}'}, "reconcile_policy"),
    ],
)
def test_the_form_refuses_what_the_service_refuses(browser, wrong, field):
    answer = browser.post(f"{SITE}/account/add/", account_form(**wrong))

    assert field in errors_in(answer)


def test_what_needs_a_flat_account_or_the_risk_desk_is_read_only(browser):
    account = builders.account()

    browser.post(
        f"{SITE}/account/{account.pk}/change/",
        account_form(
            exchange_id="ccxt.kraken", position_mode="hedge", reversal="mt5", status="blocked"
        ),
    )

    account.refresh_from_db()
    assert (account.exchange_id, account.position_mode, account.reversal, account.status) == (
        "ccxt.binance",
        "netting",
        "split",
        "active",
    )


def test_a_new_key_is_shown_once(browser):
    account, user = builders.account(), builders.user()
    form = {"user": user.pk, "label": "bot", "ip_allow_list": "[]", "accounts": [account.pk]}

    answer = browser.post(f"{SITE}/apikey/add/", form | {"comment": "why"})

    plain = re.search(r"cxp_[a-z0-9]{8}_[A-Za-z0-9]{43}", answer.text)[0]
    assert "no-store" in answer.headers["Cache-Control"]
    assert resolve(plain, address=None).account_ids() == {account.pk}
    assert plain not in str(answer.cookies)
    key = ApiKey.objects.get()
    for page in ("", f"{key.pk}/change/", f"{key.pk}/history/"):
        text = browser.get(f"{SITE}/apikey/{page}").text
        assert plain not in text
        assert key.digest not in text


def test_prefix_digest_owner_and_status_of_a_key_cannot_be_typed(browser):
    issued = builders.key(builders.user())
    form = {
        "label": "renamed",
        "ip_allow_list": '["10.0.0.1"]',
        "digest": "0" * 64,
        "prefix": "aaaaaaaa",
        "status": "revoked",
        "user": builders.user("bob").pk,
        **no_inlines("permissions"),
    }

    browser.post(f"{SITE}/apikey/{issued.row.pk}/change/", form | {"comment": "why"})

    key = ApiKey.objects.get()
    assert (key.label, key.ip_allow_list) == ("renamed", ["10.0.0.1/32"])
    assert (key.digest, key.prefix, key.status, key.user.username) == (
        issued.row.digest,
        issued.row.prefix,
        "active",
        "alice",
    )


def test_keys_are_revoked_by_an_action(browser):
    issued = builders.key(builders.user())

    browser.post(
        f"{SITE}/apikey/",
        {"action": "revoke", "comment": "why", "_selected_action": [issued.row.pk]},
    )

    assert ApiKey.objects.get().status == "revoked"
    assert AuditEntry.objects.get(action="api_key_revoked").user_name == "root"


def test_rights_given_in_the_form_are_in_the_trail(browser):
    account = builders.account()
    issued = builders.key(builders.user())
    form = {
        "label": "",
        "ip_allow_list": "[]",
        "permissions-TOTAL_FORMS": "1",
        "permissions-INITIAL_FORMS": "0",
        "permissions-0-account": account.pk,
        "permissions-0-can_read": "on",
    }

    browser.post(f"{SITE}/apikey/{issued.row.pk}/change/", form | {"comment": "why"})

    assert KeyPermission.objects.get().can_read
    [added] = AuditEntry.objects.get(action="permissions_changed").after["added"]
    assert (added["can_read"], added["can_trade"]) == (True, False)


def test_a_user_is_made_and_becomes_another_role(browser):
    form = {
        "username": "carol",
        "role": "trader",
        "email": "",
        "usable_password": "true",
        "password1": builders.PASSWORD,
        "password2": builders.PASSWORD,
    }
    browser.post(f"{SITE}/user/add/", form | {"comment": "why"})
    carol = User.objects.get(username="carol")
    assert (carol.role, carol.is_staff) == ("trader", False)

    browser.post(
        f"{SITE}/user/{carol.pk}/change/",
        {"username": "carol", "role": "admin", "is_active": "on", "comment": "why"},
    )
    carol.refresh_from_db()
    assert (carol.role, carol.is_staff) == ("admin", True)
    entry = AuditEntry.objects.get(action="user_changed")
    assert (entry.before, entry.after) == ({"role": "trader"}, {"role": "admin"})
    assert builders.PASSWORD not in str(list(AuditEntry.objects.values()))


def test_a_password_set_here_ends_the_users_log_ins(browser):
    user = builders.user()
    session = services.log_in(user_name="alice", password=builders.PASSWORD, address=None)
    form = {"password1": "another good one", "password2": "another good one"}

    browser.post(f"{SITE}/user/{user.pk}/password/", {"usable_password": "true", **form})

    token, user = LoginToken.objects.get(), User.objects.get(pk=user.pk)
    assert user.check_password("another good one")
    assert token.password_mark != user.get_session_auth_hash()
    assert session.token
    assert AuditEntry.objects.get(action="password_changed").object_id == str(user.pk)


def test_nothing_is_deleted_here(browser):
    account = builders.account()
    strategy = builders.strategy("trend", account)
    issued = builders.key(builders.user(), account)

    for path in (
        f"account/{account.pk}",
        f"strategy/{strategy.pk}",
        f"apikey/{issued.row.pk}",
        f"user/{issued.row.user_id}",
        f"auditentry/{AuditEntry.objects.latest('pk').pk}",
    ):
        answer = browser.post(f"{SITE}/{path}/delete/", {"post": "yes"})
        assert answer.status_code == HTTPStatus.FORBIDDEN


def test_the_trail_is_listed_without_counting_it_all(browser, monkeypatch):
    monkeypatch.setattr("accounts.backoffice.lists.ROWS_COUNTED", 1)
    builders.account()
    builders.account()

    answer = browser.get(f"{SITE}/auditentry/")

    assert answer.context["cl"].paginator.count == 1


def test_the_connection_is_tested_by_a_button(browser):
    account = builders.account()
    address = f"{SITE}/account/{account.pk}"
    assert f'action="{address}/test-connection/"' in browser.get(f"{address}/change/").text

    page = browser.post(f"{address}/test-connection/", follow=True)

    assert "Engine: ok exchange_id: ccxt.binance" in page.text
    assert "Login: failed exception: AuthenticationError" in page.text
    assert AuditEntry.objects.get(action="connection_tested").after == {"passed": False}
    assert browser.get(f"{address}/test-connection/").status_code == HTTPStatus.METHOD_NOT_ALLOWED


def test_a_connection_test_that_takes_too_long_is_said(browser, settings):
    settings.CONNECTION_TEST = "accounts.tests.test_admin.too_slow"
    account = builders.account()

    page = browser.post(f"{SITE}/account/{account.pk}/test-connection/", follow=True)

    assert "did not answer in time" in page.text


def too_slow(account_id):
    raise TimeoutError
