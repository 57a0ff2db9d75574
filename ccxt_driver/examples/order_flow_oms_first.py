"""An order's life: placed, changed, cancelled; one with stops; and what asking twice does.

CCXT_OMS_API_KEY=cxp_… CCXT_OMS_ACCOUNT_ID=1 CCXT_OMS_STRATEGY_ID=1 python order_flow_oms_first.py
"""

from ccxt_driver import OmsCcxtExchange


def main() -> None:
    exchange = OmsCcxtExchange()
    exchange.load_markets()
    symbol = next(name for name in exchange.symbols if name.startswith("BTC/USDT"))
    last = exchange.fetch_ticker(symbol)["last"]

    order = exchange.create_order(symbol, "limit", "buy", 0.01, last * 0.8)
    order = exchange.edit_order(order["id"], symbol, "limit", "buy", 0.02, last * 0.81)
    print(f"order {order['id']} wants {order['amount']} at {order['price']}")
    print("cancelled:", exchange.cancel_order(order["id"], symbol)["status"])

    same = {"request_id": f"example-{exchange.milliseconds()}", "clientOrderId": None}
    first = exchange.create_order(symbol, "market", "buy", 0.01, None, same)
    again = exchange.create_order(symbol, "market", "buy", 0.01, None, same)
    print("asked twice, one order:", first["id"] == again["id"])

    stops = {"stop_loss": last * 0.9, "stop_gain": last * 1.2}
    exchange.create_order(symbol, "market", "buy", 0.01, None, stops)
    (position,) = exchange.fetch_positions([symbol])
    print("the position's stop:", position["stopLossPrice"])


if __name__ == "__main__":
    main()
