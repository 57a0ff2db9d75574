"""Reads: filters, days, pages, rights, and how many queries they cost."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from positions.engine.types import OrderStatus
from positions.models import Deal, Order, Position
from positions.ports import SeenBalances
from positions.rows import time_text
from positions.tests.fakes import SPOT

LISTS = [
    "/oms/orders",
    "/oms/orders/open",
    "/oms/orders/history",
    "/oms/deals",
    "/oms/positions/open",
    "/oms/positions/history",
]
HISTORIES = ["/oms/orders", "/oms/orders/history", "/oms/deals", "/oms/positions/history"]


def ids(items):
    return [item["id"] for item in items]


@pytest.fixture
def traded(desk):
    """One row or more in every list."""
    desk.fill(desk.close(desk.bought("1")), "1", "110")
    desk.bought("2")
    desk.rest(price="90")
    return desk


@pytest.mark.parametrize("path", LISTS)
def test_a_list_shows_the_rows_of_its_accounts_newest_first(api, traded, path):
    items = api.items(path, account_ids=traded.account.pk)

    assert items
    assert ids(items) == sorted(ids(items), reverse=True)
    assert {item["account_id"] for item in items} == {traded.account.pk}


def test_open_and_history_share_the_orders(api, traded):
    open_ids = ids(api.items("/oms/orders/open", account_ids=traded.account.pk))
    old_ids = ids(api.items("/oms/orders/history", account_ids=traded.account.pk))

    every = ids(api.items("/oms/orders", account_ids=traded.account.pk))

    assert len(open_ids) == 1
    assert sorted(open_ids + old_ids, reverse=True) == every
    assert every == list(Order.objects.order_by("-id").values_list("id", flat=True))


def test_a_position_being_closed_is_still_open(api, traded):
    position = traded.positions()[0]
    traded.close(position)

    (item,) = api.items("/oms/positions/open", account_ids=traded.account.pk)

    assert (item["id"], item["state"]) == (position.pk, "close_requested")


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_filtered_by_strategy_and_symbol(api, traded, path):
    account_id, strategy = traded.account.pk, traded.strategy()
    everything = api.items(path, account_ids=account_id)
    model = {"orders": Order, "deals": Deal, "positions": Position}[path.split("/")[2]]
    model.objects.filter(pk=everything[0]["id"]).update(strategy_id=strategy.pk, symbol=SPOT)

    by_strategy = api.items(path, account_ids=account_id, strategy_id=strategy.pk)
    by_symbol = api.items(path, account_ids=account_id, symbol=SPOT)
    by_none = api.items(path, account_ids=account_id, symbol="X/Y")

    assert ids(by_strategy) == ids(by_symbol) == [everything[0]["id"]]
    assert by_none == []


@pytest.mark.parametrize("path", HISTORIES)
def test_days_are_utc_and_inclusive(api, traded, path):
    account_id = traded.account.pk
    first, last = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, 23, 59, 59, 999999, UTC)
    model, column = {
        "orders": (Order, "created_at"),
        "deals": (Deal, "executed_at"),
        "positions": (Position, "closed_at"),
    }[path.split("/")[2]]
    row_id = api.items(path, account_ids=account_id)[0]["id"]
    others = model.objects.exclude(pk=row_id)
    others.update(**{column: first - timedelta(days=9)})

    for moment, days, shown in [
        (first, {"start_date": "2026-01-02", "end_date": "2026-01-02"}, True),
        (last, {"start_date": "2026-01-02", "end_date": "2026-01-02"}, True),
        (last, {"start_date": "2026-01-03"}, False),
        (first, {"end_date": "2026-01-01", "start_date": "2026-01-01"}, False),
        (first, {"start_date": "2026-01-02"}, True),
    ]:
        model.objects.filter(pk=row_id).update(**{column: moment})
        items = api.items(path, account_ids=account_id, **days)

        assert (row_id in ids(items)) is shown


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_walks_through_everything_once(api, desk, path):
    for _ in range(3):
        desk.fill(desk.close(desk.bought("1")), "1")
    hedge = [desk.rest(price="90") for _ in range(3)]
    Position.objects.filter(pk__in=[1]).update(state="open")
    everything = ids(api.items(path, account_ids=desk.account.pk))
    seen, cursor = [], {}

    while True:
        page = api.get(path, account_ids=desk.account.pk, limit=2, **cursor).json()
        seen += ids(page["items"])
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert len(hedge) == 3
    assert seen == everything


def test_pages_by_number_say_which_they_are(api, desk):
    for _ in range(5):
        desk.rest(price="90")
    ask = {"account_ids": desk.account.pk, "page_size": 2}
    everything = ids(api.items("/oms/orders/open", account_ids=desk.account.pk))

    second = api.get("/oms/orders/open", page=2, **ask).json()
    last = api.get("/oms/orders/open", page=3, **ask).json()

    assert ids(second["items"]) == everything[2:4]
    assert (second["page"], second["page_size"]) == (2, 2)
    assert ids(last["items"]) == everything[4:]
    assert last["next_cursor"] is None


BAD_QUERIES = [
    ({}, "account_ids"),
    ({"account_ids": ""}, "account_ids"),
    ({"account_ids": "x"}, "account_ids"),
    ({"account_ids": "1,"}, "account_ids"),
    ({"account_ids": "9" * 19}, "account_ids"),
    ({"limit": "0"}, "limit"),
    ({"limit": "5001"}, "limit"),
    ({"limit": "١"}, "limit"),
    ({"cursor": "abc"}, "cursor"),
    ({"page": "101", "page_size": "100"}, "page"),
    ({"page": "0"}, "page"),
    ({"strategy_id": "-1"}, "strategy_id"),
    ({"start_day": "2026-01-01"}, "start_day"),
]


@pytest.mark.parametrize(("query", "field"), BAD_QUERIES)
def test_a_bad_parameter_is_named(api, desk, query, field):
    known = {} if field == "account_ids" else {"account_ids": desk.account.pk}

    response = api.get("/oms/orders/open", **known | query)

    assert response.status_code == 422
    assert response.json()["details"]["field"] == field


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "501"}, "limit"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"start_date": "2026-02-30"}, "start_date"),
        ({"end_date": "9999-12-31"}, "end_date"),
        ({"start_date": "2026-01-02", "end_date": "2026-01-01"}, "end_date"),
    ],
)
@pytest.mark.parametrize("path", HISTORIES)
def test_a_bad_day_is_named(api, desk, path, query, field):
    response = api.get(path, account_ids=desk.account.pk, **query)

    assert response.status_code == 422
    assert response.json()["details"]["field"] == field


# --- rights ---


@pytest.mark.parametrize("path", [*LISTS, "/oms/events"])
def test_an_account_that_is_not_the_callers_is_404(stranger, traded, path):
    response = stranger.get(path, account_ids=traded.account.pk)

    assert response.status_code == 404
    assert response.json()["code"] == "account_not_found"


def test_one_account_that_is_not_the_callers_hides_them_all(api, desk, new_desk):
    both = f"{desk.account.pk},{new_desk().account.pk}"

    response = api.get("/oms/orders/open", account_ids=both)

    assert response.status_code == 404


@pytest.mark.parametrize("path", LISTS)
def test_a_restricted_key_sees_its_own_strategies_only(robot, desk, path):
    api, own, foreign = robot
    desk.account.position_mode = "strategy_netting"
    desk.account.save()
    for strategy_id in (own, foreign, 0):
        desk.fill(desk.close(desk.bought("1", strategy_id=strategy_id)), "1")
        desk.bought("1", strategy_id=strategy_id)
        desk.rest(price="90", strategy_id=strategy_id)

    items = api.items(path, account_ids=desk.account.pk)

    assert items
    assert {item["strategy_id"] for item in items} == {own}


def test_a_restricted_key_sees_its_own_events_only(robot, desk):
    api, own, foreign = robot
    mine = desk.send(strategy_id=own)
    desk.send(strategy_id=foreign)

    items = api.items("/oms/events", account_ids=desk.account.pk)

    assert [item["payload"]["id"] for item in items] == [mine.pk]


@pytest.mark.parametrize("noun", ["orders", "deals", "positions"])
def test_rows_by_id_come_in_the_order_asked_or_not_at_all(api, stranger, traded, noun):
    model = {"orders": Order, "deals": Deal, "positions": Position}[noun]
    first, second = model.objects.order_by("id").values_list("id", flat=True)[:2]

    items = api.items(f"/oms/{noun}/{second},{first},{second}")
    missing = api.get(f"/oms/{noun}/{first},99999")
    foreign = stranger.get(f"/oms/{noun}/{first}")
    nonsense = api.get(f"/oms/{noun}/abc")

    assert ids(items) == [second, first]
    assert missing.status_code == foreign.status_code == 404
    assert missing.json()["code"] == foreign.json()["code"]
    assert nonsense.status_code == 422


def test_a_foreign_strategys_rows_do_not_exist_by_id(robot, desk):
    api, own, foreign = robot
    mine, theirs = desk.rest(strategy_id=own), desk.rest(strategy_id=foreign)

    alone = api.get(f"/oms/orders/{mine.pk}")
    together = api.get(f"/oms/orders/{mine.pk},{theirs.pk}")

    assert (alone.status_code, together.status_code) == (200, 404)


# --- events ---


def test_events_are_paged_by_cursor_as_every_list(api, traded):
    account_id = traded.account.pk
    everything = api.items("/oms/events", account_ids=account_id, limit=500)

    seen, query = [], {"account_ids": account_id, "since_seq": 1, "limit": 2}
    while True:
        page = api.get("/oms/events", **query).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert [row["seq"] for row in seen] == [row["seq"] for row in everything[1:]]
    assert api.get("/oms/events", account_ids=account_id, cursor="x").status_code == 422


def test_events_are_read_one_account_at_a_time_from_a_point_on(api, traded):
    account_id = traded.account.pk
    everything = api.items("/oms/events", account_ids=account_id, limit=500)

    page = api.get("/oms/events", account_ids=account_id, since_seq=3, limit=2).json()
    two = api.get("/oms/events", account_ids=f"{account_id},{account_id + 1}")

    assert [item["seq"] for item in everything] == list(range(1, len(everything) + 1))
    assert [item["seq"] for item in page["items"]] == [4, 5]
    assert page["next_cursor"] == "5"
    assert two.status_code == 422
    assert set(everything[0]) == {
        "seq",
        "event",
        "namespace",
        "account_id",
        "strategy_id",
        "payload",
        "created_at",
    }


# --- prices ---


def test_open_positions_carry_mark_price_and_floating_profit(api, desk, venue):
    desk.bought("2", "100")
    venue.prices[desk.symbol] = Decimal("110.50")

    (item,) = api.items("/oms/positions/open", account_ids=desk.account.pk)

    assert (item["mark_price"], item["floating_profit"]) == ("110.5", "21")
    assert item["price_at"] == "2026-01-31T11:59:58.000000Z"


def test_without_a_price_there_is_no_floating_profit(api, desk):
    desk.bought("2", "100")

    (item,) = api.items("/oms/positions/open", account_ids=desk.account.pk)

    shown = (item["mark_price"], item["price_at"], item["floating_profit"])
    assert shown == (None, None, None)


def test_a_price_is_asked_once_per_market(api, new_desk, desk, venue):
    desk.account.position_mode = "hedge"
    desk.account.save()
    for _ in range(5):
        desk.bought("1")
    venue.price_questions.clear()

    items = api.items("/oms/positions/open", account_ids=desk.account.pk)

    assert len(items) == 5
    assert venue.price_questions == {desk.symbol: 1}


# --- cost ---


# The ids of a page, then its rows. Of positions without any fee their deals are asked whether one
# was told. Events are found by their own key.
COSTS = dict.fromkeys(LISTS, 2) | {
    "/oms/events": 1, "/oms/positions/open": 3, "/oms/positions/history": 3,
}  # fmt: skip


@pytest.mark.parametrize(("path", "queries"), COSTS.items())
def test_a_list_costs_the_same_however_long(api, desk, path, queries, django_assert_num_queries):
    desk.account.position_mode = "hedge"
    desk.account.save()
    for _ in range(4):
        desk.fill(desk.close(desk.bought("1")), "1")
        desk.bought("1")
        desk.rest(price="90")
    api.get(path, account_ids=desk.account.pk)  # The key is remembered for a moment.

    with django_assert_num_queries(queries):
        items = api.items(path, account_ids=desk.account.pk)

    assert len(items) >= 4


def test_the_accounts_of_the_caller_cost_two_queries(api, desk, django_assert_num_queries):
    api.get("/oms/accounts")

    with django_assert_num_queries(2):
        (item,) = api.items("/oms/accounts")

    assert (item["id"], item["label"], item["status"]) == (
        desk.account.pk,
        desk.account.label,
        "active",
    )
    assert item["rights"] == ["can_close_position", "can_read", "can_trade"]


def test_an_account_tells_what_is_owned_to_keys_that_see_all_of_it(api, desk, robot, venue):
    assert api.items("/oms/accounts")[0]["balances"] is None
    venue.owned[desk.account.pk] = SeenBalances({"USDT": "12.5"}, venue.priced_at)

    (item,) = api.items("/oms/accounts")

    assert item["balances"] == {"USDT": "12.5"}
    assert item["balances_at"] == time_text(venue.priced_at)
    assert robot[0].items("/oms/accounts")[0]["balances"] is None


def test_numbers_and_times_leave_in_the_contracts_form(api, desk):
    order = desk.rest(qty="2.500", price="100.10")
    desk.fill(order, "1")
    desk.report(order, OrderStatus.CANCELED, "1")

    (item,) = api.items(f"/oms/orders/{order.pk}")

    assert (item["qty"], item["price"], item["filled_qty"]) == ("2.5", "100.1", "1")
    assert (item["fee"], item["trigger_price"], item["client_order_id"]) == (None, None, None)
    assert (item["strategy_id"], item["reduce_only"]) == (0, False)
    for name in ("created_at", "updated_at", "closed_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", item[name])
