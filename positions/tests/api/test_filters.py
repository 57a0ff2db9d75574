"""Lists cut by ids and by words, and how far a word is looked for."""

import pytest

from positions.api import filters
from positions.models import Deal, Order, Position


@pytest.fixture
def traded(desk):
    """A closed long, an open short, and a resting buy."""
    desk.fill(desk.close(desk.bought("1")), "1", "110")
    desk.filled("sell", "2")
    desk.rest(price="90")
    return desk


def found(api, desk, path, **query):
    return [item["id"] for item in api.items(path, account_ids=desk.account.pk, **query)]


def numbers(rows) -> list[int]:
    return list(rows.order_by("-id").values_list("id", flat=True))


def test_deals_and_orders_of_one_position(api, traded):
    closed = Position.objects.get(state="closed")

    deals = found(api, traded, "/oms/deals", position_id=closed.pk)
    orders = found(api, traded, "/oms/orders/history", position_id=closed.pk)

    assert deals == numbers(Deal.objects.filter(position=closed))
    assert orders == numbers(Order.objects.filter(position=closed))
    assert len(deals) == len(orders) == 2


def test_everything_of_one_order(api, traded):
    order = Order.objects.order_by("id").first()

    assert found(api, traded, "/oms/orders/history", order_id=order.pk) == [order.pk]
    assert found(api, traded, "/oms/deals", order_id=order.pk) == numbers(order.deals)
    assert found(api, traded, "/oms/positions/history", order_id=order.pk) == [order.position_id]
    assert found(api, traded, "/oms/positions/open", order_id=order.pk) == []


@pytest.mark.parametrize(
    ("path", "query", "count"),
    [
        ("/oms/orders/open", {"status": "SUBMITTED"}, 1),
        ("/oms/orders/open", {"status": "UNKNOWN"}, 0),
        ("/oms/orders/history", {"side": "sell"}, 2),
        ("/oms/orders/history", {"side": "sell", "reason": "robot"}, 0),
        ("/oms/deals", {"side": "buy", "reason": "trader"}, 1),
        ("/oms/positions/open", {"side": "sell", "state": "open"}, 1),
        ("/oms/positions/history", {"state": "closed"}, 1),
        ("/oms/positions/history", {"state": "closed", "page": 1}, 1),
    ],
)
def test_words(api, traded, path, query, count):
    assert len(found(api, traded, path, **query)) == count


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/oms/orders/open", {"status": "open"}),
        ("/oms/deals", {"side": "long"}),
        ("/oms/deals", {"state": "open"}),
        ("/oms/positions/open", {"position_id": "x"}),
    ],
)
def test_a_filter_that_is_not_known_never_widens_a_list(api, traded, path, query):
    answer = api.get(path, account_ids=traded.account.pk, **query)

    assert (answer.status_code, answer.json()["details"]["field"]) == (422, next(iter(query)))


def test_a_page_may_be_short_and_goes_on(api, desk, monkeypatch):
    """Looked for is among so many rows for one page; nothing is lost between pages."""
    monkeypatch.setattr(filters, "MOST_SCANNED", 4)
    monkeypatch.setattr(filters, "_AT_ONCE", 3)
    sides = ["sell", *["buy"] * 6, "sell", "sell", "buy"]
    orders = [desk.rest(side, "1", "100") for side in sides]
    wanted = [order.pk for order, side in zip(orders, sides, strict=True) if side == "sell"]
    query = {"account_ids": desk.account.pk, "side": "sell", "limit": 2}

    pages, cursor = [], {}
    while cursor is not None:
        body = api.get("/oms/orders/open", **query, **cursor).json()
        pages.append([item["id"] for item in body["items"]])
        cursor = {"cursor": body["next_cursor"]} if body["next_cursor"] else None

    assert [number for page in pages for number in page] == sorted(wanted, reverse=True)
    assert [len(page) for page in pages] == [2, 0, 1]
