"""Watch the account while it trades, for as long as it takes to see one order through.

CCXT_OMS_API_KEY=cxp_… CCXT_OMS_ACCOUNT_ID=1 CCXT_OMS_STRATEGY_ID=1 python watch_pro.py
"""

import asyncio

import ccxt

from ccxt_driver import OmsCcxtProExchange


async def main() -> None:
    exchange = OmsCcxtProExchange()
    try:
        await exchange.load_markets()
        symbol = next(name for name in exchange.symbols if name.startswith("BTC/USDT"))
        subscribing = asyncio.ensure_future(next_trades(exchange, symbol))
        await asyncio.sleep(1)  # Until the subscription stands.
        order = await exchange.create_order(symbol, "market", "buy", 0.01)
        trades = await trades_of(order, exchange, await subscribing)
        amount = sum(trade["amount"] for trade in trades)
        cost = sum(trade["amount"] * trade["price"] for trade in trades)
        print(f"watched: buy {amount:g} at {cost / amount:.2f}, in {len(trades)} trades")
    finally:
        await exchange.close()


async def trades_of(order: dict, exchange: OmsCcxtProExchange, told: list[dict]) -> list[dict]:
    """All trades of an order: a market order takes as many as the depth of the book needs."""
    trades: list[dict] = []
    while True:
        trades += [trade for trade in told if trade["order"] == order["id"]]
        if sum(trade["amount"] for trade in trades) >= order["amount"] * (1 - 1e-9):
            return trades
        told = await next_trades(exchange, order["symbol"])


async def next_trades(exchange: OmsCcxtProExchange, symbol: str) -> list[dict]:
    """Broken connections are taken up again; nothing is missed."""
    while True:
        try:
            return await exchange.watch_my_trades(symbol)
        except ccxt.NetworkError:
            await asyncio.sleep(1)


if __name__ == "__main__":
    asyncio.run(main())
