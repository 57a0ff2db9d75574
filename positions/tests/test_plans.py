"""Which index serves each list? The plan is pinned, on both databases, and no time."""

from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest

from accounts.tests import builders
from positions import pages
from positions.api import filters
from positions.models import Deal, Order, Position
from positions.tests.api.conftest import Api
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR
from positions.tests.many import with_a_past
from positions.tests.plans import learn, plan_of

ROWS = 400
"""Enough for MariaDB's optimizer to prefer an index, as it does at any size above."""

PAGES = {
    "/oms/deals": (Deal, "deal_pages", "deal_symbol_pages"),
    "/oms/orders": (Order, "order_by_open", "order_symbol_pages"),
    "/oms/orders/history": (Order, "order_by_open", "order_symbol_pages"),
    "/oms/positions/history": (Position, "position_pages", "position_symbol_pages"),
}
OPEN = {
    "/oms/orders/open": (Order, "order_by_open"),
    "/oms/positions/open": (Position, "position_by_state"),
}


@pytest.fixture
def desks(transactional_db: None) -> list[Desk]:
    """A quiet account, and a busy one that traded after it."""
    both = [with_a_past(50), with_a_past(ROWS)]
    learn(Deal, Order, Position)
    return both


@pytest.fixture
def reader(desks: list[Desk]) -> Api:
    """A key that reads both accounts."""
    quiet, busy = desks
    return Api(builders.key(busy.user, quiet.account, busy.account))


def test_a_page_walks_the_end_of_each_accounts_index(reader, desks):
    wanted = {"account_ids": ",".join(str(desk.account.pk) for desk in desks)}
    for path, (model, index, symbol_index) in PAGES.items():
        of_all = plan_of(model, lambda path=path: reader.items(path, **wanted, limit=20))
        of_one = plan_of(
            model, lambda path=path: reader.items(path, **wanted, limit=20, symbol=LINEAR)
        )

        assert (of_all.indexes, of_all.sorts) == ({index}, False), path
        assert (of_one.indexes, of_one.sorts) == ({symbol_index}, False), path


# The path, a filter → the indexes that all of its reads walk, none of them sorting.
FILTERED: list[tuple[str, dict[str, Any], set[str]]] = [
    ("/oms/deals", {"strategy_id": 1}, {"deal_strategy_pages"}),
    ("/oms/deals", {"strategy_id": 1, "symbol": LINEAR}, {"deal_strategy_pages"}),
    ("/oms/deals", {"position_id": 1}, {"deal_position_pages"}),
    ("/oms/deals", {"start_date": "2026-01-31", "end_date": "2026-01-31"}, {"deal_day_pages"}),
    ("/oms/deals", {"start_date": "2026-01-01", "end_date": "2026-01-31"}, {"deal_month_pages"}),
    ("/oms/orders", {"strategy_id": 1}, {"order_strategy_pages"}),
    ("/oms/orders", {"position_id": 1}, {"order_position_pages"}),
    ("/oms/orders/history", {"strategy_id": 1}, {"order_strategy_pages"}),
    ("/oms/orders/history", {"position_id": 1}, {"order_position_pages"}),
    ("/oms/orders/history", {"start_date": "2026-01-31", "end_date": "2026-01-31"},
     {"order_day_pages"}),
    ("/oms/positions/history", {"strategy_id": 1}, {"position_strategy_pages"}),
    ("/oms/positions/history", {"start_date": "2026-01-31", "end_date": "2026-01-31"},
     {"position_day_pages"}),
]  # fmt: skip
MODELS = {"deals": Deal, "orders": Order, "positions": Position}


@pytest.mark.parametrize("deep", [False, True], ids=["first", "deep"])
def test_a_filtered_page_walks_the_end_of_the_filters_index(reader, desks, deep):
    wanted: dict[str, Any] = {"account_ids": ",".join(str(desk.account.pk) for desk in desks)}
    for path, filtered, indexes in FILTERED:
        model = MODELS[path.split("/")[2]]
        where = {"cursor": model.objects.newest_first()[100].pk} if deep else {}
        query = wanted | filtered | where
        plan = plan_of(model, lambda path=path, query=query: reader.items(path, **query, limit=20))

        assert (plan.indexes, plan.sorts) == (indexes, False), (path, filtered)


def test_a_robots_page_walks_the_ends_of_its_strategies_indexes(desks):
    busy = desks[1]
    own = busy.strategy()
    for model in MODELS.values():
        model.objects.filter(account=busy.account).update(strategy_id=own.pk)
    learn(*MODELS.values())
    robot = Api(builders.key(builders.user("robot", "robot"), busy.account, strategies=[own]))
    for path, indexes in {
        "/oms/deals": {"deal_strategy_pages", "deal_owner_pages"},
        "/oms/orders/history": {"order_strategy_pages"},
        "/oms/positions/history": {"position_strategy_pages"},
    }.items():
        plan = plan_of(
            MODELS[path.split("/")[2]],
            lambda path=path: robot.items(path, account_ids=busy.account.pk, limit=20),
        )

        assert (plan.indexes, plan.sorts) == (indexes, False), path


DAYS = [
    {"start_date": "2025-03-07"},
    {"end_date": "2025-03-07"},
    {"start_date": "2024-12-30", "end_date": "2025-03-07"},
    {"start_date": "2025-02-28", "end_date": "2025-03-01"},
    {"start_date": "2031-01-01"},
]


def test_days_show_what_was_executed_then_whenever_it_was_booked(reader, desks, monkeypatch):
    """Late fills, imports and reassigns have a new id and an old time."""
    chance = Random(1)
    deals = list(Deal.objects.all())
    for deal in deals:
        deal.executed_at = datetime(2024, 11, 1, tzinfo=UTC) + timedelta(
            hours=chance.randrange(5000)
        )
    Deal.objects.bulk_update(deals, ["executed_at"])
    wanted = {"account_ids": ",".join(str(desk.account.pk) for desk in desks), "symbol": LINEAR}

    for few, days in product((0, pages.FEW), DAYS):  # By buckets, and one by one.
        monkeypatch.setattr(pages, "FEW", few)
        shown = [row["id"] for row in _every(reader, "/oms/deals", **wanted, **days)]
        first, last = days.get("start_date", "0"), days.get("end_date", "9")

        assert shown == sorted(
            (deal.pk for deal in deals
             if deal.symbol == LINEAR and first <= str(deal.executed_at.date()) <= last),
            reverse=True,
        ), (few, days)  # fmt: skip


def test_a_word_by_number_is_looked_for_among_so_many_rows_only(reader, desks, monkeypatch):
    monkeypatch.setattr(filters, "MOST_SCANNED", 50)
    wanted = {"account_ids": desks[1].account.pk, "reason": "liquidation", "page": 1}
    answer = reader.get("/oms/deals", **wanted).json()

    fiftieth = Deal.objects.filter(account=desks[1].account).live().newest_first()[49]
    assert (answer["items"], answer["next_cursor"]) == ([], str(fiftieth.pk))


def test_what_is_open_is_found_without_what_ended(reader, desks):
    for path, (model, index) in OPEN.items():
        wanted = {"account_ids": desks[1].account.pk}
        plan = plan_of(
            model, lambda path=path, wanted=wanted: reader.items(path, **wanted, limit=20)
        )

        assert plan.indexes == {index}, path


def test_a_page_over_several_accounts_shows_the_newest_of_all(reader, desks):
    wanted = {"account_ids": ",".join(str(desk.account.pk) for desk in desks)}
    first = reader.get("/oms/deals", **wanted, limit=3).json()
    second = reader.get("/oms/deals", **wanted, limit=3, cursor=first["next_cursor"]).json()
    shown = [row["id"] for row in first["items"] + second["items"]]

    assert shown == list(Deal.objects.live().newest_first().values_list("id", flat=True)[:6])


def test_pages_by_number_over_several_accounts_do_not_overlap(reader, desks):
    wanted = {"account_ids": ",".join(str(desk.account.pk) for desk in desks), "page_size": 4}
    pages = [reader.items("/oms/orders/history", **wanted, page=number) for number in (1, 2, 3)]
    shown = [row["id"] for page in pages for row in page]

    assert shown == list(Order.objects.history().newest_first().values_list("id", flat=True)[:12])


def _every(reader: Api, path: str, **query: Any) -> list[dict[str, Any]]:
    found, cursor = [], {}
    while True:
        page = reader.get(path, **query, **cursor, limit=7).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def test_several_accounts_cost_two_queries(reader, desks, django_assert_num_queries):
    wanted = {"account_ids": ",".join(str(desk.account.pk) for desk in desks)}
    reader.get("/oms/deals", **wanted)  # The key is remembered for a moment.

    with django_assert_num_queries(2):
        assert len(reader.items("/oms/deals", **wanted)) == 100
