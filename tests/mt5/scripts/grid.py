"""Pending orders below the price: placed, one moved, all removed."""

import sys

import MetaTrader5 as mt5

symbol = sys.argv[1]
volume = float(sys.argv[2])
magic = int(sys.argv[3])
levels = 4

if not mt5.initialize():
    print("initialize() failed, error code =", mt5.last_error())
    quit()

bid = mt5.symbol_info_tick(symbol).bid
for level in range(1, levels + 1):
    request = {
        "action": mt5.TRADE_ACTION_PENDING,
        "symbol": symbol,
        "volume": volume,
        "type": mt5.ORDER_TYPE_BUY_LIMIT,
        "price": bid * (1 - 0.05 * level),
        "magic": magic,
        "comment": f"grid {level}",
        "type_time": mt5.ORDER_TIME_GTC,
        "type_filling": mt5.ORDER_FILLING_FOK,
    }
    check = mt5.order_check(request)
    if check is None or check.retcode != 0:
        print("order_check failed", check, mt5.last_error())
        sys.exit(1)
    result = mt5.order_send(request)
    if result.retcode != mt5.TRADE_RETCODE_DONE:
        print("order_send failed", result)
        sys.exit(1)

orders = [o for o in mt5.orders_get(symbol=symbol) if o.magic == magic]
print("grid", [o.comment for o in orders], flush=True)
lowest = orders[-1]
moved = mt5.order_send({
    "action": mt5.TRADE_ACTION_MODIFY, "order": lowest.ticket, "price": lowest.price_open * 0.99,
})  # fmt: skip
print("moved", moved.retcode, flush=True)

for order in orders:
    removed = mt5.order_send({"action": mt5.TRADE_ACTION_REMOVE, "order": order.ticket})
    if removed.retcode != mt5.TRADE_RETCODE_DONE:
        print("removing failed", removed)
left = [o for o in mt5.orders_get(symbol=symbol) if o.magic == magic]
print("left", len(left), flush=True)
mt5.shutdown()
