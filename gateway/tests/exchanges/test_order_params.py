"""Can an order be moved out of its account's wallet, by any name of any exchange?"""

import asyncio
from decimal import Decimal

import pytest

from gateway.clients.functions import FUNCTIONS, Kind
from gateway.exchanges import capabilities, order_params
from gateway.sessions.call import Call
from gateway.sessions.outcomes import Refused
from gateway.tests.venue import session, venue
from oms_project.errors import Invalid

WALLETS = {
    "marginMode": "cross", "margin": True, "type": "margin", "defaultType": "swap",
    "portfolioMargin": True, "papi": True, "sideEffectType": "MARGIN_BUY", "isIsolated": "TRUE",
    "autoRepayAtCancel": True, "tdMode": "cross", "leverage": "3", "account": "margin",
    "accountType": "UNIFIED", "subAccountId": "7", "isLeverage": 1, "tradeType": "MARGIN_TRADE",
}  # fmt: skip


@pytest.mark.parametrize("name", WALLETS)
def test_no_exchange_takes_a_parameter_that_chooses_the_wallet(name):
    for exchange_id in ("ccxt.kraken", *(f"ccxt.{one}" for one in order_params.ORDER_PARAMS)):
        with pytest.raises(Invalid) as refusal:
            order_params.check(exchange_id, {name: WALLETS[name]})

        facts = refusal.value.details
        assert (facts["field"], facts["value"]) == (f"params.{name}", WALLETS[name])


@pytest.mark.parametrize(
    ("exchange_id", "params"),
    [
        ("ccxt.binance", {"icebergAmount": "0.5", "selfTradePreventionMode": "EXPIRE_MAKER"}),
        ("ccxtpro.binanceusdm", {"workingType": "MARK_PRICE", "priceProtect": True}),
        ("ccxt.bybit", {"triggerBy": "MarkPrice", "trailingTriggerPrice": Decimal(9)}),
        ("ccxt.kraken", {}),
    ],
)
def test_what_an_exchange_is_known_to_take_passes(exchange_id, params):
    order_params.check(exchange_id, params)


@pytest.mark.parametrize(
    ("exchange_id", "params", "limit"),
    [
        ("ccxt.binance", {"workingType": "cross"}, ["MARK_PRICE", "CONTRACT_PRICE"]),
        ("ccxt.binance", {"icebergAmount": "-1"}, "a number above zero"),
        ("ccxt.binance", {"icebergAmount": True}, "a number above zero"),
        ("ccxt.binance", {"priceProtect": "yes"}, "true or false"),
        ("ccxt.binance", {"priceProtect": {"urls": {}}}, "a string, a number, true or false"),
        ("ccxt.bybit", {"workingType": "MARK_PRICE"}, ["trailingTriggerPrice", "triggerBy"]),
        ("ccxt.kraken", {"trailingTriggerPrice": "9"}, []),
    ],
)
def test_another_value_or_another_exchanges_name_is_refused(exchange_id, params, limit):
    (field,) = params

    with pytest.raises(Invalid) as refusal:
        order_params.check(exchange_id, params)

    assert refusal.value.details["field"] == f"params.{field}"
    assert refusal.value.details["limit"] == limit


def test_the_table_is_about_exchanges_that_exist():
    ids = {f"ccxt.{one}" for one in order_params.ORDER_PARAMS}

    assert ids <= capabilities.exchange_ids()


def test_no_order_function_of_a_client_has_a_word_for_a_wallet():
    orders = [one for one in FUNCTIONS.values() if one.kind is Kind.TRADE]

    assert orders
    assert [one.name for one in orders if {*one.params} & {*WALLETS}] == []


@pytest.mark.parametrize("params", [{"marginMode": "cross"}, {"portfolioMargin": True}])
def test_an_order_that_ccxt_would_send_elsewhere_never_leaves(params):
    """Whatever got past the table: the last look is at the address."""
    args = ("BTC/USDT", "limit", "buy", "0.001", "20000")

    async def send() -> list[str]:
        async with venue() as here, session("ccxt.binance") as talk:
            with pytest.raises(Refused):
                await talk.create_order(
                    Call("create_order", args, {"clientOrderId": "aB3"} | params)
                )
            return [path for method, path, _ in here.seen if method != "GET"]

    assert asyncio.run(send()) == []
