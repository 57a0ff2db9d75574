"""Round trips of unmodified clients: ccxt (sync and async) and Binance's own SDK."""

import asyncio
from itertools import pairwise

import ccxt
import ccxt.async_support
import pytest

from conftest import STILL, ccxt_client, point, secret_of

SYMBOL = "BTC/USDT"


def test_ccxt_loads_all_its_markets_and_the_public_data(venue, key):
    client = point(ccxt.binance({"apiKey": key, "secret": secret_of(key)}), venue.url)

    client.load_markets()

    market = client.market(SYMBOL)
    assert (market["active"], market["spot"]) == (True, True)
    assert (market["precision"]["amount"], market["precision"]["price"]) == (0.00001, 0.01)
    assert market["limits"]["cost"]["min"] == 5
    assert client.fetch_status()["status"] == "ok"
    assert abs(client.fetch_time() - client.milliseconds()) < 2000
    assert client.fetch_currencies()["USDT"]["code"] == "USDT"
    assert client.fetch_trading_fees()[SYMBOL]["taker"] == 0.001
    assert client.fetch_trading_fee(SYMBOL)["maker"] == 0.001
    ticker = client.fetch_ticker(SYMBOL)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert set(client.fetch_tickers([SYMBOL, "ETH/USDT"])) == {SYMBOL, "ETH/USDT"}
    assert client.fetch_bids_asks([SYMBOL])[SYMBOL]["bid"] < 60000.01
    assert client.fetch_last_prices([SYMBOL])[SYMBOL]["price"] > 0
    book = client.fetch_order_book(SYMBOL, 5)
    assert len(book["bids"]) == 5
    assert book["bids"][0][0] < book["asks"][0][0]


@pytest.mark.parametrize("frame", ["1m", "1h", "1d"])
def test_candles_reach_far_back_and_join_each_other(venue, key, binance, frame):
    candles = binance.fetch_ohlcv(SYMBOL, frame, limit=500)

    span = binance.parse_timeframe(frame) * 1000
    opens = [candle[0] for candle in candles]
    assert opens == list(range(opens[0], opens[0] + 500 * span, span))
    assert all(low <= min(o, c) <= max(o, c) <= high for _, o, high, low, c, _ in candles)
    past = candles[:-2]
    assert all(earlier[4] == later[1] for earlier, later in pairwise(past))


def test_an_order_lives_through_ccxt_from_new_to_edited_to_cancelled(venue, key, binance):
    order = binance.create_order(SYMBOL, "limit", "buy", 0.01, 50000, {"clientOrderId": "first"})
    found = binance.fetch_order(None, SYMBOL, {"clientOrderId": "first"})
    edited = binance.edit_order(
        order["id"], SYMBOL, "limit", "buy", 0.02, 49000, {"clientOrderId": "second"}
    )
    open_now = binance.fetch_open_orders(SYMBOL)
    binance.cancel_order(None, SYMBOL, {"clientOrderId": "second"})

    assert found["id"] == order["id"]
    assert [one["id"] for one in open_now] == [edited["id"]]
    closed = {one["clientOrderId"]: one["status"] for one in binance.fetch_orders(SYMBOL)}
    assert closed == {"first": "canceled", "second": "canceled"}


def test_market_orders_tell_their_fills_and_their_fee(venue, key, binance):
    order = binance.create_order(SYMBOL, "market", "buy", 0.5)
    trades = binance.fetch_my_trades(SYMBOL, params={"orderId": order["id"]})
    spent = binance.create_market_buy_order_with_cost(SYMBOL, 1000)

    assert order["status"] == "closed"
    assert sum(trade["amount"] for trade in trades) == pytest.approx(0.5)
    assert order["fee"] == {"currency": "BTC", "cost": 0.0005}
    assert spent["cost"] == pytest.approx(1000, abs=1)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((SYMBOL, "limit", "buy", 100, 50000), ccxt.InsufficientFunds),
        ((SYMBOL, "limit", "buy", 0.00002, 50000), ccxt.BadRequest),
        ((SYMBOL, "limit", "buy", 0.01, 70000, {"postOnly": True}), ccxt.OrderImmediatelyFillable),
        (
            (SYMBOL, "limit", "sell", 0.01, 50000, {"stopPrice": 61000}),
            ccxt.OrderImmediatelyFillable,
        ),
    ],
)
def test_refusals_arrive_as_ccxts_own_errors(venue, key, binance, words, error):
    with pytest.raises(error):
        binance.create_order(*words)


def test_ccxt_async_trades_the_same(venue, key):
    async def scenario():
        client = ccxt_client(venue.url, key, kind=ccxt.async_support.binance)
        try:
            await client.load_markets()
            orders = [
                client.create_order(SYMBOL, "limit", "buy", 0.01, 50000 + number)
                for number in range(20)
            ]
            placed = await asyncio.gather(*orders)
            seen = await client.fetch_open_orders(SYMBOL)
            cancelled = await client.cancel_all_orders(SYMBOL)
            return placed, seen, cancelled, await client.fetch_balance()
        finally:
            await client.close()

    placed, seen, cancelled, balance = asyncio.run(scenario())

    assert {one["id"] for one in placed} == {one["id"] for one in seen}
    assert len(cancelled) == 20
    assert balance["USDT"]["used"] == 0


def test_binances_own_sdk_trades_too(venue, key):
    sdk = pytest.importorskip("binance_sdk_spot.spot")
    from binance_common.configuration import ConfigurationRestAPI
    from binance_sdk_spot.rest_api.models import (
        NewOrderSideEnum,
        NewOrderTimeInForceEnum,
        NewOrderTypeEnum,
    )

    configuration = ConfigurationRestAPI(
        api_key=key, api_secret=secret_of(key), base_path=venue.url
    )
    rest = sdk.Spot(config_rest_api=configuration).rest_api
    order = rest.new_order(
        symbol="BTCUSDT",
        side=NewOrderSideEnum.BUY,
        type=NewOrderTypeEnum.LIMIT,
        time_in_force=NewOrderTimeInForceEnum.GTC,
        quantity=0.01,
        price=50000,
    ).data()
    open_now = rest.get_open_orders(symbol="BTCUSDT").data()
    rest.delete_order(symbol="BTCUSDT", order_id=order.order_id)
    account = rest.get_account().data()
    info = rest.exchange_info(symbol="BTCUSDT").data()

    assert order.status == "NEW"
    assert [one.order_id for one in open_now] == [order.order_id]
    assert {one.asset: one.locked for one in account.balances}["USDT"] == "0.00000000"
    assert info.symbols[0].symbol == "BTCUSDT"


def test_fast_candles_follow_each_other_until_they_have_caught_up_with_the_clock(start_venue):
    venue = start_venue(*STILL, "--candle-speed", "10")
    binance = ccxt_client(venue.url, venue.open_login("fast"))
    minute = 60_000

    def newest(after_s: int) -> int:
        venue.control("POST", "clock", {"skew_ms": after_s * 1000})
        return binance.fetch_ohlcv(SYMBOL, "1m", limit=2)[-1][0]

    began, now = newest(0), binance.milliseconds()
    assert now - 541 * minute <= began <= now - 539 * minute
    assert newest(60) - began in (10 * minute, 11 * minute)
    assert newest(3700) == (binance.milliseconds() + 3_700_000) // minute * minute


def test_what_is_traded_stands_in_the_fast_candle_of_that_time(start_venue):
    venue = start_venue(*STILL, "--candle-speed", "10")
    binance = ccxt_client(venue.url, venue.open_login("fast"))
    venue.control("POST", "clock", {"skew_ms": 600_000})
    binance.load_time_difference()
    venue.set_price("BTCUSDT", "70000")
    binance.create_order(SYMBOL, "market", "buy", 0.001)

    *_, before, last = binance.fetch_ohlcv(SYMBOL, "1m", limit=3)
    asked = binance.fetch_ohlcv(SYMBOL, "1m", since=last[0], limit=5)

    assert before[2] < 70000 < last[2]
    assert asked[0][0] == last[0]
    assert binance.fetch_ticker(SYMBOL)["high"] == last[2]
