"""Is what happened at the exchange brought in, once, and never mistaken for somebody else's?

Against a paper venue on a real socket: what we did not do is done there with the same login.
"""

import json
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Credentials
from gateway import connection, loop
from gateway.models import ImportCursor, RawFunding, RawOrder
from gateway.reconcile import cursors
from gateway.reconcile.comparing import Answer
from gateway.sessions import kept as sessions
from gateway.sessions.outcomes import CallFailed, Throttled
from gateway.tests.strangers.trader import (
    BOTH,
    LINEAR,
    SPOT,
    D,
    Trader,
    bought,
    failing,
    paid_after,
)
from positions.models import Deal, OpeningBalance, Position

pytestmark = pytest.mark.django_db(transaction=True)


@BOTH
def test_a_strangers_order_gets_one_dedicated_position_and_the_books_agree(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    trader.desk.send()  # The symbol is one of ours.

    placed = trader.strange(qty="0.02")
    found = trader.bring_in()

    (order,) = trader.externals()
    assert found.orders == 1
    assert (order.exchange_order_id, order.status) == (placed["id"], "FILLED")
    assert (order.strategy_id, order.reconciled, order.filled_qty) == (0, False, D("0.02"))
    position = Position.objects.get(account_id=trader.pk)
    assert position.is_external
    assert trader.compared() == {"positions": Answer.EQUAL, "balances": Answer.EQUAL}


@BOTH
def test_bringing_in_again_or_after_a_restart_adds_no_rows(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    trader.desk.send()
    trader.strange()
    trader.strange(price="30000")
    trader.bring_in(everything=True)
    before = trader.rows()

    trader.bring_in()
    loop.call(sessions.close_all(), 5)
    trader.hurry()
    trader.bring_in(everything=True)

    assert trader.rows() == before


@BOTH
def test_a_resting_order_of_a_stranger_is_adopted_and_filled_later(paper, where):
    trader = Trader(paper, where)
    trader.begin()

    trader.strange(qty="0.01", price="50000")
    trader.bring_in()
    resting = trader.externals()[0].status
    paper.control("POST", "prices", symbol="BTCUSDT", price="49000")
    trader.bring_in()

    (order,) = trader.externals()
    assert (resting, order.filled_qty) == ("SUBMITTED", D("0.01"))
    assert trader.compared()["balances"] is Answer.EQUAL


@BOTH
def test_an_own_order_whose_acknowledgement_is_on_its_way_never_becomes_external(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    order = trader.desk.send("buy", "0.01")
    trader.desk.claim()

    trader.strange("buy", "0.01", our_id=trader.desk.leg(order).client_order_id)
    trader.bring_in()

    assert trader.externals() == []
    order.refresh_from_db()
    assert (order.status, order.filled_qty) == ("FILLED", D("0.01"))


@BOTH
def test_an_own_resting_order_on_its_way_never_becomes_external(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    order = trader.desk.send("buy", "0.01", price="50000")
    trader.desk.claim()

    trader.strange("buy", "0.01", "50000", our_id=trader.desk.leg(order).client_order_id)
    trader.bring_in()

    assert trader.externals() == []
    assert trader.desk.fresh(order).status == "SUBMITTED"


@BOTH
def test_one_client_id_used_by_a_stranger_again_and_again_makes_an_order_each(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    trader.desk.send()

    placed = [trader.strange(our_id="the-same") for _ in range(3)]
    trader.bring_in()

    assert [order.exchange_order_id for order in trader.externals()] == [
        one["id"] for one in placed
    ]


@BOTH
@pytest.mark.parametrize("missing", ["order", "trades"])
def test_what_could_not_be_asked_moves_no_cursor_and_is_brought_in_later(paper, where, missing):
    trader = Trader(paper, where)
    trader.begin()
    trader.desk.send()
    trader.bring_in()
    trader.strange()
    before = _reached(trader)
    base = "/api/v3/" if where is SPOT else "/fapi/v1/"
    name = {"order": "order", "trades": "myTrades" if where is SPOT else "userTrades"}[missing]

    with failing(paper, f"GET {base}{name}"), pytest.raises(CallFailed):
        trader.bring_in()
    nothing = (_reached(trader), trader.externals())
    trader.bring_in()

    assert nothing == (before, [])
    assert len(trader.externals()) == 1
    assert _reached(trader) > before


def test_a_symbol_that_is_gone_keeps_no_other_from_being_brought_in(paper):
    trader = Trader(paper, LINEAR)
    trader.begin()
    bought(trader, "0.1")
    cursors.add(trader.pk, {"GONE/USDT:USDT"}, timezone.now() - timedelta(days=1))
    paid_after(trader, 1)
    trader.strange()

    found = trader.bring_in(everything=True)

    assert found.gone == 1
    assert len(trader.externals()) == 1
    assert Deal.objects.filter(account_id=trader.pk, kind="funding").exists()


def test_funding_waits_for_the_trades_before_it(paper):
    trader = Trader(paper, LINEAR)
    trader.begin()
    bought(trader, "0.1")
    paid_after(trader, 1)

    with failing(paper, "GET /fapi/v1/userTrades"), pytest.raises(CallFailed):
        trader.bring_in()
    early = Deal.objects.filter(account_id=trader.pk, kind="funding").count()
    trader.bring_in()

    assert early == 0
    assert Deal.objects.filter(account_id=trader.pk, kind="funding").exists()


def test_an_exchange_that_says_too_fast_is_not_asked_on(paper):
    trader = Trader(paper, SPOT)
    trader.begin()
    trader.desk.send()

    with failing(paper, "GET /api/v3/openOrders", kind="storm"), pytest.raises(Throttled):
        trader.bring_in()
    asked = _times_asked(trader, "/api/v3/myTrades")
    trader.bring_in()

    assert (asked, _times_asked(trader, "/api/v3/myTrades")) == (0, 1)


def test_an_order_that_the_exchange_does_not_show_yet_is_asked_for_again(paper):
    trader = Trader(paper, SPOT)
    trader.begin()
    trader.desk.send()
    trader.bring_in()
    placed = trader.strange()
    before = _reached(trader)

    with failing(paper, "GET /api/v3/order", kind="refuse", code=-2013):
        unexplained = trader.bring_in().unexplained
    kept = _reached(trader)
    trader.bring_in()

    assert [str(one) for one in unexplained] == [f"{trader.symbol} {placed['id']}"]
    assert kept == before
    assert [order.exchange_order_id for order in trader.externals()] == [placed["id"]]


@BOTH
def test_many_pages_of_trades_become_one_order_each(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    trader.desk.send()
    for _ in range(12):
        trader.strange(qty="0.001")

    def three_a_page(symbol, method, name):
        return 3 if (method, name) == ("fetchMyTrades", "limit") else None

    session = loop.call(sessions.open_for(trader.pk), 20)
    session.feature = three_a_page
    trader.bring_in()

    assert len(trader.externals()) == 12
    assert trader.compared()["balances"] is Answer.EQUAL


def test_a_position_that_the_exchange_shows_leads_to_a_symbol_never_ordered_here(paper):
    trader = Trader(paper, LINEAR)
    trader.begin()
    trader.symbol = "ETH/USDT:USDT"

    trader.strange(qty="0.1")
    found = trader.bring_in()

    assert (found.orders, [order.symbol for order in trader.externals()]) == (1, [trader.symbol])


def test_a_liquidation_closes_our_position_and_says_why(paper):
    trader = Trader(paper, LINEAR, money="1000")
    trader.begin()
    position = bought(trader, "0.2")

    paper.control("POST", "prices", symbol="BTCUSDT", price="55200")
    paper.control("POST", "step", count=1)
    trader.bring_in()

    closed = trader.desk.fresh(position)
    assert (closed.state, closed.qty) == ("closed", D(0))
    deals = Deal.objects.filter(account_id=trader.pk, reason="liquidation")
    assert sum(deal.qty for deal in deals) == D("0.2")
    assert {(deal.entry, deal.position_id) for deal in deals} == {("out", position.pk)}
    assert RawOrder.objects.filter(client_order_id__startswith="autoclose-").exists()
    assert trader.compared()["positions"] is Answer.EQUAL


def test_funding_is_booked_as_the_exchange_paid_it_and_once(paper):
    trader = Trader(paper, LINEAR)
    trader.begin()
    bought(trader, "0.1")

    rows = paid_after(trader, 1)
    trader.bring_in()
    trader.bring_in()

    deals = Deal.objects.filter(account_id=trader.pk, kind="funding")
    assert sum(deal.profit for deal in deals) == sum(D(row["amount"]) for row in rows)
    assert {row["id"] for row in rows} == {
        json.loads(raw.raw_json)["id"] for raw in RawFunding.objects.filter(account_id=trader.pk)
    }
    assert trader.compared() == {"positions": Answer.EQUAL, "balances": Answer.EQUAL}


def test_a_login_is_tried_out_check_by_check(paper):
    trader = Trader(paper, LINEAR)

    good = connection.probe(trader.pk)
    Credentials.objects.filter(account_id=trader.pk).update(api_key="nobody's")
    bad = connection.probe(trader.pk)

    assert [check.name for check in good] == [
        "engine", "markets", "clock", "login", "permissions", "position_mode",
    ]  # fmt: skip
    assert (connection.passed(good), connection.passed(bad)) == (True, False)
    results = {check.name: check for check in bad}
    assert results["login"].facts == {"exception": "AuthenticationError", "exchange_code": "-2015"}


@BOTH
def test_the_opening_balance_is_recorded_at_the_first_connection(paper, where):
    trader = Trader(paper, where, money="4321.5")

    trader.begin()
    bought(trader, "0.01")
    trader.begin()

    row = OpeningBalance.objects.get(account_id=trader.pk, currency="USDT")
    assert (row.amount, row.is_derived) == (D("4321.5"), False)


@BOTH
def test_a_strangers_trade_from_before_the_opening_is_not_counted_twice(paper, where):
    """It is in the balance at once, and in the books with the next round only."""
    trader = Trader(paper, where)
    trader.bring_in(everything=True)

    trader.strange()
    trader.begin_at_last()
    trader.bring_in()

    assert trader.compared()["balances"] is Answer.EQUAL


def _times_asked(trader: Trader, route: str) -> int:
    rows = trader.paper.control("GET", "requests")["routes"]
    return sum(row["count"] for row in rows if (row["route"], row["login"]) == (route, trader.key))


def _reached(trader: Trader) -> datetime:
    return ImportCursor.objects.get(symbol=trader.symbol, account_id=trader.pk).reached
