"""Who comes in by a browser, what they are told there, and through which key they act."""

import json
from http import HTTPStatus

import pytest
from django.test import Client

from accounts.tests import builders
from accounts.words import Role

pytestmark = pytest.mark.django_db
PASSWORD = builders.PASSWORD
STARTS = {
    Role.ADMIN: "/admin/",
    Role.ROBOT: "/admin/positions/",
    Role.READONLY: "/admin/positions/",
}


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def account():
    return builders.account()


def browser(name="alice", role="trader", **headers):
    """A client that is logged in, and its user."""
    user = builders.user(name, role)
    client = Client(headers=headers)
    client.force_login(user)
    return client, user


@pytest.mark.parametrize("role", list(Role))
def test_every_role_comes_from_one_log_in_to_its_own_start(role):
    builders.user("someone", role)
    client = Client()

    page = client.post("/admin/login/", {"username": "someone", "password": PASSWORD}, follow=True)

    assert page.status_code == HTTPStatus.OK
    if role in STARTS:
        assert page.request["PATH_INFO"] == STARTS[role]
    if role is not Role.ADMIN:
        assert "Back office" not in page.text
    again = client.get("/admin/login/?next=/admin/positions/")
    assert again.headers["Location"] == "/admin/positions/"
    assert client.post("/admin/logout/").headers["Location"] == "/admin/login/"
    assert client.get("/admin/positions/").status_code == HTTPStatus.FOUND


@pytest.mark.parametrize("role", list(Role))
def test_the_page_trade_is_for_traders_and_for_admins_who_look(role):
    client, _ = browser("someone", role, accept="text/html")

    page = client.get("/admin/trade/")

    sees = role in {Role.TRADER, Role.PORTFOLIO_MANAGER, Role.ADMIN}
    assert page.status_code == (HTTPStatus.OK if sees else HTTPStatus.FORBIDDEN)
    assert ('href="/admin/trade/"' in page.text) is sees


def test_the_language_is_chosen_at_the_log_in_and_kept_for_the_person():
    builders.user("alice")
    client = Client()
    page = client.get("/admin/login/?language=pt-br")
    form = {"username": "alice", "password": PASSWORD, "language": "pt-br"}

    assert '<html lang="pt-br"' in page.text
    assert "Nome de usuário" in page.text
    client.post("/admin/login/", form)
    assert "Posições" in client.get("/admin/positions/").text
    elsewhere = Client(headers={"accept-language": "es"})
    assert "Contraseña" in elsewhere.get("/admin/login/").text
    elsewhere.post("/admin/login/", {"username": "alice", "password": PASSWORD})
    assert "Posições" in elsewhere.get("/admin/positions/").text


def test_the_api_speaks_english_whatever_a_browser_prefers(account):
    key = builders.key(builders.user(), account).plain
    client = Client(headers={"x-api-key": key, "accept-language": "pt-br"})

    answer = client.patch("/user/settings", {"theme": 1}, content_type="application/json")

    assert "is not a valid choice" in answer.json()["message"]
    session, _ = browser("bob", **{"accept-language": "es"})
    assert session.get("/admin/data/oms/accounts").json()["items"] == []
    assert session.get("/admin/data/nothing").json()["message"].isascii()


def test_pages_read_rest_behind_the_session_with_the_rights_of_its_key(account):
    client, user = browser()
    builders.key(user, account)
    other = builders.account()

    assert [row["id"] for row in client.get("/admin/data/oms/accounts").json()["items"]] == [
        account.pk]  # fmt: skip
    refused = client.get(f"/admin/data/oms/deals?account_ids={other.pk}")
    assert (refused.status_code, refused.json()["code"]) == (404, "account_not_found")
    nobody = Client().get("/admin/data/oms/accounts")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    "address",
    ["user/api-keys", "user/password", "backoffice/users", "auth/logout", "user/two-factor"],
)
def test_keys_passwords_and_the_back_office_are_not_behind_the_session(address):
    client, _ = browser(role="admin")

    assert client.get(f"/admin/data/{address}").status_code == HTTPStatus.NOT_FOUND


def test_what_changes_something_needs_the_token_of_a_page(account):
    user = builders.user()
    builders.key(user, account)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    change = {"data": json.dumps({"theme": "dark"}), "content_type": "application/json"}

    forged = client.patch("/admin/data/user/settings", **change)
    page = client.get("/admin/positions/").text
    token = page.partition('data-csrf="')[2].partition('"')[0]
    own = client.patch("/admin/data/user/settings", headers={"x-csrftoken": token}, **change)

    assert (forged.status_code, forged.json()["code"]) == (403, "permission_denied")
    assert (own.status_code, own.json()["theme"]) == (200, "dark")
    command = client.post("/admin/data/oms/commands", "{}", content_type="application/json")
    assert command.status_code == HTTPStatus.FORBIDDEN


def test_a_person_chooses_the_key_that_they_act_through(account):
    client, user = browser()
    builders.key(user, account)
    second = builders.account()
    narrow = builders.key(user, second).row
    stranger = builders.key(builders.user("bob"), account).row

    def choose(number):
        return client.post("/admin/session/key/", json.dumps({"api_key_id": number}),
                           content_type="application/json")  # fmt: skip

    assert choose(narrow.pk).status_code == HTTPStatus.OK
    assert [row["id"] for row in client.get("/admin/data/oms/accounts").json()["items"]] == [
        second.pk]  # fmt: skip
    for wrong in (stranger.pk, "1", True, None, 2**63):
        assert choose(wrong).status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY)
    again = Client()
    again.post("/admin/login/", {"username": user.username, "password": PASSWORD})
    assert [row["id"] for row in again.get("/admin/data/oms/accounts").json()["items"]] == [
        second.pk]  # fmt: skip


def test_who_needs_a_second_factor_gets_no_page_before_it(settings, account):
    settings.OMS_TWO_FACTOR_REQUIRED = True
    client, user = browser("carol", "risk")
    builders.key(user, account)

    assert client.get("/admin/positions/").headers["Location"] == "/admin/two-factor/"
    assert client.get("/admin/data/oms/accounts").status_code == HTTPStatus.UNAUTHORIZED
    assert client.get("/admin/two-factor/").status_code == HTTPStatus.OK


def test_a_page_that_is_not_there_keeps_the_menu_for_people_and_the_error_for_programs():
    client, _ = browser(accept="text/html")
    program, _ = browser("bob")

    assert "Your role does not open this page" in client.get("/admin/nothing/").text
    assert program.get("/admin/nothing/").json()["code"] in ("not_found", "permission_denied")
