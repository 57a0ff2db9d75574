"""What does an order in ccxt's words say as a command? No network, no OMS."""

import ccxt
import pytest

from ccxt_driver import OmsCcxtExchange
from ccxt_driver.orders import payload
from ccxt_driver.words import snake

SYMBOL = "BTC/USDT"


@pytest.fixture
def exchange():
    made = OmsCcxtExchange(account_id=1, exchange_id="binance", api_key="cxp_a_b")
    market = {
        "id": "BTCUSDT", "symbol": SYMBOL, "base": "BTC", "quote": "USDT", "active": True,
        "type": "spot", "spot": True,
        "precision": {"amount": 0.00001, "price": 0.01}, "limits": {},
    }  # fmt: skip
    made.set_markets([market])
    return made


def said(exchange, kind="limit", side="buy", amount=1, price=None, **params):
    return payload(exchange, SYMBOL, kind, side, amount, price, params)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kind": "market", "amount": 0.123456789}, {"order_type": "market", "qty": "0.12345"}),
        ({"price": 100.005, "amount": "2"}, {"order_type": "limit", "price": "100.01"}),
        ({"kind": "LIMIT_MAKER", "price": 1}, {"order_type": "limit", "post_only": True}),
        ({"price": 1, "timeInForce": "gtx"}, {"post_only": True}),
        ({"price": 1, "timeInForce": "ioc"}, {"time_in_force": "IOC"}),
        ({"kind": "stop_loss_limit", "price": 1, "stopPrice": 2},
         {"order_type": "stop_limit", "trigger_price": "2"}),
        ({"kind": "stop_market", "stopPrice": 2}, {"order_type": "stop"}),
        ({"kind": "TAKE_PROFIT", "price": 3, "stopPrice": 2}, {"order_type": "take_profit_limit"}),
        ({"kind": "market", "takeProfitPrice": 2}, {"order_type": "take_profit"}),
        ({"kind": "market", "trailingPercent": 1.5},
         {"order_type": "trailing_stop", "trailing_percent": "1.5"}),
        ({"kind": "trailing_stop_market", "callbackRate": 1}, {"order_type": "trailing_stop"}),
        ({"kind": "market", "stopLoss": {"triggerPrice": 9}, "takeProfit": {"triggerPrice": 12}},
         {"order_type": "market", "stop_loss": "9", "stop_gain": "12"}),
        ({"kind": "market", "stop_loss": 9, "strategy_id": 4, "position_id": 7},
         {"stop_loss": "9", "strategy_id": 4, "position_id": 7}),
        ({"kind": "market", "reduceOnly": True, "clientOrderId": "a"},
         {"reduce_only": True, "client_order_id": "a"}),
        ({"kind": "market", "workingType": "MARK"}, {"params": {"workingType": "MARK"}}),
    ],
)  # fmt: skip
def test_an_order_becomes_the_command_that_it_means(exchange, given, expected):
    found = said(exchange, **given)

    assert {name: found[name] for name in expected} == expected
    assert not set(found) - set(expected) - {"symbol", "side", "qty", "price", "trigger_price",
                                             "order_type", "trailing_percent"}  # fmt: skip


@pytest.mark.parametrize(
    ("exception", "given"),
    [
        (ccxt.InvalidOrder, {}),
        (ccxt.InvalidOrder, {"kind": "guess"}),
        (ccxt.InvalidOrder, {"kind": "market", "amount": 0.000000001}),
        (ccxt.InvalidOrder, {"kind": "market", "stopLossPrice": 1, "takeProfitPrice": 2}),
        (ccxt.ArgumentsRequired, {"kind": "stop_market"}),
        (ccxt.ArgumentsRequired, {"kind": "market", "amount": None}),
        (ccxt.NotSupported, {"kind": "market", "cost": 10}),
        (ccxt.NotSupported, {"kind": "market", "hedged": True}),
        (ccxt.NotSupported, {"kind": "market", "positionSide": "LONG"}),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(exchange, exception, given):
    with pytest.raises(exception):
        said(exchange, **given)


@pytest.mark.parametrize("name", ["fetchOHLCV", "fetchL2OrderBook", "createOrder", "fetchMyTrades"])
def test_names_are_spelt_as_ccxt_spells_them(exchange, name):
    assert getattr(type(exchange), snake(name)) is not None
    assert getattr(ccxt.Exchange, snake(name)) is not None


def test_an_account_is_needed():
    with pytest.raises(ccxt.ArgumentsRequired, match="account_id"):
        OmsCcxtExchange({"apiKey": "cxp_a_b"})


def test_the_environment_says_what_the_constructor_does_not(monkeypatch):
    monkeypatch.setenv("CCXT_OMS_ACCOUNT_ID", "5")
    monkeypatch.setenv("CCXT_OMS_STRATEGY_ID", "6")
    monkeypatch.setenv("CCXT_OMS_BASE_URL", "http://there/")

    found = OmsCcxtExchange({"options": {"exchange_id": "kraken", "account_id": 2}})

    assert (found.id, found.oms.account_id, found.oms.strategy_id) == ("kraken", 2, 6)
    assert found.oms.base_url == "http://there"
