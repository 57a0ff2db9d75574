"""Which lists of the exchange does a reconciliation read? Every account asks for its own."""

from collections import Counter

import pytest

from gateway import loop
from gateway.models import ExchangeState
from gateway.reconcile import opening
from gateway.sessions import position_mode
from gateway.tests.strangers.test_reconciling import reconcile
from gateway.tests.strangers.trader import LINEAR, Trader, bought, paid_after
from gateway.words import ExchangePositionMode, Scope
from positions.models import Deal

pytestmark = pytest.mark.django_db(transaction=True)

MODE, INCOME = "/fapi/v1/accountConfig", "/fapi/v1/income"
ORDERS, POSITIONS = "/fapi/v1/openOrders", "/fapi/v3/positionRisk"
# How much of an address's 2,400 a minute each takes.
WEIGHTS = {MODE: 5, INCOME: 30, ORDERS: 40, POSITIONS: 5, "/fapi/v3/account": 5,
           "/fapi/v1/userTrades": 5}  # fmt: skip


def asked(trader: Trader) -> Counter[str]:
    """How often each list was asked for until now."""
    rows = trader.paper.control("GET", "requests")["routes"]
    return Counter({
        row["route"]: row["count"]
        for row in rows
        if row["login"] == trader.key and row["route"] in WEIGHTS
    })  # fmt: skip


def weight(lists: Counter[str]) -> int:
    return sum(WEIGHTS[each] * count for each, count in lists.items())


@pytest.fixture
def trader(paper) -> Trader:
    trader = Trader(paper, LINEAR)
    trader.begin()
    return trader


@pytest.mark.parametrize("scope", [Scope.SHORT, Scope.HOURLY])
def test_a_round_reads_no_payments_where_the_balance_is_as_booked(trader, scope):
    before = asked(trader)

    run = reconcile(trader, scope)

    lists = asked(trader) - before
    assert run.found["balances"]["answer"] == "equal"
    assert (lists[INCOME], lists[MODE], lists[ORDERS]) == (0, 0, 1)
    assert weight(lists) <= 60
    assert run.state == "succeeded"


def test_a_short_round_books_what_was_paid_since_the_last_one(trader):
    bought(trader, "0.1")
    paid_after(trader, 1)

    run = reconcile(trader)

    assert run.found["fundings"] >= 1
    assert run.found["balances"]["answer"] == "equal"
    assert Deal.objects.filter(account_id=trader.pk, kind="funding").exists()


def test_a_long_round_reads_payments_whatever_the_balance_says(trader):
    before = asked(trader)

    reconcile(trader, Scope.LONG)

    assert (asked(trader) - before)[INCOME] == 1


def test_the_opening_is_looked_for_without_reading_again_what_rests(paper):
    trader = Trader(paper, LINEAR)
    trader.bring_in(everything=True)
    before = asked(trader)

    loop.call(opening.record(trader.pk), 20)

    assert (asked(trader) - before)[ORDERS] == 0


def test_opening_a_session_asks_nothing_dear(paper):
    """Many accounts are opened at the same moment, before everything else."""
    trader = Trader(paper, LINEAR)

    assert weight(asked(trader)) == 0


def test_what_was_told_of_the_account_before_a_start_is_not_asked_again(trader):
    before = asked(trader)

    position_mode.forget()
    reconcile(trader)

    assert (asked(trader) - before)[MODE] == 0


@pytest.mark.parametrize("why", ["it refused an order", "two-way"])
def test_how_the_account_is_set_up_is_asked_again_where_it_may_be_otherwise(trader, why):
    if why == "two-way":
        ExchangeState.objects.update(position_mode=ExchangePositionMode.TWO_WAY)
        position_mode.forget()
    else:
        position_mode.doubt(trader.pk)
    before = asked(trader)

    reconcile(trader)

    assert (asked(trader) - before)[MODE] == 1
    assert ExchangeState.objects.get().position_mode == ExchangePositionMode.ONE_WAY


def test_how_the_account_is_set_up_is_asked_again_after_an_hour(trader, monkeypatch):
    before = asked(trader)
    monkeypatch.setattr(position_mode, "KEPT_S", 0.0)

    reconcile(trader)

    assert (asked(trader) - before)[MODE] == 1
