"""Which rule a refusal speaks of, and why an exchange ended an order by itself."""

from datetime import UTC, datetime

import pytest
from ccxt.base import errors

from gateway.evidence import normalize
from gateway.exchanges import capabilities
from gateway.sessions.outcomes import classify
from gateway.sessions.wire import Wire
from gateway.words import Ask, Verdict

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FAILURE = "Filter failure: "


def refused(exchange_id, exception=errors.InvalidOrder, code=None, body=""):
    wire = Wire(exchange_id=exchange_id, ask=Ask.CREATE, sent=True, judged=True, status=400)
    wire.code, wire.body = code, body
    return classify(exception("secret text"), wire)


@pytest.mark.parametrize(
    ("exchange_id", "code", "body", "named"),
    [
        ("ccxt.binance", "-1013", FAILURE + "LOT_SIZE", "step"),
        ("ccxt.binance", "-1013", FAILURE + "MARKET_LOT_SIZE", "quantity"),
        ("ccxt.binance", "-1013", FAILURE + "PRICE_FILTER", "tick"),
        ("ccxt.binance", "-1013", FAILURE + "NOTIONAL", "value"),
        ("ccxt.binance", "-1013", "Market is closed.", "status"),
        ("ccxt.binanceusdm", "-4164", "", "value"),
        ("ccxt.binanceusdm", "-4014", "", "tick"),
        ("ccxt.bybit", "170137", "", "step"),
        ("ccxt.okx", "51121", "", "step"),
        ("ccxt.kraken", "EOrder:Order minimum not met", "EOrder:Order minimum not met", "quantity"),
    ],
)
def test_an_exchanges_own_words_name_the_rule(exchange_id, code, body, named):
    found = refused(exchange_id, code=code, body=body)

    assert (found.verdict, found.filter) == (Verdict.REFUSED, named)
    assert found.error().details["filter"] == named


def test_where_its_words_are_known_another_no_is_about_no_rule():
    found = refused("ccxt.binanceusdm", code="-2022", body="ReduceOnly Order is rejected.")

    assert found.filter is None
    assert "filter" not in found.error().details


@pytest.mark.parametrize(
    ("exception", "named"),
    [
        (errors.InvalidOrder, "unnamed"),
        (errors.BadSymbol, "status"),
        (errors.MarketClosed, "status"),
        (errors.InsufficientFunds, None),
    ],
)
def test_of_an_exchange_that_is_not_known_so_well_the_class_tells(exception, named):
    assert refused("ccxt.bitstamp", exception).filter == named


def test_what_never_reached_the_exchange_tells_nothing_of_its_rules():
    wire = Wire(exchange_id="ccxt.bitstamp", ask=Ask.CREATE)

    assert classify(errors.InvalidOrder("ours"), wire).filter is None


@pytest.mark.parametrize(
    ("exchange_id", "info", "why"),
    [
        ("ccxt.binance", {"status": "EXPIRED_IN_MATCH"}, "self-trade prevention"),
        ("ccxtpro.binance", {"x": "TRADE_PREVENTION", "X": "EXPIRED"}, "self-trade prevention"),
        ("ccxtpro.binanceusdm", {"X": "EXPIRED", "er": "5"}, "liquidation"),
        ("ccxtpro.binanceusdm", {"X": "EXPIRED", "er": "7"}, "the end of the market"),
        ("ccxtpro.binanceusdm", {"X": "EXPIRED", "er": "2"}, ""),
        ("ccxt.bybit", {"cancelType": "CancelBySmp"}, "self-trade prevention"),
        ("ccxt.okx", {"cancelSource": "6"}, "auto-deleveraging"),
        ("ccxt.gate", {"finish_as": "reduce_only"}, "its reduce-only rule"),
        ("ccxt.gate", {"finish_as": "cancelled"}, ""),
        ("ccxt.kraken", {"status": "EXPIRED_IN_MATCH"}, ""),
        ("ccxt.binance", None, ""),
    ],
)
def test_why_it_ended_an_order_is_read_from_its_own_field(exchange_id, info, why):
    order = {"id": "1", "symbol": "BTC/USDT", "status": "expired", "info": info}

    (report,) = normalize.reports(
        exchange_id=exchange_id, observed_at=NOW, orders=[order]
    ).reports.orders

    assert report.ended_by == why


def test_every_exchange_has_its_own_tables():
    told = {name for name, facts in capabilities.FACTS.items() if facts.endings}

    assert {"binance", "binanceusdm", "bybit", "okx", "gate"} <= told
