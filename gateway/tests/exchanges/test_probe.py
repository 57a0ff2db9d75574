"""Is the table what the installed ccxt does, and does the probe see what is there?

Ten classes are asked again, others with another ``OMS_PROBE_SEED``; ``make exchanges`` asks all.
"""

import asyncio
import os
from decimal import Decimal
from random import Random

import ccxt.async_support
import pytest

from gateway.exchanges import seen
from gateway.exchanges.probe import __main__ as probe
from gateway.exchanges.probe import document, table
from gateway.exchanges.probe.answers import Answer
from gateway.exchanges.probe.instances import SYMBOLS, build, offline
from gateway.exchanges.probe.questions import DISTANCE, OUR_ID, QTY, TRIGGER, Subject, words
from gateway.exchanges.probe.requests import Request, Sent, changed
from gateway.sending import calls
from positions.engine.types import MarketKind, OrderType, Side
from positions.models import ExchangeOrder, Order

SEED = os.environ.get("OMS_PROBE_SEED", "17")
VERSION, ROWS = table.read()
AGAIN = sorted(Random(SEED).sample(sorted(ccxt.async_support.exchanges), 10))


def test_the_table_is_of_the_installed_ccxt_and_all_its_classes():
    assert ccxt.async_support.__version__ == VERSION, "run `make exchanges` and read what changed"
    assert sorted(ROWS) == sorted(ccxt.async_support.exchanges)


def test_asked_again_the_classes_do_the_same():
    assert table.differences(ROWS, asyncio.run(probe.rows_of(AGAIN))) == []


def test_the_document_is_of_the_table():
    assert document.PATH.read_text() == document.text(VERSION, ROWS)


def test_a_difference_is_told_with_old_and_new():
    after = {"luno": ROWS["luno"] | {"spot": ROWS["luno"]["spot"] | {"IOC": "yes"}}}

    assert table.differences(ROWS, after) == ["luno.spot.IOC: 'raw' → 'yes'"]


@pytest.mark.parametrize(
    ("name", "kind", "column", "told"),
    [
        # Read in ccxt's sources by hand: what the way of such an order does not read.
        ("bitfinex", "spot", "stop", "raw"),
        ("deepcoin", "linear", "stop", "raw"),
        ("xt", "linear", "stop", "raw"),
        ("btse", "linear", "trailing_percent", "raw"),
        # It looks for 'ioc'; the other forgets what it has looked for.
        ("krakenfutures", "linear", "IOC", "no"),
        ("blofin", "linear", "FOK", "no"),
        # reduceOnly = True with every stopLossPrice.
        ("krakenfutures", "linear", "stop", "reduces"),
        ("kucoinfutures", "linear", "stop", "reduces"),
        # Their own id is made up, or ours is left out.
        ("coinbase", "spot", "client_id", "dropped"),
        ("cryptocom", "linear", "client_id", "dropped"),
        ("gate", "spot", "client_id", "prefixed: t-"),
        ("kraken", "spot", "client_id", "kept"),
        ("kraken", "spot", "read_back", "cl_ord_id"),
        ("bybit", "linear", "read_back", "orderLinkId"),
        ("deribit", "linear", "read_back", None),
        # 'orderId': id goes with clientOrderId, whatever id is.
        ("bingx", "linear", "find", "empty"),
        ("binance", "spot", "find", "yes"),
        ("bybit", "spot", "find", "NotSupported"),
        ("okx", "linear", "cancel", "yes"),
        # counter_volume and total are money.
        ("luno", "spot", "market_buy", "cost: counter_volume"),
        ("coinmate", "spot", "market_buy", "cost: total"),
        ("coincheck", "spot", "market_buy", "no quantity"),
        ("htx", "spot", "market_buy", "InvalidOrder"),
        ("hyperliquid", "linear", "market", "ArgumentsRequired"),
    ],
)
def test_what_is_known_by_hand_is_seen(name, kind, column, told):
    assert ROWS[name][kind][column] == told


@pytest.mark.parametrize(
    ("name", "kind", "symbol"),
    [("htx", "spot", False), ("lbank", "spot", False), ("bitso", "spot", False),
     ("mexc", "linear", False), ("binance", "spot", True), ("okx", "linear", True)],
)  # fmt: skip
def test_who_leaves_the_symbol_out_of_an_answer_with_an_id_only(name, kind, symbol):
    assert ROWS[name][kind]["answer"]["symbol"] is symbol


def test_logins_are_those_of_the_classes():
    assert seen.login_fields("ccxt.hyperliquid") == ("privateKey", "walletAddress")
    assert seen.login_fields("ccxtpro.kraken") == ("apiKey", "secret")


def test_a_class_that_was_never_asked_does_plain_orders_and_nothing_else():
    known = seen.of("ccxt.nosuchexchange", MarketKind.SPOT)

    assert known == seen.Seen()
    assert known.order_types == {OrderType.LIMIT, OrderType.MARKET}
    assert not known.carries_client_id


@pytest.mark.parametrize(
    ("symbol", "is_spot", "kind"),
    [("BTC/USDT", True, "spot"), ("BTC/USDT:USDT", False, "linear"),
     ("BTC/USD:BTC", False, "inverse"), ("BTC/USD:BTC-261225", False, "inverse"),
     ("BTC/EUR", False, "linear")],
)  # fmt: skip
def test_a_symbol_tells_which_kind_of_market_it_is(symbol, is_spot, kind):
    assert seen.kind_of(symbol, is_spot=is_spot) == kind


def test_where_nothing_can_be_sent_nothing_is_believed():
    assert seen.of("htx", MarketKind.LINEAR).carries_client_id
    assert not seen.of("htx", MarketKind.INVERSE).carries_client_id


@pytest.mark.parametrize("name", ["kraken", "bybit"])
def test_the_classes_are_asked_in_the_words_in_which_orders_are_sent(name):
    kind = MarketKind.LINEAR if name == "bybit" else MarketKind.SPOT
    order = Order(symbol=SYMBOLS[kind], side=Side.SELL, order_type=OrderType.STOP, params={})
    leg = ExchangeOrder(client_order_id=OUR_ID, qty=Decimal(QTY), trigger_price=Decimal(TRIGGER))

    call = calls.create(order, leg, exchange_id=name, is_spot=kind is MarketKind.SPOT)

    _, params = words(name, "stop", "sell")
    assert call.args == (SYMBOLS[kind], "market", "sell", QTY, None)
    assert call.params == {"clientOrderId": OUR_ID} | params


def test_the_probe_never_opens_a_connection():
    one = Subject("okx", MarketKind.SPOT)

    sent = asyncio.run(one.create("limit buy"))

    assert [request.path for request in sent.requests] == ["private/trade/batch-orders"]
    assert one.exchange.session is None


def test_an_answer_tells_under_which_name_a_field_was_found():
    exchange, answer = build("kraken", MarketKind.SPOT), Answer()

    assert answer.name_of(exchange.safe_string(answer, "cl_ord_id")) == "cl_ord_id"
    assert answer.name_of(exchange.safe_string_2(answer, "missing_error", "b")) == "b"
    assert exchange.safe_string(Answer(only=["id"]), "status", "none") == "none"
    assert exchange.safe_number(answer, "price") is None
    assert exchange.safe_string({"a": "1"}, "a") == "1"
    assert answer.name_of(answer["a"]["b"]) == "b"
    assert offline("kraken") is type(exchange)


def test_a_parameter_is_seen_by_what_it_changes():
    plain = Sent((Request("POST", "p/order", {"qty": "0.123"}),), frozenset())
    with_it = Sent((Request("POST", "p/order", {"qty": "0.123", "px": 4170000}),), frozenset())

    assert changed(plain, with_it) == {"0.px": "4170000"}
    assert with_it.has_digits(DISTANCE)
    assert not plain.has_digits(DISTANCE)
    assert Request("GET", "p/order", {"orderId": "", "c": "1"}).has_empty_id
    assert Request("GET", "p/order/{which}", {"which": ""}).has_empty_id
    assert not Request("GET", "p/order", {"orderId": "7", "note": ""}).has_empty_id
