"""Remove every order and close every position of a magic."""

import sys

import MetaTrader5 as mt5

magic = int(sys.argv[1])

if not mt5.initialize():
    print("initialize() failed, error code =", mt5.last_error())
    quit()

for order in mt5.orders_get():
    if order.magic == magic:
        mt5.order_send({"action": mt5.TRADE_ACTION_REMOVE, "order": order.ticket})

positions = [p for p in mt5.positions_get() if p.magic == magic]
for position in positions:
    is_long = position.type == mt5.POSITION_TYPE_BUY
    tick = mt5.symbol_info_tick(position.symbol)
    result = mt5.order_send({
        "action": mt5.TRADE_ACTION_DEAL,
        "position": position.ticket,
        "symbol": position.symbol,
        "volume": position.volume,
        "type": mt5.ORDER_TYPE_SELL if is_long else mt5.ORDER_TYPE_BUY,
        "price": tick.bid if is_long else tick.ask,
        "deviation": 100,
        "comment": "close all",
        "type_filling": mt5.ORDER_FILLING_FOK,
    })  # fmt: skip
    print("closing", position.ticket, result.retcode, result.comment)

positions = [p for p in mt5.positions_get() if p.magic == magic]
orders = [o for o in mt5.orders_get() if o.magic == magic]
print("all closed", len(positions), len(orders), flush=True)
mt5.shutdown()
