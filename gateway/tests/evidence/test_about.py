"""Whose is an answer that leaves something out, or names somebody else?"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.evidence import normalize
from gateway.evidence.about import About
from positions.engine.types import Side

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SENT = About("BTC/USDT", "buy", "aB3", is_answer=True)
ASKED = About("BTC/USDT", "buy", "aB3")
FILL = {"id": "9", "amount": "0.1", "price": "100", "side": "sell", "symbol": "ETH/USDT"}
STRANGE = {"id": 7, "symbol": "ETH/USDT", "side": "sell", "clientOrderId": "other",
           "status": "open", "amount": "1", "filled": "0.1", "trades": [FILL]}  # fmt: skip


def read(about: About, order: dict) -> normalize.Reading:
    orders = [about.completed(order)]
    return normalize.reports(exchange_id="ccxt.binance", observed_at=NOW, orders=orders)


@pytest.mark.parametrize("about", [SENT, ASKED])
def test_an_id_and_nothing_else_is_the_orders(about):
    (report,) = read(about, {"id": "7"}).reports.orders

    assert (report.symbol, report.side, report.client_order_id) == ("BTC/USDT", Side.BUY, "aB3")
    assert (report.exchange_order_id, report.status) == ("7", None)


def test_the_answer_to_our_own_call_is_our_order_whatever_it_names():
    reading = read(SENT, STRANGE)
    (report,), (trade,) = reading.reports.orders, reading.reports.trades

    assert (report.symbol, report.side, report.client_order_id) == ("BTC/USDT", Side.BUY, "aB3")
    assert (trade.symbol, trade.side, trade.exchange_order_id) == ("BTC/USDT", Side.BUY, "7")
    assert (trade.client_order_id, trade.qty) == ("aB3", Decimal("0.1"))


def test_a_look_up_that_shows_another_order_is_not_believed():
    (report,) = read(ASKED, STRANGE).reports.orders

    assert (report.symbol, report.client_order_id) == ("ETH/USDT", "other")


@pytest.mark.parametrize("broken", [{"amount": "NaN"}, {"filled": "-"}, {"price": "1e-30"}])
def test_an_answer_that_cannot_be_read_but_for_its_id_is_our_orders(broken):
    answer = {"id": "7", "status": "closed", "type": "limit", "info": {}} | broken
    orders = [SENT.legible(answer, "ccxt.binance")]

    reading = normalize.reports(exchange_id="ccxt.binance", observed_at=NOW, orders=orders)

    (report,) = reading.reports.orders
    assert (report.exchange_order_id, report.client_order_id) == ("7", "aB3")
    assert (report.symbol, report.status, report.qty) == ("BTC/USDT", None, None)
    assert reading.unreadable == ()


def test_a_look_up_that_cannot_be_read_is_set_apart():
    orders = [ASKED.legible({"id": "7", "amount": "NaN"}, "ccxt.binance")]

    reading = normalize.reports(exchange_id="ccxt.binance", observed_at=NOW, orders=orders)

    assert reading.reports.orders == ()
    assert len(reading.unreadable) == 1
