"""Round trips of unmodified ccxt.binanceusdm: sync, async and pro."""

import asyncio
from contextlib import asynccontextmanager

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest
from linear_client import SYMBOL, held, usdm


@pytest.fixture
def trader(venue, key):
    return venue.open_login(f"{key} linear", market="linear", balances={"USDT": "10000"})


@pytest.fixture
def client(venue, trader):
    """ccxt's own USD-M class."""
    yield (exchange := usdm(venue.url, trader))
    exchange.cancel_all_orders(SYMBOL)


@asynccontextmanager
async def pro_client(venue, key):
    exchange = usdm(venue.url, key, kind=ccxt.pro.binanceusdm)
    try:
        await exchange.load_markets()
        yield exchange
    finally:
        await exchange.close()


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 20))


def test_markets_and_public_data_arrive(client):
    market = client.load_markets()[SYMBOL]

    assert (market["swap"], market["linear"], market["active"]) == (True, True, True)
    assert (market["precision"]["amount"], market["precision"]["price"]) == (0.001, 0.1)
    assert client.symbols[0] == "BNB/USDT:USDT"
    assert client.fetch_ticker(SYMBOL)["last"] == pytest.approx(60000, rel=0.01)
    assert client.fetch_funding_rate(SYMBOL)["markPrice"] == 60000
    assert len(client.fetch_funding_rate_history(SYMBOL, limit=5)) == 5
    assert len(client.fetch_ohlcv(SYMBOL, "1h", limit=50)) == 50
    assert client.fetch_order_book(SYMBOL)["bids"][0][0] < 60000
    assert client.fetch_bids_asks([SYMBOL])[SYMBOL]["ask"] > 60000
    assert client.fetch_leverage_tiers([SYMBOL])[SYMBOL][0]["maxLeverage"] == 125


def test_an_order_lives_from_new_to_amended_to_cancelled(client):
    order = client.create_order(SYMBOL, "limit", "buy", 0.1, 55000, {"clientOrderId": "one"})
    amended = client.edit_order(order["id"], SYMBOL, "limit", "buy", 0.2, 56000)
    found = client.fetch_order(None, SYMBOL, {"clientOrderId": "one"})
    open_now = client.fetch_open_orders(SYMBOL)
    cancelled = client.cancel_order(order["id"], SYMBOL)

    assert (amended["id"], amended["clientOrderId"]) == (order["id"], "one")
    assert (found["amount"], found["price"]) == (0.2, 56000)
    assert [row["id"] for row in open_now] == [order["id"]]
    assert (cancelled["status"], client.fetch_open_orders(SYMBOL)) == ("canceled", [])


def test_a_market_order_opens_a_position_and_reduce_only_closes_it(client):
    order = client.create_order(SYMBOL, "market", "buy", 0.1)
    opened = held(client)
    closing = client.create_order(SYMBOL, "market", "sell", 0.5, None, {"reduceOnly": True})
    trades = client.fetch_my_trades(SYMBOL)

    assert (order["status"], order["filled"], opened) == ("closed", 0.1, [("long", 0.1)])
    assert (closing["filled"], held(client)) == (0.1, [])
    assert {trade["order"] for trade in trades} == {order["id"], closing["id"]}
    assert {trade["fee"]["currency"] for trade in trades} == {"USDT"}


def test_hedge_mode_through_ccxt(client):
    client.set_position_mode(True)
    client.create_order(SYMBOL, "market", "buy", 0.1, None, {"hedged": True})
    client.create_order(SYMBOL, "market", "sell", 0.2, None, {"hedged": True})
    both = held(client)
    client.create_order(SYMBOL, "market", "sell", 0.1, None, {"hedged": True, "reduceOnly": True})

    assert both == [("long", 0.1), ("short", 0.2)]
    assert held(client) == [("short", 0.2)]
    assert client.fetch_position_mode(SYMBOL)["hedged"] is True


@pytest.mark.parametrize(
    ("words", "price", "filled"),
    [
        (("market", "sell", 0.1, None, {"stopLossPrice": 59000}), "58900", True),
        (("limit", "sell", 0.1, 58000, {"stopLossPrice": 59000}), "58900", True),
        (("market", "sell", 0.1, None, {"takeProfitPrice": 61000}), "61100", True),
        (("limit", "sell", 0.1, 62000, {"takeProfitPrice": 61000}), "61100", False),
        (("market", "sell", 0.1, None, {"trailingPercent": 1}), "59300", True),
        (("STOP_MARKET", "sell", None, None, {"stopPrice": 59000, "closePosition": True}),
         "58900", True),
    ],
)  # fmt: skip
def test_a_conditional_order_waits_apart_and_then_becomes_a_real_one(
    venue, client, words, price, filled
):
    client.create_order(SYMBOL, "market", "buy", 0.1)
    waiting = client.create_order(SYMBOL, *words)
    plain = client.fetch_open_orders(SYMBOL)
    apart = client.fetch_open_orders(SYMBOL, params={"trigger": True})
    venue.set_price("BTCUSDT", price)
    done = client.fetch_order(waiting["id"], SYMBOL, {"trigger": True})
    real = client.fetch_order(done["info"]["actualOrderId"], SYMBOL)

    assert (plain, [row["id"] for row in apart]) == ([], [waiting["id"]])
    assert (real["clientOrderId"], real["status"] == "closed") == (waiting["clientOrderId"], filled)
    assert done["info"]["algoStatus"] == ("FINISHED" if filled else "TRIGGERED")
    assert held(client) == ([] if filled else [("long", 0.1)])


def test_conditional_orders_are_cancelled_one_by_one_and_together(client):
    ids = [
        client.create_order(SYMBOL, "market", "buy", 0.1, None, {"triggerPrice": 61000 + n})["id"]
        for n in range(3)
    ]
    client.cancel_order(ids[0], SYMBOL, {"trigger": True})
    left = client.fetch_open_orders(SYMBOL, params={"trigger": True})
    client.cancel_all_orders(SYMBOL, {"trigger": True})

    assert [row["id"] for row in left] == ids[1:]
    rows = client.fetch_orders(SYMBOL, params={"trigger": True})
    assert {row["status"] for row in rows} == {"canceled"}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("limit", "buy", 100, 55000), ccxt.InsufficientFunds),
        (("limit", "buy", 0.1, 60100, {"postOnly": True}), ccxt.OrderNotFillable),
        (("limit", "buy", 0.1, 59000, {"timeInForce": "FOK"}), ccxt.OrderNotFillable),
        (("market", "buy", 0.1, None, {"reduceOnly": True}), ccxt.InvalidOrder),
        (("market", "sell", 0.1, None, {"stopLossPrice": 61000}), ccxt.OrderImmediatelyFillable),
    ],
)
def test_refusals_arrive_as_ccxts_own_errors(client, words, error):
    with pytest.raises(error):
        client.create_order(SYMBOL, *words)


def test_a_batch_is_accepted_and_refused_order_by_order(client):
    orders = [
        {"symbol": SYMBOL, "type": "limit", "side": "buy", "amount": size, "price": 55000}
        for size in (0.01, 100, 0.02)
    ]
    placed = client.create_orders(orders)
    ids = [order["id"] for order in placed if order["id"]]
    client.cancel_orders(ids, SYMBOL)

    assert sorted(order["status"] for order in placed) == ["open", "open", "rejected"]
    assert client.fetch_open_orders(SYMBOL) == []


def test_ccxt_async_trades_the_same(venue, trader):
    async def scenario():
        client = usdm(venue.url, trader, kind=ccxt.async_support.binanceusdm)
        try:
            await client.load_markets()
            prices = range(55000, 55020)
            placed = await asyncio.gather(
                *(client.create_order(SYMBOL, "limit", "buy", 0.01, price) for price in prices)
            )
            seen = await client.fetch_open_orders(SYMBOL)
            await client.cancel_all_orders(SYMBOL)
            return placed, seen, await client.fetch_balance()
        finally:
            await client.close()

    placed, seen, balance = run(scenario())

    assert {one["id"] for one in placed} == {one["id"] for one in seen}
    assert balance["USDT"]["used"] == 0


def test_ccxt_pro_sees_orders_trades_and_positions(venue, trader):
    async def scenario():
        async with pro_client(venue, trader) as client:
            client.options["watchPositions"]["fetchPositionsSnapshot"] = False
            watching = asyncio.gather(
                client.watch_orders(SYMBOL),
                client.watch_my_trades(SYMBOL),
                client.watch_positions([SYMBOL]),
                client.watch_balance(),
            )
            await asyncio.sleep(0.4)
            words = {"clientOrderId": "seen"}
            await client.create_order(SYMBOL, "market", "sell", 0.01, None, words)
            return await watching

    orders, trades, positions, balance = run(scenario())

    assert (orders[-1]["clientOrderId"], orders[-1]["status"]) == ("seen", "closed")
    assert [(trade["amount"], trade["side"]) for trade in trades] == [(0.01, "sell")]
    assert [(row["side"], row["contracts"]) for row in positions] == [("short", 0.01)]
    assert balance["USDT"]["total"] < 10000


def test_ccxt_pro_trades_over_the_websocket_api(venue, trader):
    async def scenario():
        async with pro_client(venue, trader) as client:
            order = await client.create_order_ws(SYMBOL, "limit", "buy", 0.1, 55000)
            found = await client.fetch_open_orders(SYMBOL)
            cancelled = await client.cancel_order_ws(order["id"], SYMBOL)
            return order, found, cancelled

    order, (found,), cancelled = run(scenario())

    assert (order["status"], found["id"], cancelled["status"]) == ("open", order["id"], "canceled")


def test_ccxt_pro_sees_a_conditional_order_come_and_go(venue, trader):
    async def scenario():
        async with pro_client(venue, trader) as client:
            watching = asyncio.ensure_future(client.watch_orders(SYMBOL))
            await asyncio.sleep(0.4)
            words = {"triggerPrice": 61000, "clientOrderId": "waits"}
            await client.create_order(SYMBOL, "market", "buy", 0.01, None, words)
            return await watching

    (order,) = run(scenario())

    assert (order["clientOrderId"], order["status"], order["triggerPrice"]) == (
        "waits", "open", 61000,
    )  # fmt: skip


def test_ccxt_pro_follows_the_market(start_venue):
    venue = start_venue("--tick-ms", "100", "--volatility", "20")
    key = venue.open_login("watcher", market="linear", balances={"USDT": "1000"})

    async def scenario():
        async with pro_client(venue, key) as client:
            for _ in range(10):
                book = await client.watch_order_book(SYMBOL)
            ticker = await client.watch_ticker(SYMBOL)
            mark = await client.watch_mark_price(SYMBOL)
            trades = await client.watch_trades(SYMBOL)
            candles = await client.watch_ohlcv(SYMBOL, "1m")
            best = await client.watch_bids_asks([SYMBOL])
            return book, ticker, mark, trades, candles, best[SYMBOL]

    book, ticker, mark, trades, candles, best = run(scenario())

    assert book["bids"][0][0] < book["asks"][0][0]
    assert best["bid"] < best["ask"]
    seen = (ticker["last"], mark["markPrice"], trades[-1]["price"], candles[-1][4])
    assert all(abs(price - 60000) < 3000 for price in seen)
