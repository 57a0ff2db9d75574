"""What is known about exchanges?"""

import ccxt.async_support
import ccxt.pro
import pytest

from gateway.exchanges import capabilities, codes, offers
from gateway.words import Verdict
from positions.engine.types import MarketKind, OrderType, TimeInForce, Trailing


def test_every_exchange_of_the_installed_ccxt_is_offered():
    wanted = {f"ccxt.{one}" for one in ccxt.async_support.exchanges}
    wanted |= {f"ccxtpro.{one}" for one in ccxt.pro.exchanges}

    assert capabilities.exchange_ids() == wanted


def test_facts_are_about_exchanges_that_exist():
    assert set(capabilities.FACTS) <= set(ccxt.async_support.exchanges)


def test_both_engines_of_an_exchange_share_its_facts():
    assert capabilities.facts("ccxt.gate") is capabilities.facts("ccxtpro.gate")
    assert capabilities.is_streaming("ccxtpro.gate")
    assert not capabilities.is_streaming("ccxt.gate")


def test_an_unknown_exchange_gets_the_careful_defaults():
    known = capabilities.facts("ccxt.zebpay")

    assert not known.edits_in_place
    assert not known.throttle_is_proof
    assert not capabilities.edits_in_place("ccxt.zebpay", MarketKind.LINEAR)


def test_ccxt_never_repeats_a_request_by_itself():
    assert capabilities.options("ccxt.kraken")["maxRetriesOnFailure"] == 0


@pytest.mark.parametrize(
    ("exchange_id", "default_type", "types"),
    [
        ("ccxt.binance", "", ["spot"]),
        ("ccxt.binance", "swap", ["linear"]),
        ("ccxt.binanceusdm", "", ["linear"]),
    ],
)
def test_only_the_account_s_own_markets_are_loaded(exchange_id, default_type, types):
    chosen = capabilities.options(exchange_id, default_type=default_type)

    assert chosen["fetchMarkets"] == {"types": types}


@pytest.mark.parametrize(
    ("configured", "window_ms", "wanted"),
    [
        (None, 5000, 600),
        (5, 2000, 5),
        (1, 5000, 8),
        ({"kraken": 90}, 5000, 90),
        ({"bybit": 90}, 5000, 600),
        ({"default": 30}, 5000, 30),
    ],
)
def test_not_found_proves_nothing_before_the_window_and_never_below_the_fence(
    settings, configured, window_ms, wanted
):
    settings.OMS_NOT_FOUND_WINDOW_S = configured
    settings.OMS_RECV_WINDOW_MS = window_ms

    assert capabilities.not_found_window_s("ccxt.kraken") == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"code": -2010, "msg": "Secret text"}, "-2010"),
        ([{"code": -2011, "msg": "Unknown order sent."}], "-2011"),
        ({"retCode": 110072, "retMsg": "x"}, "110072"),
        ({"code": "1", "data": [{"sCode": "51016", "sMsg": "x"}]}, "51016"),
        ({"error": ["EOrder:Insufficient funds"]}, "EOrder:Insufficient funds"),
        ({"error": []}, None),
        ({"code": "0"}, None),
        ({"error": "signature=abc&key=def <script>"}, None),
        ("text", None),
        (None, None),
    ],
)
def test_the_code_is_taken_and_the_text_is_left(body, wanted):
    assert codes.venue_code(body) == wanted


def test_order_types_follow_ccxt_and_the_markets_own_list():
    exchange = ccxt.async_support.binance()
    spot = {"type": "spot", "subType": None, "info": {"orderTypes": ["LIMIT", "MARKET"]}}

    assert offers.order_types(exchange, spot) == {OrderType.LIMIT, OrderType.MARKET}
    assert TimeInForce.GTD not in offers.times_in_force(exchange, spot)
    swap = {"type": "swap", "subType": "linear", "info": {}}
    assert OrderType.TRAILING_STOP in offers.order_types(exchange, swap)
    assert TimeInForce.GTD in offers.times_in_force(exchange, swap)


def test_facts_speak_of_verdicts_only():
    for known in capabilities.FACTS.values():
        assert all(isinstance(one, Verdict) for one in known.codes.values())


@pytest.mark.parametrize(
    ("name", "market", "offered"),
    [
        ("binanceusdm", {"type": "swap", "subType": "linear"}, True),
        ("kraken", {"type": "spot", "subType": None}, True),
        ("bybit", {"type": "swap", "subType": "linear"}, True),
        ("bybit", {"type": "spot", "subType": None}, False),  # No direction can be said there.
        ("okx", {"type": "swap", "subType": "linear"}, False),  # Apart, and not known by which id.
        ("hitbtc", {"type": "spot", "subType": None}, False),  # Reads other words than are sent.
        ("bitfinex", {"type": "spot", "subType": None}, False),  # Claims the words, reads none.
        ("deepcoin", {"type": "swap", "subType": "linear"}, False),
        ("xt", {"type": "swap", "subType": "linear"}, False),
    ],
)
def test_triggers_are_offered_where_they_are_understood_and_found_again(name, market, offered):
    exchange = getattr(ccxt.async_support, name)()

    types = offers.order_types(exchange, market | {"info": {}})

    assert (OrderType.STOP in types) is offered


@pytest.mark.parametrize(
    ("name", "info", "ways"),
    [
        ("binance", {"allowTrailingStop": True}, {Trailing.PERCENT}),
        ("binance", {"allowTrailingStop": False}, set()),
        ("kraken", {}, {Trailing.AMOUNT, Trailing.PERCENT}),
    ],
)
def test_a_trailing_distance_is_given_as_the_exchange_takes_it(name, info, ways):
    exchange = getattr(ccxt.async_support, name)()
    spot = {"type": "spot", "subType": None, "info": info}

    assert offers.trailing_by(exchange, spot) == ways


@pytest.mark.parametrize(
    ("name", "market", "word", "offered"),
    [
        ("krakenfutures", {"type": "swap", "subType": "linear"}, TimeInForce.IOC, False),
        ("krakenfutures", {"type": "swap", "subType": "linear"}, TimeInForce.PO, True),
        ("blofin", {"type": "swap", "subType": "linear"}, TimeInForce.FOK, False),
        ("phemex", {"type": "swap", "subType": "linear"}, TimeInForce.PO, False),
        ("binance", {"type": "spot", "subType": None}, TimeInForce.IOC, True),
        ("bybit", {"type": "swap", "subType": "inverse"}, TimeInForce.FOK, True),
    ],
)
def test_a_time_in_force_is_offered_where_the_request_carries_it(name, market, word, offered):
    exchange = getattr(ccxt.async_support, name)()

    assert (word in offers.times_in_force(exchange, market | {"info": {}})) is offered


def test_a_trailing_stop_is_offered_where_the_request_carries_its_distance():
    linear = {"type": "swap", "subType": "linear", "info": {}}

    assert offers.trailing_by(ccxt.async_support.btse(), linear) == set()
    assert offers.trailing_by(ccxt.async_support.bingx(), linear) == {
        Trailing.AMOUNT,
        Trailing.PERCENT,
    }
