"""What did the exchange say, in our words?"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.evidence import normalize
from positions.engine.types import OrderStatus, Side

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ORDER = {
    "id": "7",
    "clientOrderId": "aB3",
    "symbol": "BTC/USDT",
    "side": "buy",
    "type": "limit",
    "status": "open",
    "amount": "0.5",
    "filled": "0",
    "price": "20000",
    "timestamp": 1767312000123,
    "info": {},
}
TRADE = {
    "id": "9",
    "order": "7",
    "symbol": "BTC/USDT",
    "side": "buy",
    "amount": "0.1",
    "price": "20000.123456789012345678",
    "timestamp": 1767312000123,
    "fee": {"cost": "0.0001", "currency": "BTC"},
    "info": {},
}


def read(orders=(), trades=(), exchange_id="ccxt.binance"):
    return normalize.reports(
        exchange_id=exchange_id,
        observed_at=NOW,
        orders=orders,
        trades=trades,
    )


@pytest.mark.parametrize(
    ("said", "amount", "filled", "wanted"),
    [
        ("open", "1", "0", OrderStatus.SUBMITTED),
        ("open", "1", None, OrderStatus.SUBMITTED),
        ("open", "1", "0.4", OrderStatus.PARTIALLY_FILLED),
        ("closed", "1", "1", OrderStatus.FILLED),
        ("closed", "1", "0.4", OrderStatus.CANCELED),
        ("closed", None, None, OrderStatus.FILLED),
        ("canceled", "1", "0.4", OrderStatus.CANCELED),
        ("canceled", "1", "1", OrderStatus.FILLED),
        ("expired", "1", "0.4", OrderStatus.EXPIRED),
        ("rejected", "1", "0", OrderStatus.REJECTED),
        ("canceling", "1", "0", None),
        (None, None, None, None),
        ("something new", "1", "0", None),
    ],
)
def test_states(said, amount, filled, wanted):
    order = ORDER | {"status": said, "amount": amount, "filled": filled}

    assert read([order]).reports.orders[0].status is wanted


def test_numbers_keep_every_digit_and_times_every_millisecond():
    trade = read(trades=[TRADE]).reports.trades[0]

    assert trade.price == Decimal("20000.123456789012345678")
    assert trade.executed_at == datetime(2026, 1, 2, 0, 0, 0, 123000, tzinfo=UTC)


def test_one_unreadable_row_does_not_stop_the_others():
    reading = read([ORDER | {"amount": "NaN"}, ORDER], [TRADE | {"side": "?"}, TRADE])

    assert len(reading.reports.orders) == len(reading.reports.trades) == 1
    assert reading.unreadable == (
        "order 7: amount is not a number that can be kept",
        "trade 9: side, amount or price is missing",
    )


def test_an_answer_with_ids_only_says_nothing_more():
    report = read([{"id": "7", "symbol": "BTC/USDT", "info": {}}]).reports.orders[0]

    assert (report.status, report.qty, report.filled_qty, report.side) == (None, None, None, None)


def test_the_price_of_a_market_order_is_not_its_price():
    assert read([ORDER | {"type": "market"}]).reports.orders[0].price is None


def test_fills_inside_an_order_are_read_with_what_the_order_knows():
    fill = TRADE | {"order": None, "side": None, "timestamp": None, "symbol": None}
    order = ORDER | {"trades": [fill], "lastTradeTimestamp": 1767312000999}

    trade = read([order]).reports.trades[0]

    assert (trade.exchange_order_id, trade.client_order_id, trade.side) == ("7", "aB3", Side.BUY)
    assert trade.executed_at.microsecond == 999000


def test_a_fill_that_an_order_only_names_is_left_for_the_list_of_trades():
    reading = read([ORDER | {"trades": [{"id": "9", "amount": None, "price": None}]}])

    assert reading.reports.trades == ()
    assert reading.unreadable == ()


def test_the_same_fill_in_order_and_list_is_one_trade():
    trades = read([ORDER | {"trades": [TRADE | {"fee": None}]}], [TRADE]).reports.trades

    assert len(trades) == 1
    assert (trades[0].fee, trades[0].client_order_id) == (Decimal("0.0001"), "aB3")


def test_a_self_trade_is_two_trades_with_one_id():
    assert len(read(trades=[TRADE, TRADE | {"order": "8", "side": "sell"}]).reports.trades) == 2


@pytest.mark.parametrize(
    ("fee", "fees", "wanted"),
    [
        (None, None, []),
        ({"cost": None, "currency": None}, [], []),
        ({"cost": "0.1", "currency": "BNB"}, [], [(Decimal("0.1"), "BNB")]),
        ({"cost": "-0.1", "currency": "USDT"}, [], [(Decimal("-0.1"), "USDT")]),
        ({"cost": "0", "currency": "USDT"}, [], [(Decimal(0), "USDT")]),
        ({"cost": "1", "currency": None}, [], [(Decimal(1), None)]),
        (None, [{"cost": "0", "currency": "USDT"}, {"cost": "2", "currency": "BTC"}],
         [(Decimal(2), "BTC")]),
        ({"cost": "2", "currency": "BTC"}, [{"cost": "2", "currency": "BTC"}],
         [(Decimal(2), "BTC")]),
        (None, [{"cost": "1", "currency": "BNB"}, {"cost": "2", "currency": "BTC"},
                {"cost": "3", "currency": "BNB"}], [(Decimal(4), "BNB"), (Decimal(2), "BTC")]),
    ],
)  # fmt: skip
def test_fees(fee, fees, wanted):
    assert normalize.fees_of({"fee": fee, "fees": fees}) == wanted


def test_the_answer_to_a_cancel_is_linked_by_the_orders_own_id():
    """Binance names the cancel's id there; ours is in origClientOrderId."""
    answer = ORDER | {"clientOrderId": "xyz", "info": {"origClientOrderId": "aB3"}}

    assert read([answer]).reports.orders[0].client_order_id == "aB3"


def test_gates_prefix_is_not_part_of_our_id():
    answer = ORDER | {"clientOrderId": "t-aB3"}

    assert read([answer], exchange_id="ccxt.gate").reports.orders[0].client_order_id == "aB3"


TRIGGER = ORDER | {
    "id": "2000000001",
    "symbol": "BTC/USDT:USDT",
    "type": "market",
    "info": {"algoId": 2000000001, "actualOrderId": ""},
}


@pytest.mark.parametrize(
    ("word", "placed", "status", "filled"),
    [
        ("open", "", OrderStatus.SUBMITTED, 0),
        ("canceled", "", OrderStatus.CANCELED, 0),
        ("expired", "", OrderStatus.EXPIRED, 0),
        ("rejected", "", OrderStatus.REJECTED, 0),
        ("closed", "", OrderStatus.SUBMITTED, None),
        ("closed", "77", OrderStatus.SUBMITTED, None),
        (None, None, None, None),
    ],
)
def test_a_trigger_kept_apart_is_alive_until_what_it_placed_has_ended(word, placed, status, filled):
    """ccxt calls a triggered one closed with nothing filled, which elsewhere is a cancel."""
    told = TRIGGER | {"status": word, "info": {"algoId": 2000000001, "actualOrderId": placed}}

    (report,) = read([told], exchange_id="ccxt.binanceusdm").reports.orders

    assert (report.conditional_order_id, report.exchange_order_id) == ("2000000001", placed or None)
    assert (report.status, report.filled_qty) == (status, filled)


def test_a_stream_names_a_trigger_in_its_own_words():
    told = TRIGGER | {"status": "closed", "filled": None, "info": {"aid": 2000000001, "ai": "77"}}

    (report,) = read([told], exchange_id="ccxtpro.binanceusdm").reports.orders

    assert (report.conditional_order_id, report.exchange_order_id) == ("2000000001", "77")


@pytest.mark.parametrize("exchange_id", ["ccxt.binanceusdm", "ccxt.kraken"])
def test_an_order_of_its_own_id_is_no_trigger(exchange_id):
    """kraken knows none of these words, whatever its answer holds."""
    info = {"algoId": "5"} if exchange_id == "ccxt.binanceusdm" else TRIGGER["info"]

    (report,) = read([TRIGGER | {"info": info}], exchange_id=exchange_id).reports.orders

    assert (report.conditional_order_id, report.exchange_order_id) == (None, "2000000001")


FUNDING = {"id": "77", "symbol": "BTC/USDT:USDT", "code": "USDT", "timestamp": 1767312000000,
           "amount": "-0.60000000"}  # fmt: skip


def test_a_funding_payment_is_positive_when_received():
    paid = normalize.funding_report(FUNDING)

    assert (paid.amount, paid.currency) == (Decimal("-0.6"), "USDT")
    assert (paid.symbol, paid.exchange_funding_id) == ("BTC/USDT:USDT", "77")


@pytest.mark.parametrize("missing", ["id", "symbol", "code", "timestamp", "amount"])
def test_a_funding_payment_that_lacks_something_is_set_apart(missing):
    reading = normalize.reports(
        exchange_id="ccxt.binanceusdm",
        observed_at=datetime.now(UTC),
        fundings=[FUNDING | {missing: None}, FUNDING],
    )

    assert len(reading.unreadable) == 1
    assert len(reading.reports.fundings) == 1


@pytest.mark.parametrize(
    ("client_id", "why"),
    [("autoclose-17", "liquidation"), ("adl_autoclose", "adl"), ("web_autoclose-", None)],
)
def test_a_trade_is_forced_where_its_order_says_so(client_id, why):
    symbol = "BTC/USDT:USDT"
    order = {"id": "1", "symbol": symbol, "clientOrderId": client_id, "side": "sell", "amount": "1"}
    trade = {"id": "9", "order": "1", "symbol": symbol, "side": "sell", "amount": "1", "price": "5"}

    reading = normalize.reports(
        exchange_id="ccxt.binanceusdm",
        observed_at=datetime.now(UTC),
        orders=[order],
        trades=[trade],
    )

    assert reading.reports.trades[0].forced == why


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"type": "market"}, "market"),
        ({"type": "limit"}, "limit"),
        ({"type": "limit", "triggerPrice": "5"}, "stop_limit"),
        ({"type": "market", "triggerPrice": "5"}, "stop"),
        ({"type": "market", "triggerPrice": "5", "takeProfitPrice": "5"}, "take_profit"),
        ({"type": "twap"}, None),
    ],
)
def test_the_type_of_an_order_that_is_not_ours_is_told(facts, kind):
    order = {"id": "1", "symbol": "BTC/USDT", "side": "sell", "amount": "1"} | facts

    assert normalize.order_report(order, exchange_id="ccxt.binance").order_type == kind
