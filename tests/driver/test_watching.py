"""Does a bot that watches hear everything once, whatever becomes of its connection?"""

import asyncio

import ccxt
import ccxt.pro
import pytest

from ccxt_driver.pro import OmsCcxtProExchange

pytestmark = pytest.mark.e2e
WITHIN_S = 20


@pytest.fixture
async def watcher(desk, account):
    exchange = OmsCcxtProExchange(**desk.words(account, poll_interval_ms=250))
    await exchange.load_markets()
    yield exchange
    await exchange.close()


async def within_time(work):
    return await asyncio.wait_for(work, WITHIN_S)


async def until(exchange, watch, wanted):
    """Watch until something fits; a broken connection is taken up again, as bots do."""

    async def look():
        while True:
            try:
                for one in await watch():
                    if wanted(one):
                        return one
            except ccxt.NetworkError:
                await asyncio.sleep(0.1)

    return await within_time(look())


async def test_an_order_its_deal_and_its_position_are_told(desk, account, watcher):
    symbol = account["symbols"][0]
    watching = [
        asyncio.ensure_future(until(watcher, watch, wanted))
        for watch, wanted in (
            (lambda: watcher.watch_orders(symbol), lambda one: one["status"] == "closed"),
            (lambda: watcher.watchMyTrades(symbol), lambda one: one["amount"] == 0.012),
            (watcher.watch_positions, lambda one: one["symbol"] == symbol),
        )
    ]
    balance = asyncio.ensure_future(watcher.watch_balance())
    await until_subscribed(watcher)

    bought = await watcher.create_order(symbol, "market", "buy", 0.012)
    order, trade, position = [await within_time(one) for one in watching]

    assert isinstance(watcher, ccxt.pro.Exchange)
    assert watcher.has["watchOrders"]
    assert (order["id"], trade["order"]) == (bought["id"], bought["id"])
    assert position["contracts"] > 0
    assert (await within_time(balance))["USDT"]["total"] > 0


async def until_subscribed(exchange):
    for _ in range(200):
        if exchange.oms_seq is not None:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("not subscribed")


async def test_after_an_interruption_nothing_is_missed_and_nothing_comes_twice(
    desk, account, watcher
):
    symbol, heard = account["symbols"][0], []

    async def listen():
        while True:
            try:
                heard.extend(trade["order"] for trade in await watcher.watch_my_trades(symbol))
            except ccxt.NetworkError:
                await asyncio.sleep(0.1)

    listening = asyncio.ensure_future(listen())
    await until_subscribed(watcher)
    made = []
    for place in range(6):
        made.append((await watcher.create_order(symbol, "market", "buy", 0.01))["id"])
        if place in (1, 3):  # In the middle of things, with and without somebody waiting.
            for client in list(watcher.clients.values()):
                await client.connection.close()
    for _ in range(100):
        if len(heard) >= len(made):
            break
        await asyncio.sleep(0.1)
    listening.cancel()

    assert heard == made


async def test_markets_are_told(desk, account, watcher):
    symbol = account["symbols"][0]

    ticker = await within_time(watcher.watch_ticker(symbol))
    tickers = await within_time(watcher.watch_tickers([symbol]))
    book = await within_time(watcher.watch_order_book(symbol, 3))
    candles = await within_time(watcher.watch_ohlcv(symbol, "1m"))
    trading = asyncio.ensure_future(watcher.watch_trades(symbol))
    bought = await watcher.create_order(symbol, "market", "buy", 0.01)
    trades = await within_time(trading)

    assert ticker["symbol"] == symbol
    assert tickers[symbol]["last"] == ticker["last"]
    assert len(book["bids"]) == 3
    assert book["bids"][0][0] < book["asks"][0][0]
    assert len(candles[-1]) == 6
    assert trades[-1]["price"] > 0
    assert bought["status"] == "closed"


async def test_a_wrong_key_is_told_as_ccxt_tells_it(desk, account):
    exchange = OmsCcxtProExchange(**desk.words(account, "cxp_no_no", exchange_id="binance"))
    try:
        with pytest.raises(ccxt.AuthenticationError):
            await within_time(exchange.watch_orders())
    finally:
        await exchange.close()
