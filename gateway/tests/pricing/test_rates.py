"""What was a fee in a third currency worth?"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from gateway.pricing.rates import Priced, Rates, _paid_in_third

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
D = Decimal


def fill(symbol="ETH/USDT", **facts):
    return {"symbol": symbol, "timestamp": 1_769_860_800_000} | facts


@pytest.mark.parametrize(
    ("trade", "pairs"),
    [
        (fill(fee={"currency": "BNB", "cost": "0.1"}), [("BNB", "USDT")]),
        (fill(fees=[{"currency": "BNB", "cost": "0.1"}]), [("BNB", "USDT")]),
        (fill("ETH/BTC", fee={"currency": "USDT", "cost": "1"}), [("USDT", "BTC")]),
        (fill("ETH/USDT:USDT", fee={"currency": "BNB", "cost": "1"}), [("BNB", "USDT")]),
        (fill("BTC/USD:BTC-260327", fee={"currency": "BTC", "cost": "1"}), []),
        (fill(fee={"currency": "ETH", "cost": "1"}), []),
        (fill(fee={"currency": "USDT", "cost": "1"}), []),
        (fill(fee={"currency": "BNB", "cost": "0.00"}), []),
        (fill(fee={"currency": None, "cost": None}), []),
    ],
)
def test_only_a_fee_in_none_of_its_markets_currencies_needs_a_rate(trade, pairs):
    assert [paid.pair for paid in _paid_in_third([], [trade])] == pairs


def test_a_fill_inside_an_order_has_the_orders_symbol():
    inside = {"timestamp": None, "fee": {"currency": "BNB", "cost": "0.1"}}

    (paid,) = _paid_in_third([{"symbol": "ETH/USDT", "trades": [inside]}], [])

    assert paid.pair == ("BNB", "USDT")


def test_the_price_nearest_to_the_fill_counts_and_only_within_a_minute():
    prices = [Priced(D(600), NOON, False), Priced(D(620), NOON + timedelta(seconds=50), False)]
    rates = Rates({("BNB", "USDT"): prices})

    assert rates.of("BNB", "USDT", NOON + timedelta(seconds=10)) == 600
    assert rates.of("BNB", "USDT", NOON + timedelta(seconds=40)) == 620
    assert rates.of("BNB", "USDT", NOON + timedelta(seconds=111)) is None
    assert rates.of("BNB", "USDC", NOON) is None


def test_a_market_the_other_way_round_values_it_too():
    rates = Rates({("USDT", "BTC"): [Priced(D(50000), NOON, True)]})

    assert rates.of("USDT", "BTC", NOON) == D("0.00002")
