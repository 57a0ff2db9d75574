"""What exchanges literally said, as lists."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Strategy
from accounts.tests import builders
from accounts.words import RawStorage
from gateway.evidence import raw, storage
from positions.tests.desk import Desk

# Readers look into the database on threads of their own.
pytestmark = pytest.mark.django_db(transaction=True)


def evidence(desk: Desk, order_id: str, at=None, **facts) -> None:
    """Store what the exchange said of an order and of one fill of it."""
    order = {"id": order_id, "symbol": "BTC/USDT", "clientOrderId": f"c{order_id}"} | facts
    trade = {"id": f"t{order_id}", "order": order_id, "symbol": "BTC/USDT"} | facts
    raw.record(
        account_id=desk.account.pk,
        exchange_id=desk.account.exchange_id,
        evidence=raw.Evidence((order,), (trade,)),
        observed_at=at or timezone.now(),
    )


@pytest.fixture
def raw_list(desk):
    """The rows of a list: ``raw_list("orders", key, symbol=…)``."""

    def rows_of(name: str, key: builders.IssuedKey, **query) -> list[dict]:
        answered = Client().get(
            f"/ccxt/{name}/raw",
            {"account_ids": desk.account.pk} | query,
            headers={"x-api-key": key.plain},
        )
        assert answered.status_code == 200, answered.content
        return answered.json()["items"]

    return rows_of


def test_raw_rows_are_the_exchanges_own_words_newest_first(desk, raw_list):
    key = builders.key(desk.user, desk.account)
    for order_id in ("11", "12"):
        evidence(desk, order_id)

    orders, trades = raw_list("orders", key), raw_list("trades", key)

    assert [row["exchange_order_id"] for row in orders] == ["12", "11"]
    assert [row["exchange_trade_id"] for row in trades] == ["t12", "t11"]
    assert raw.fingerprint(orders[0]["raw_json"]) == orders[0]["fingerprint"]
    assert json.loads(orders[0]["raw_json"])["clientOrderId"] == "c12"
    assert orders[0]["exchange_trade_id"] is None


def test_raw_rows_of_a_restricted_key_are_about_its_own_orders(desk, two_strategies, raw_list):
    restricted, mine, theirs = two_strategies
    (own,) = restricted.rights[desk.account.pk].strategies
    robot = builders.user("robot", "robot")
    key = builders.key(robot, desk.account, strategies=[Strategy.objects.get(pk=own)])
    whole = builders.key(desk.user, desk.account)
    for order_id in ("11", "12", "13"):
        evidence(desk, order_id)
    evidence(desk, "", clientOrderId=mine.exchange_client_order_id)  # It named no id of its own.

    for name in ("orders", "trades"):
        shown = raw_list(name, key)
        assert {row["exchange_order_id"] for row in shown} <= {"11", ""}
        assert len(shown) == 2
        assert len(raw_list(name, whole)) == 4
        assert {row["id"] for row in raw_list(name, whole, strategy_id=own)} == {
            row["id"] for row in shown
        }
        assert raw_list(name, key, strategy_id=theirs.strategy_id) == []


def test_raw_rows_are_found_by_symbol_and_day_and_paged(desk, raw_list):
    key = builders.key(desk.user, desk.account)
    old = timezone.now().replace(year=2024)
    evidence(desk, "11", at=old)
    evidence(desk, "12", symbol="ETH/USDT")

    assert [row["exchange_order_id"] for row in raw_list("orders", key, symbol="ETH/USDT")] == [
        "12"
    ]
    assert [row["exchange_order_id"] for row in raw_list("orders", key, end_date="2024-12-31")] == [
        "11"
    ]
    assert len(raw_list("orders", key, limit=1)) == 1


def test_a_raw_list_costs_the_same_queries_however_long_it_is(
    desk, raw_list, django_assert_num_queries
):
    key = builders.key(desk.user, desk.account)
    for number in range(20):
        evidence(desk, str(number))
    raw_list("orders", key)  # From now on the key is known for half a second.

    with django_assert_num_queries(2):
        assert len(raw_list("orders", key)) == 20


@pytest.fixture
def three(desk):
    """Three accounts of one key, two with tables of their own; their evidence takes turns."""
    own = [builders.account(f"own {number}", raw_storage="dedicated") for number in range(2)]
    accounts = [desk.account, *own]
    now = timezone.now()
    for number in range(7):
        account = accounts[number % 3]
        raw.record(
            account_id=account.pk,
            exchange_id=account.exchange_id,
            evidence=raw.Evidence(({"id": str(number), "symbol": "BTC/USDT"},)),
            observed_at=now + timedelta(seconds=number),
            place=RawStorage(account.raw_storage),
        )
    key = builders.key(desk.user, *accounts)
    yield ",".join(str(account.pk) for account in accounts), key
    storage.forget()
    for account in own:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE gateway_raworder_{account.pk}")


def pages(three, **query):
    """Every page of the list, by its cursor."""
    account_ids, key = three
    client, cursor = Client(headers={"x-api-key": key.plain}), None
    while True:
        asked = {"account_ids": account_ids} | query | ({"cursor": cursor} if cursor else {})
        answer = client.get("/ccxt/orders/raw", asked)
        assert answer.status_code == 200, answer.content
        yield [row["exchange_order_id"] for row in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_several_tables_are_one_list_newest_first(three, limit):
    found = list(pages(three, limit=limit))

    assert [row for page in found for row in page] == list("6543210")
    assert all(len(page) <= limit for page in found)


def test_several_tables_have_pages_by_number_too(three):
    account_ids, key = three
    client = Client(headers={"x-api-key": key.plain})
    query = {"account_ids": account_ids, "page_size": 3}

    second = client.get("/ccxt/orders/raw", query | {"page": 2}).json()
    third = client.get("/ccxt/orders/raw", query | {"page": 3}).json()

    assert [row["exchange_order_id"] for row in second["items"]] == list("321")
    assert [row["exchange_order_id"] for row in third["items"]] == list("0")
    assert (second["page"], third["next_cursor"]) == (2, None)
    follows = {"account_ids": account_ids, "cursor": second["next_cursor"]}
    assert client.get("/ccxt/orders/raw", follows).json()["items"] == third["items"]


@pytest.mark.parametrize("cursor", ["5", "1:2", "1:2:x", "1:2:3:4", "1:2:99999999999999999999"])
def test_a_cursor_of_another_list_is_refused(three, cursor):
    account_ids, key = three

    answer = Client(headers={"x-api-key": key.plain}).get(
        "/ccxt/orders/raw", {"account_ids": account_ids, "cursor": cursor}
    )

    assert (answer.status_code, answer.json()["details"]["field"]) == (422, "cursor")
