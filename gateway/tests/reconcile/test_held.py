"""What does a position at the exchange hold?"""

from decimal import Decimal

import pytest

from gateway.exchanges.numbers import Unreadable
from gateway.reconcile.held import held_contracts


@pytest.mark.parametrize(
    ("position", "qty", "cost"),
    [
        ({"contracts": "2", "side": "long", "notional": "210", "unrealizedPnl": "10"}, "2", "200"),
        ({"contracts": "2", "side": "short", "notional": "210", "unrealizedPnl": "-10"}, "-2",
         "-200"),
        ({"contracts": "2", "side": "short", "entryPrice": "100"}, "-2", "-200"),
        ({"contracts": "0", "side": None}, "0", "0"),
    ],
)  # fmt: skip
def test_a_position_tells_what_it_was_bought_for(position, qty, cost):
    held = held_contracts(
        {"symbol": "BTC/USDT:USDT"} | position, {"settle": "USDT", "contractSize": "1"}
    )

    assert (held.qty, held.cost, held.currency) == (Decimal(qty), Decimal(cost), "USDT")


def test_an_inverse_position_was_bought_for_coins():
    position = {"symbol": "BTC/USD:BTC", "contracts": "10", "side": "long", "entryPrice": "50000"}
    market = {"settle": "BTC", "contractSize": "100", "inverse": True}

    assert held_contracts(position, market).cost == Decimal("-0.02")


def test_a_position_without_its_side_is_no_position_of_zero():
    with pytest.raises(Unreadable):
        held_contracts({"symbol": "A", "contracts": "1"}, {"settle": "USDT"})
