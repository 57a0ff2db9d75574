"""Look at the account, buy a little, look again.

CCXT_OMS_API_KEY=cxp_… CCXT_OMS_ACCOUNT_ID=1 CCXT_OMS_STRATEGY_ID=1 python basic_usage.py
"""

from ccxt_driver import OmsCcxtExchange


def main() -> None:
    exchange = OmsCcxtExchange()  # Everything comes from CCXT_OMS_*.
    exchange.load_markets()
    symbol = next(name for name in exchange.symbols if name.startswith("BTC/USDT"))
    print(f"{exchange.id}: {len(exchange.symbols)} markets, last {symbol}:",
          exchange.fetch_ticker(symbol)["last"])  # fmt: skip
    order = exchange.create_order(symbol, "market", "buy", 0.01)
    print(f"order {order['id']}: {order['status']}, {order['filled']} at {order['average']}")
    for position in exchange.fetch_positions([symbol]):
        print(f"position {position['id']}: {position['side']} {position['contracts']}")
    print("USDT:", exchange.fetch_balance()["USDT"]["total"])


if __name__ == "__main__":
    main()
