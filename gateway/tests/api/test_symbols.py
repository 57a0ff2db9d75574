"""What may be traded on an account, as the checks of orders see it."""

from dataclasses import replace
from decimal import Decimal
from http import HTTPStatus

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests import builders
from gateway.exchanges import known_markets
from gateway.exchanges.profile import profile_for
from positions.ports import exchange
from positions.tests.desk import Desk
from positions.tests.fakes import SPOT, FakeExchange

pytestmark = pytest.mark.django_db

SMALL = Decimal("0.00000001")


@pytest.fixture
def listed(desk) -> Desk:
    """The account's exchange has listed three markets."""
    rules = FakeExchange().markets[SPOT]
    tiny = replace(rules, symbol="PEPE/USDT", base="PEPE", price_step=SMALL, amount_step=Decimal(1))
    gone = replace(rules, symbol="OLD/USDT", base="OLD", active=False)
    known_markets.store(profile_for(desk.account.pk).key, [rules, tiny, gone], timezone.now())
    return desk


def ask(desk, key=None, **query):
    client = Client(headers={"x-api-key": key or builders.key(desk.user, desk.account).plain})
    return client.get("/oms/symbols", {"account_ids": desk.account.pk, **query})


def test_markets_are_told_with_exact_limits_and_the_newest_price(listed):
    exchange().prices["PEPE/USDT"] = Decimal("0.00000859")

    (row,) = ask(listed, symbols="PEPE/USDT").json()["items"]

    assert (row["price_step"], row["qty_step"], row["last_price"]) == (
        "0.00000001", "1", "0.00000859")  # fmt: skip
    assert (row["money"], row["active"], "limit" in row["order_types"]) == ("USDT", True, True)


def test_they_are_found_by_a_part_of_the_name_and_page_by_page(listed):
    first = ask(listed, limit=2).json()
    second = ask(listed, limit=2, cursor=first["next_cursor"]).json()

    names = [row["symbol"] for page in (first, second) for row in page["items"]]
    assert names == [SPOT, "OLD/USDT", "PEPE/USDT"]
    assert second["next_cursor"] is None
    assert [row["symbol"] for row in ask(listed, q="pep").json()["items"]] == ["PEPE/USDT"]
    assert [row["symbol"] for row in ask(listed, active="false").json()["items"]] == ["OLD/USDT"]


@pytest.mark.parametrize(
    "query",
    [{"limit": 1001}, {"active": "maybe"}, {"q": "x" * 65}, {"nothing": 1},
     {"symbols": ",".join(f"A{number}" for number in range(201))}],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(listed, query):
    answer = ask(listed, **query)

    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert answer.json()["details"]["field"] == next(iter(query))


def test_somebody_elses_account_has_none(listed):
    stranger = builders.key(builders.user("stranger"), builders.account()).plain

    assert ask(listed, key=stranger).json()["code"] == "account_not_found"
