"""Is what happened at the exchange brought in, once, and never mistaken for somebody else's?

Against a paper venue on a real socket: what we did not do is done there with the same login.
"""

import json
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from itertools import count
from time import monotonic, sleep

import pytest
from django.core.management import call_command
from django.db.models import Model
from django.utils import timezone

from accounts.models import Credentials
from gateway import (
    comparing,
    connection,
    cursors,
    importing,
    loop,
    markets,
    opening,
    position_mode,
    sessions,
)
from gateway.calls import Call
from gateway.comparing import Answer
from gateway.models import ImportCursor, RawFunding, RawOrder, RawTrade
from gateway.outcomes import CallFailed, Refused, Throttled
from gateway.tests.paper import Paper
from positions import ports
from positions.models import Deal, Event, Execution, OpeningBalance, Order, Position
from positions.tests.desk import Desk

D = Decimal
SPOT, LINEAR = ("ccxt.binance", "spot", "BTC/USDT"), ("ccxt.binanceusdm", "linear", "BTC/USDT:USDT")
BOTH = pytest.mark.parametrize("where", [SPOT, LINEAR], ids=["spot", "linear"])
TABLES: tuple[type[Model], ...] = (Order, Execution, Deal, Position, Event, RawOrder, RawTrade)
PAID_WITHIN_S = 30.0
_logins = count(1)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    venue = Paper(tmp_path_factory.mktemp("importing"), "--funding-s", "2", "--tick-ms", "0")
    yield venue
    venue.stop()


@pytest.fixture(autouse=True)
def _clean(paper, settings):
    settings.OMS_EXCHANGE_URLS = dict.fromkeys(("binance", "binanceusdm"), paper.url)
    settings.OMS_RECV_WINDOW_MS = 5000
    settings.CREDENTIALS_KEYS = ["a key for tests"]
    settings.EXCHANGE_IDS = "gateway.capabilities.exchange_ids"
    settings.OMS_RELAY_URL = "memory://"
    settings.OMS_LISTED_WITHIN_S = 0
    _forget()
    yield
    loop.call(sessions.close_all(), 5)
    loop.stop()
    _forget()
    paper.control("DELETE", "faults")
    paper.control("POST", "prices", symbol="BTCUSDT", price="60000")


def _forget():
    ports.exchange.cache_clear()
    ports.risk_gate.cache_clear()
    markets.forget()
    position_mode.forget()
    sessions._loaded.clear()


class Trader:
    """An account of ours, and somebody else with the same login."""

    def __init__(self, paper: Paper, where, *, money: str = "1000000", **settings) -> None:
        exchange_id, market, self.symbol = where
        self.key = f"importing-{next(_logins):04}"
        self.paper = paper
        balances = {"USDT": money, "BTC": "10"} if market == "spot" else {"USDT": money}
        paper.control("POST", "logins", api_key=self.key, secret="s", market=market,
                      balances=balances)  # fmt: skip
        self.desk = Desk(self.symbol, exchange_id=exchange_id, **settings)
        Credentials.objects.create(account=self.desk.account, api_key=self.key, secret="s")
        loop.call(markets.refresh(self.pk), 20)
        self.hurry()

    @property
    def pk(self) -> int:
        return self.desk.account.pk

    def hurry(self) -> None:
        """Ask without waiting for the limits of an exchange that has none for us."""

        async def unlimited():
            session = await sessions.open_for(self.pk)
            session.exchange.enableRateLimit = False

        loop.call(unlimited(), 20)

    def strange(self, side="buy", qty="0.01", price=None, our_id=None) -> dict:
        """An order that the OMS was not asked for."""

        async def place():
            session = await sessions.open_for(self.pk)
            kind = "market" if price is None else "limit"
            args = (self.symbol, kind, side, qty, price)
            params = {"clientOrderId": our_id or f"web{next(_logins)}"}
            return await session.create_order(Call("create_order", args, params))

        return loop.call(place(), 20)

    def bring_in(self, **options):
        return loop.call(importing.bring_in(self.pk, **options), 60)

    def begin(self) -> None:
        """The first connection: nothing was traded."""
        self.bring_in(everything=True)
        loop.call(opening.record(self.pk), 20)

    def begin_at_last(self) -> None:
        """The opening is recorded, however often that takes."""
        for _ in range(3):
            loop.call(opening.record(self.pk), 20)

    def compared(self) -> dict[str, Answer]:
        return {one.what: one.answer for one in comparing.compare(self.pk, 30)}

    def externals(self) -> list[Order]:
        return list(Order.objects.filter(account_id=self.pk, reason="external").order_by("id"))

    def rows(self) -> dict[str, int]:
        return {table.__name__: table.objects.count() for table in TABLES}


@contextmanager
def failing(paper, route, **fault):
    fault = fault or {"kind": "gateway", "status": 502}
    paper.control("POST", "faults", route=route, **fault)
    yield
    paper.control("DELETE", "faults")


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
    _bought(trader, "0.1")
    cursors.add(trader.pk, {"GONE/USDT:USDT"}, timezone.now() - timedelta(days=1))
    _paid_after(trader, 1)
    trader.strange()

    with pytest.raises(Refused):
        trader.bring_in(everything=True)

    assert len(trader.externals()) == 1
    assert Deal.objects.filter(account_id=trader.pk, kind="funding").exists()


def test_funding_waits_for_the_trades_before_it(paper):
    trader = Trader(paper, LINEAR)
    trader.begin()
    _bought(trader, "0.1")
    _paid_after(trader, 1)

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

    assert unexplained == [f"{trader.symbol} {placed['id']}"]
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
    position = _bought(trader, "0.2")

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
    _bought(trader, "0.1")

    rows = _paid_after(trader, 1)
    trader.bring_in()
    trader.bring_in()

    deals = Deal.objects.filter(account_id=trader.pk, kind="funding")
    assert sum(deal.profit for deal in deals) == sum(D(row["amount"]) for row in rows)
    assert {row["id"] for row in rows} == {
        json.loads(raw.raw_json)["id"] for raw in RawFunding.objects.filter(account_id=trader.pk)
    }
    assert trader.compared() == {"positions": Answer.EQUAL, "balances": Answer.EQUAL}


@BOTH
def test_a_trade_that_was_hidden_from_us_is_a_difference_with_both_sides(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    _bought(trader, "0.01")
    agreed = set(trader.compared().values())

    trader.strange(qty="0.02")
    found = comparing.compare(trader.pk, 30)

    assert agreed == {Answer.EQUAL}
    amounts = {each.subject: each for one in found for each in one.differences}
    if where is LINEAR:
        net = amounts[trader.symbol]
        assert (net.ours, net.venue) == (D("0.01"), D("0.03"))
    assert amounts["USDT"].ours > amounts["USDT"].venue


def test_could_not_ask_is_not_equal(paper):
    trader = Trader(paper, LINEAR)
    trader.begin()

    with failing(paper, "GET /fapi/v3/positionRisk"):
        answers = trader.compared()

    assert set(answers.values()) == {Answer.NOT_ASKED}


def test_the_command_tells_equal_different_and_not_asked_apart(paper):
    trader = Trader(paper, SPOT)
    trader.begin()

    equal = _verify(trader)
    with failing(paper, "GET /api/v3/account"):
        not_asked = _verify(trader)
    trader.strange()
    different = _verify(trader)

    assert [code for code, _ in (equal, not_asked, different)] == [0, 2, 1]
    assert "not asked" in not_asked[1]
    assert "balance of BTC: ours 10, exchange 10.00" in different[1]


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
    _bought(trader, "0.01")
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


def _verify(trader: Trader) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_ledger", "--exchange", "--account-id", str(trader.pk), stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def _times_asked(trader: Trader, route: str) -> int:
    rows = trader.paper.control("GET", "requests")["routes"]
    return sum(row["count"] for row in rows if (row["route"], row["login"]) == (route, trader.key))


def _reached(trader: Trader) -> datetime:
    return ImportCursor.objects.get(symbol=trader.symbol, account_id=trader.pk).reached


def _bought(trader: Trader, qty: str) -> Position:
    """A position of ours: sent through the exchange, booked by bringing it in."""
    order = trader.desk.send("buy", qty)
    trader.desk.claim()
    trader.strange("buy", qty, our_id=trader.desk.leg(order).client_order_id)
    trader.bring_in()
    order.refresh_from_db()
    assert order.filled_qty == D(qty)
    return order.position


def _paid_after(trader: Trader, least: int) -> list[dict]:
    """The venue's funding rows, once there are so many."""

    async def rows():
        session = await sessions.open_for(trader.pk)
        return [row async for page in session.funding_payments(None, 0) for row in page]

    until_s = monotonic() + PAID_WITHIN_S
    while monotonic() < until_s:
        trader.paper.control("POST", "step", count=1)
        if len(found := loop.call(rows(), 20)) >= least:
            return found
        sleep(0.1)
    raise AssertionError("no funding was paid")
