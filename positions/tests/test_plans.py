"""Which index serves each list? The plan is pinned, on both databases, and no time."""

import pytest

from accounts.tests import builders
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


def test_several_accounts_cost_two_queries(reader, desks, django_assert_num_queries):
    wanted = {"account_ids": ",".join(str(desk.account.pk) for desk in desks)}
    reader.get("/oms/deals", **wanted)  # The key is remembered for a moment.

    with django_assert_num_queries(2):
        assert len(reader.items("/oms/deals", **wanted)) == 100
