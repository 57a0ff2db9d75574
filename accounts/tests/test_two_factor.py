"""The second factor: who needs it, what it takes, and what it ends."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pyotp
import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from accounts import services
from accounts.audit import OPERATOR
from accounts.callers.authentication import forget, resolve
from accounts.models import AuditEntry, LoginFailures, TwoFactor
from accounts.services import two_factor
from accounts.tests import builders
from accounts.words import Role
from oms_project.errors import (
    Conflict,
    Invalid,
    InvalidApiKey,
    InvalidLogin,
    RateLimited,
    TwoFactorRequired,
)

pytestmark = pytest.mark.django_db
User = get_user_model()
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch):
    """The service's clock, which stands at noon until it is moved."""

    class Clock:
        now_ = NOON

        def now(self):
            return self.now_

        def move(self, seconds):
            self.now_ += timedelta(seconds=seconds)

    clock = Clock()
    monkeypatch.setattr("accounts.services.two_factor.timezone", clock)
    return clock


@pytest.fixture
def risk():
    return builders.user("carol", Role.RISK)


@pytest.fixture
def codes(risk):
    """Carol has a second factor; these are her recovery codes."""
    return two_factor.enrol_for(user=risk, by=OPERATOR)[1]


def shown(user, at=NOON):
    """What the user's authenticator shows."""
    return pyotp.TOTP(TwoFactor.objects.get(user=user).secret).at(at)


def log_in(**facts):
    facts = {"user_name": "carol", "password": builders.PASSWORD, "address": "1.2.3.4", **facts}
    return services.log_in(**facts)


def test_without_a_second_factor_none_is_asked_for(risk):
    assert log_in().token


def test_the_right_password_alone_is_told_that_more_is_needed(risk, codes):
    with pytest.raises(TwoFactorRequired) as refusal:
        log_in()
    assert refusal.value.status == HTTPStatus.UNAUTHORIZED
    assert refusal.value.details == {"enrolled": True}
    with pytest.raises(InvalidLogin):
        log_in(password="wrong")


def test_the_password_of_the_moment_opens_once(risk, codes, clock):
    otp = shown(risk)

    assert log_in(otp=f" {otp} ").token
    with pytest.raises(InvalidLogin):
        log_in(otp=otp)
    clock.move(30)
    assert log_in(otp=shown(risk, clock.now())).token


@pytest.mark.parametrize(("off_s", "opens"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off(risk, codes, clock, off_s, opens):
    otp = shown(risk, NOON + timedelta(seconds=off_s))

    if opens:
        assert log_in(otp=otp).token
    else:
        with pytest.raises(InvalidLogin):
            log_in(otp=otp)


@pytest.mark.parametrize("otp", ["000000x", "x" * 32, "１２３４５６", "-1", "0" * 7])
def test_nonsense_is_a_wrong_password(risk, codes, clock, otp):
    with pytest.raises(InvalidLogin):
        log_in(otp=otp)


def test_a_recovery_code_opens_once(risk, codes):
    assert log_in(otp=codes[3].upper()).token
    with pytest.raises(InvalidLogin):
        log_in(otp=codes[3])
    assert two_factor.recovery_codes_left(risk) == two_factor.RECOVERY_CODES - 1


def test_guessing_is_slowed_down_from_wherever_it_comes(risk, codes, settings, clock):
    settings.LOGIN_FAILURES = 2
    for number in range(2):
        with pytest.raises(InvalidLogin):
            log_in(otp="wrong", address=f"10.0.0.{number}")

    with pytest.raises(RateLimited):
        log_in(otp=shown(risk), address="10.9.9.9")
    assert "carol" not in str(list(LoginFailures.objects.values()))


def test_setting_it_up_takes_a_password_of_the_authenticator(risk, clock):
    enrolment = two_factor.enrol(user=risk, by=OPERATOR)
    assert enrolment.uri.startswith("otpauth://totp/ccxt-position:carol?")
    with pytest.raises(Invalid):
        two_factor.confirm(user=risk, otp="000000", by=OPERATOR)
    assert log_in().token

    codes = two_factor.confirm(user=risk, otp=shown(risk), by=OPERATOR)

    assert len(set(codes)) == two_factor.RECOVERY_CODES
    with pytest.raises(TwoFactorRequired):
        log_in()
    with pytest.raises(Conflict):
        two_factor.enrol(user=risk, by=OPERATOR)


def test_setting_it_up_ends_every_log_in(risk):
    token = log_in().token

    two_factor.enrol_for(user=risk, by=OPERATOR)

    forget()
    with pytest.raises(InvalidApiKey):
        resolve(token, address=None)


def test_removing_it_ends_every_log_in(risk, codes):
    token = log_in(otp=codes[0]).token

    two_factor.remove(user=risk, by=OPERATOR)

    forget()
    with pytest.raises(InvalidApiKey):
        resolve(token, address=None)


def test_an_api_key_goes_on_without_it(risk, codes):
    issued = builders.key(risk, builders.account())

    assert resolve(issued.plain, address=None).user_id == risk.pk


@pytest.mark.parametrize("role", Role)
def test_where_it_is_required_admin_and_risk_cannot_do_without(settings, role):
    settings.OMS_TWO_FACTOR_REQUIRED = True
    builders.user("dave", role)

    if role in (Role.ADMIN, Role.RISK):
        with pytest.raises(TwoFactorRequired) as refusal:
            log_in(user_name="dave")
        assert refusal.value.details == {"enrolled": False}
    else:
        assert log_in(user_name="dave").token


def test_the_secret_and_the_codes_are_not_stored_in_the_clear(risk):
    enrolment, codes = two_factor.enrol_for(user=risk, by=OPERATOR)

    with connection.cursor() as cursor:
        stored = ""
        for table in ("accounts_twofactor", "accounts_recoverycode", "accounts_auditentry"):
            cursor.execute(f"SELECT * FROM {table}")
            stored += str(cursor.fetchall())
    assert not [text for text in (enrolment.secret, *codes) if text in stored]


# --- over REST ---


def rest(user):
    client = Client(headers={"x-api-key": builders.key(user).plain})

    def ask(method, path, **body):
        sent = {"data": body, "content_type": "application/json"} if method == "post" else {}
        answer = getattr(client, method)(f"/user/two-factor{path}", **sent)
        return answer.status_code, answer.json()

    return ask


def test_it_is_set_up_and_removed_over_rest(risk, clock):
    ask = rest(risk)
    status, made = ask("post", "", current_password=builders.PASSWORD)
    assert status == HTTPStatus.CREATED
    otp = pyotp.TOTP(made["secret"]).at(NOON)
    status, answer = ask("post", "/confirm", otp=otp, current_password=builders.PASSWORD)
    assert (status, len(answer["recovery_codes"])) == (HTTPStatus.OK, two_factor.RECOVERY_CODES)
    assert ask("get", "")[1]["enabled"]

    body = {"current_password": builders.PASSWORD, "otp": answer["recovery_codes"][0]}
    assert ask("post", "/remove", **body)[1] == {
        "enabled": False,
        "required": False,
        "since": None,
        "recovery_codes_left": 0,
    }
    actions = AuditEntry.objects.filter(object_type="user", object_id=risk.pk)
    assert list(actions.order_by("id").values_list("action", flat=True))[1:] == [
        "two_factor_begun",
        "two_factor_set",
        "two_factor_removed",
    ]


def test_a_key_alone_neither_sets_it_up_nor_removes_it(risk, codes):
    ask = rest(risk)

    wrong = {"current_password": "wrong", "otp": codes[0]}
    assert ask("post", "/remove", **wrong)[0] == HTTPStatus.UNAUTHORIZED
    two_factor.remove(user=risk, by=OPERATOR)
    assert ask("post", "", current_password="wrong")[0] == HTTPStatus.UNAUTHORIZED
    assert TwoFactor.objects.count() == 0
    two_factor.enrol(user=risk, by=OPERATOR)
    wrong = {"current_password": "wrong", "otp": shown(risk)}
    assert ask("post", "/confirm", **wrong)[0] == HTTPStatus.UNAUTHORIZED
    assert ask("post", "/confirm", otp=shown(risk))[0] == HTTPStatus.UNPROCESSABLE_ENTITY
    assert not User.objects.get(pk=risk.pk).has_two_factor


def test_who_needs_it_cannot_remove_it(risk, codes, settings):
    settings.OMS_TWO_FACTOR_REQUIRED = True

    body = {"current_password": builders.PASSWORD, "otp": codes[0]}
    status, answer = rest(risk)("post", "/remove", **body)

    assert (status, answer["code"]) == (HTTPStatus.CONFLICT, "conflict")


# --- in the admin site ---


@pytest.fixture
def root():
    return builders.user("root", Role.ADMIN)


def site_log_in(client, **facts):
    form = {"username": "root", "password": builders.PASSWORD, "next": "/admin/", **facts}
    return client.post("/admin/login/", form)


def is_in(client):
    return client.get("/admin/").status_code == HTTPStatus.OK


def test_the_site_asks_for_it_too(root, clock):
    two_factor.enrol_for(user=root, by=OPERATOR)
    client = Client()

    assert "Give the one-time password" in site_log_in(client).text
    assert not is_in(client)
    site_log_in(client, otp=shown(root))
    assert is_in(client)
    assert AuditEntry.objects.filter(action="logged_in", user_name="root").exists()


def test_setting_it_up_elsewhere_ends_the_session(root):
    client = Client()
    site_log_in(client)
    assert is_in(client)

    two_factor.enrol_for(user=root, by=OPERATOR)

    assert not is_in(client)


def test_wrong_passwords_are_slowed_down_on_the_site_too(root, settings):
    settings.LOGIN_FAILURES = 2
    client = Client()
    for _ in range(2):
        site_log_in(client, password="wrong")

    assert "Too many failed log-ins" in site_log_in(client).text
    assert not is_in(client)


def test_an_admin_sets_it_up_on_the_site(root, clock):
    client = Client()
    site_log_in(client)

    for password in ({}, {"password": "wrong"}):
        client.post("/admin/two-factor/", {"step": "begin", **password})
        assert TwoFactor.objects.count() == 0
    own = {"password": builders.PASSWORD}
    page = client.post("/admin/two-factor/", {"step": "begin", **own})
    secret = TwoFactor.objects.get().secret
    assert secret in page.text
    assert "<svg" in page.text
    assert "no-store" in page.headers["Cache-Control"]
    wrong = client.post("/admin/two-factor/", {"step": "confirm", "otp": "1", **own})
    assert secret in wrong.text
    for password in ({}, {"password": "wrong"}):
        form = {"step": "confirm", "otp": shown(root), **password}
        assert secret not in client.post("/admin/two-factor/", form).text
        assert not User.objects.get(pk=root.pk).has_two_factor
    done = client.post("/admin/two-factor/", {"step": "confirm", "otp": shown(root), **own})

    assert done.text.count("-") >= two_factor.RECOVERY_CODES * 3
    assert is_in(client)
    assert secret not in client.get("/admin/two-factor/").text
    assert User.objects.get(pk=root.pk).has_two_factor


def test_an_admin_removes_it_on_the_site(root, clock):
    client = Client()
    codes = two_factor.enrol_for(user=root, by=OPERATOR)[1]
    site_log_in(client, otp=shown(root))

    form = {"step": "remove", "password": builders.PASSWORD, "otp": codes[0]}
    client.post("/admin/two-factor/", form)

    assert not User.objects.get(pk=root.pk).has_two_factor
    assert is_in(client)


def test_where_it_is_required_the_site_shows_nothing_else(root, settings, clock):
    settings.OMS_TWO_FACTOR_REQUIRED = True
    client = Client()
    site_log_in(client)

    assert not is_in(client)
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/admin/two-factor/"
    assert client.get("/admin/accounts/user/").status_code == HTTPStatus.FOUND
    own = {"password": builders.PASSWORD}
    client.post("/admin/two-factor/", {"step": "begin", **own})
    client.post("/admin/two-factor/", {"step": "confirm", "otp": shown(root), **own})
    assert is_in(client)


def test_a_stranger_is_sent_to_the_log_in():
    answer = Client().post("/admin/two-factor/", {"step": "begin"})

    assert answer.headers["Location"].startswith("/admin/login/")
    assert not TwoFactor.objects.exists()


def test_another_admin_resets_a_lost_one(root, codes, risk):
    client = Client()
    client.force_login(root)

    client.post(
        "/admin/accounts/user/",
        {"action": "reset_two_factor", "comment": "lost", "_selected_action": [risk.pk]},
    )

    assert log_in().token
