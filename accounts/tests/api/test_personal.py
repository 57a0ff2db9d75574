"""A user's own settings, and views kept under a name."""

from http import HTTPStatus

import pytest

from accounts.callers import authentication, browser_sessions
from accounts.personal.settings import MOST_GRIDS, MOST_KEYS
from accounts.tests import builders
from accounts.tests.api.conftest import Api, refusal
from accounts.tests.builders import PASSWORD
from oms_project.errors import NotFound

pytestmark = pytest.mark.django_db

SETTINGS, VIEWS = "/user/settings", "/user/views"
GRID = {"columns": [{"field": "id", "width": 80, "visible": True}]}


def test_what_was_never_chosen_is_as_for_everybody(api):
    status, told = api("get", SETTINGS)

    assert status == HTTPStatus.OK
    assert (told["theme"], told["zone"], told["language"], told["grids"]) == (
        "system", "utc", None, {})  # fmt: skip


def test_a_change_keeps_what_it_does_not_name_and_grids_one_by_one(api):
    api("patch", SETTINGS, {"theme": "dark", "grids": {"orders": GRID}})
    status, told = api("patch", SETTINGS, {"zone": "local", "grids": {"deals": GRID}})

    assert status == HTTPStatus.OK
    assert (told["theme"], told["zone"]) == ("dark", "local")
    assert told["grids"] == {"orders": GRID, "deals": GRID}
    assert api("patch", SETTINGS, {"grids": {"orders": None}})[1]["grids"] == {"deals": GRID}


def test_keys_are_changed_act_by_act_and_one_that_is_null_is_as_at_first(api):
    api("patch", SETTINGS, {"keys": {"close": "Shift+K", "go-deals": "g e"}})
    status, told = api("patch", SETTINGS, {"keys": {"close": None, "stops": "ç"}})

    assert status == HTTPStatus.OK
    assert told["keys"] == {"go-deals": "g e", "stops": "ç"}


def test_settings_are_the_users_own(api, account):
    other = Api(builders.key(builders.user("bob"), account).plain)
    api("patch", SETTINGS, {"theme": "dark"})

    assert other("get", SETTINGS)[1]["theme"] == "system"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"theme": "pink"}, "theme"),
        ({"colour": "pink"}, "colour"),
        ({"confirm_value": "1e5"}, "confirm_value"),
        ({"grids": {"<b>": GRID}}, "grids.<b>"),
        ({"grids": {"orders": {"columns": [{"field": "A b"}]}}}, "grids.orders.columns.0.field"),
        ({"keys": {"close": "a b c"}}, "keys.close"),
        ({"keys": {"close": ""}}, "keys.close"),
        ({"keys": {"<b>": "a"}}, "keys.<b>"),
        ({"keys": {"a" + "b" * (number % 30) + "c" * (number // 30): "a"
                   for number in range(MOST_KEYS + 1)}}, "keys"),
        ({"grids": {"x" + "y" * (number % 30) + "z" * (number // 30): GRID
                    for number in range(MOST_GRIDS + 1)}}, "grids"),
    ],
)  # fmt: skip
def test_a_setting_that_is_none_is_refused_by_name(api, body, field):
    assert refusal(api("patch", SETTINGS, body)) == (422, "validation_error", field)


def test_the_key_of_somebody_else_cannot_be_chosen(api, account):
    other = builders.key(builders.user("bob"), account)

    answer = api("patch", SETTINGS, {"api_key_id": other.row.pk})

    assert refusal(answer)[:2] == (404, "not_found")


def view(**facts):
    return {"page": "positions", "name": "Mine", "query": "", **facts}


def test_a_view_is_kept_changed_and_forgotten(api, account):
    query = f"accounts={account.pk}&side=buy"
    status, made = api("post", VIEWS, view(query=query))

    assert (status, made["query"], made["user_name"]) == (HTTPStatus.CREATED, query, "alice")
    assert refusal(api("post", VIEWS, view()))[:2] == (409, "conflict")
    assert api("patch", f"{VIEWS}/{made['id']}", {"name": "Longs"})[1]["name"] == "Longs"
    assert Api("").client.delete(f"{VIEWS}/{made['id']}").status_code == HTTPStatus.UNAUTHORIZED
    assert api.client.delete(f"{VIEWS}/{made['id']}").status_code == HTTPStatus.NO_CONTENT
    assert api("get", VIEWS)[1]["items"] == []


def test_a_shared_view_is_told_to_whoever_reads_all_its_accounts(api, account):
    other = builders.account()
    near = Api(builders.key(builders.user("near"), account).plain)
    far = Api(builders.key(builders.user("far"), other).plain)
    robot = builders.key(builders.user("robot"), account,
                         strategies=[builders.strategy("trend", account)])  # fmt: skip
    _, made = api("post", VIEWS, view(query=f"accounts={account.pk}", is_shared=True))
    api("post", VIEWS, view(name="Private"))

    assert [row["id"] for row in near("get", VIEWS)[1]["items"]] == [made["id"]]
    assert far("get", VIEWS)[1]["items"] == []
    assert Api(robot.plain)("get", VIEWS)[1]["items"] == []
    assert refusal(near("patch", f"{VIEWS}/{made['id']}", {"name": "x"}))[:2] == (404, "not_found")
    assert near.client.delete(f"{VIEWS}/{made['id']}").status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"query": "accounts=999999"}, (404, "account_not_found")),
        ({"query": "accounts=<b>"}, (422, "validation_error")),
        ({"page": "//evil"}, (422, "validation_error")),
        ({"name": ""}, (422, "validation_error")),
    ],
)
def test_a_view_that_cannot_be_is_refused(api, facts, expected):
    assert refusal(api("post", VIEWS, view(**facts)))[:2] == expected


# --- the key that a browser's session acts through -----------------------------------------------


@pytest.fixture
def browser(client, issued):
    assert client.login(username=issued.row.user.username, password=PASSWORD)
    return client


def acting(browser):
    authentication.forget()
    found = browser_sessions.caller_of_session(browser.session.session_key, address=None)
    return found.api_key_id, sorted(found.account_ids())


def test_a_session_acts_through_the_oldest_live_key_until_one_is_chosen(browser, issued, account):
    other = builders.account()
    second = builders.key(issued.row.user, other)

    before = acting(browser)
    session = browser.session
    browser_sessions.act_through(issued.row.user, session, second.row.pk, address=None)
    session.save()

    assert before == (issued.row.pk, [account.pk])
    assert acting(browser) == (second.row.pk, [other.pk])


def test_a_chosen_key_that_is_revoked_is_replaced_by_none(browser, issued):
    second = builders.key(issued.row.user, builders.account())
    session = browser.session
    browser_sessions.act_through(issued.row.user, session, second.row.pk, address=None)
    session.save()

    second.row.status = "revoked"
    second.row.save()

    assert acting(browser) == (None, [])


def test_only_ones_own_live_key_can_be_chosen(browser, issued, account):
    stranger = builders.key(builders.user("bob"), account)

    with pytest.raises(NotFound):
        browser_sessions.act_through(
            issued.row.user, browser.session, stranger.row.pk, address=None
        )
