"""The back office: exchange accounts, and every account's rows for an admin."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.credentials import login_of
from accounts.models import Account, AuditEntry, Credentials
from accounts.tests import builders
from accounts.words import LoginPart, Role

pytestmark = pytest.mark.django_db
LOGIN = {"api_key": "Kx-public", "secret": "Sx-secret", "passphrase": "Px-phrase"}


@pytest.fixture
def ask():
    """An admin's key: method, path, body → status and body."""
    client = Client(headers={"x-api-key": builders.key(builders.user("root", Role.ADMIN)).plain})

    def ask(method, path, body=None):
        sent = {} if body is None else {"data": json.dumps(body)}
        answer = getattr(client, method)(
            f"/backoffice{path}", **sent, **({"content_type": "application/json"} if sent else {})
        )
        return answer.status_code, answer.json()

    return ask


def test_an_account_is_made_with_its_login_which_no_answer_holds(ask):
    body = {"exchange_id": "ccxt.binance", "label": "main", "credentials": LOGIN}
    status, made = ask("post", "/accounts", body)

    assert status == 201
    assert made["credentials"] == dict.fromkeys(LoginPart, "not set") | dict.fromkeys(LOGIN, "set")
    assert login_of(Account.objects.get()).secret == "Sx-secret"
    shown = str([made, ask("get", "/accounts"), ask("get", f"/accounts/{made['account_id']}")])
    shown += str(list(AuditEntry.objects.values()))
    assert not [text for text in LOGIN.values() if text in shown]


def test_an_account_changes_only_where_told(ask):
    account = builders.account(reversal="mt5", keep_stops=False)

    status, changed = ask("patch", f"/accounts/{account.pk}", {"label": "renamed"})

    assert (status, changed["label"]) == (200, "renamed")
    assert (changed["reversal"], changed["keep_stops"]) == ("mt5", False)
    entry = AuditEntry.objects.get(action="account_changed")
    assert (entry.before, entry.after) == ({"label": "main"}, {"label": "renamed"})


def test_a_new_login_replaces_the_old_one_whole(ask):
    account = builders.account()
    ask("patch", f"/accounts/{account.pk}", {"credentials": LOGIN})

    ask("patch", f"/accounts/{account.pk}", {"credentials": {"api_key": "k2", "secret": "s2"}})

    login = login_of(account)
    assert (login.api_key, login.secret, login.passphrase) == ("k2", "s2", "")


@pytest.mark.parametrize(
    "credentials",
    [
        {"api_key": "Kx-public"},
        {"api_key": "Kx-public", "secret": " "},
        {"api_key": "Kx-public", "secret": ["Sx-secret"]},
        {"api_key": "Kx-public", "secret": "Sx-secret", "token": "Tx-token"},
        "Sx-secret",
    ],
)
def test_a_bad_login_is_refused_without_repeating_it(ask, credentials):
    account = builders.account()

    status, refusal = ask("patch", f"/accounts/{account.pk}", {"credentials": credentials})

    assert (status, refusal["code"]) == (422, "validation_error")
    assert "x-" not in str(refusal)
    assert not Credentials.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"exchange_id": "ccxt.kraken"}, "exchange_id"),
        ({"status": "blocked"}, "status"),
        ({"extra_config": {"urls": {}}}, "extra_config"),
        ({"reconcile_policy": {"short": {"every_s": 0}}}, "reconcile_policy.short.every_s"),
        ({"position_mode": "both"}, "position_mode"),
        ({"label": ""}, "label"),
    ],
)
def test_what_cannot_change_here_is_refused_by_its_field(ask, body, field):
    account = builders.account()

    status, refusal = ask("patch", f"/accounts/{account.pk}", body)

    assert (status, refusal["details"]["field"]) == (422, field)


@pytest.mark.parametrize("change", [{"position_mode": "hedge"}, {"reversal": "mt5"}])
def test_how_fills_are_booked_changes_only_on_a_flat_account(ask, desk, change):
    address = f"/accounts/{desk.account.pk}"
    resting = desk.rest()
    assert ask("patch", address, change)[1]["code"] == "conflict"
    assert ask("patch", address, {"position_mode": "netting", "label": "same"})[0] == 200

    desk.fill(resting, "1")
    assert ask("patch", address, change)[1]["code"] == "conflict"
    desk.filled("sell", "1")

    status, row = ask("patch", address, change)
    assert status == 200
    assert change.items() <= row.items()


def test_an_unknown_account_is_not_found(ask):
    assert ask("get", "/accounts/77")[1]["code"] == "account_not_found"
    assert ask("patch", "/accounts/77", {"label": "x"})[1]["code"] == "account_not_found"


def test_accounts_are_listed_by_one_query(ask):
    for number in range(5):
        ask("post", "/accounts", {"exchange_id": "ccxt.binance", "label": f"{number}",
                                  "credentials": LOGIN})  # fmt: skip

    with CaptureQueriesContext(connection) as asked:
        assert len(ask("get", "/accounts")[1]["items"]) == 5

    # When somebody was last seen is written down now and then, so not all are counted.
    assert sum("accounts_account" in each["sql"] for each in asked.captured_queries) == 1


def test_an_admin_reads_the_rows_of_every_account(ask, desk):
    position = desk.bought()
    order = desk.rest()

    account = f"account_ids={desk.account.pk}"
    assert ask("get", f"/oms/orders/open?{account}")[1]["items"][0]["id"] == order.pk
    assert ask("get", f"/oms/orders/{order.pk}")[1]["items"][0]["id"] == order.pk
    assert ask("get", f"/oms/positions/open?{account}")[1]["items"][0]["id"] == position.pk
    assert ask("get", f"/oms/deals?{account}")[1]["items"][0]["position_id"] == position.pk
    assert ask("get", f"/oms/events?{account}")[1]["items"][0]["seq"] == 1
    assert ask("get", "/oms/orders/open?account_ids=77")[1]["code"] == "account_not_found"


def test_acts_on_accounts_may_say_why(ask):
    account = builders.account("a")
    acts = [
        ("post", "/accounts", {"exchange_id": "ccxt.binance", "label": "b"}),
        ("patch", f"/accounts/{account.pk}", {"label": "c"}),
        ("patch", f"/accounts/{account.pk}", {"credentials": LOGIN}),
    ]
    for number, (method, path, body) in enumerate(acts):
        before = AuditEntry.objects.count()
        status, _ = ask(method, path, body | {"comment": f" why {number} "})
        written = AuditEntry.objects.order_by("id")[before:]

        assert status in (200, 201), (path, body)
        assert {entry.comment for entry in written} == {f"why {number}"}, path


def test_a_comment_of_the_back_office_may_be_left_out_and_has_a_length(ask):
    account = builders.account("a")

    assert ask("patch", f"/accounts/{account.pk}", {"label": "b"})[0] == 200
    assert AuditEntry.objects.latest("id").comment == ""
    status, refused = ask("patch", f"/accounts/{account.pk}", {"label": "c", "comment": "x" * 9999})
    assert (status, refused["details"]["field"]) == (422, "comment")
