"""Which rules has a market?"""

from decimal import Decimal

from gateway.exchanges.market_rules import (
    DECIMAL_PLACES,
    SIGNIFICANT_DIGITS,
    TICK_SIZE,
    market_rules,
)
from positions.engine.types import MarketKind, OrderType, TimeInForce

MARKET = {
    "symbol": "BTC/USDT:USDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "contract": True,
    "linear": True,
    "contractSize": "0.001",
    "active": None,
    "precision": {"amount": "0.01", "price": "0.5"},
    "limits": {"amount": {"min": "0.01", "max": "0"}, "cost": {"min": "5"}, "price": None},
}


def rules(precision_mode=TICK_SIZE, **values):
    return market_rules(
        MARKET | values,
        precision_mode=precision_mode,
        order_types=frozenset({OrderType.LIMIT}),
        times_in_force=frozenset({TimeInForce.GTC}),
        exchange_id="ccxt.kraken",
    )


def test_market_rules_are_exact_and_zero_is_no_limit():
    known = rules()

    assert (known.kind, known.contract_size) == (MarketKind.LINEAR, Decimal("0.001"))
    assert (known.amount_step, known.price_step) == (Decimal("0.01"), Decimal("0.5"))
    assert (known.min_amount, known.max_amount, known.min_price) == (Decimal("0.01"), None, None)
    assert known.active
    assert not known.edits_in_place


def test_steps_may_be_given_as_decimal_places_or_significant_digits():
    places = rules(DECIMAL_PLACES, precision={"amount": 3, "price": "2"})
    digits = rules(SIGNIFICANT_DIGITS, precision={"amount": 8, "price": 5})

    assert (places.amount_step, places.price_step) == (Decimal("0.001"), Decimal("0.01"))
    assert (digits.amount_step, digits.price_step) == (Decimal("0.00000001"), None)
    assert digits.price_digits == 5


def test_markets_that_we_do_not_trade_have_no_rules():
    assert rules(option=True) is None
    assert rules(linear=False, inverse=False) is None
