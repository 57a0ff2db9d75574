"""Buy a dip, then pull the stop loss up behind the price until it is hit."""

import sys
import time

import MetaTrader5 as mt5

symbol = sys.argv[1]
volume = float(sys.argv[2])
magic = int(sys.argv[3])
distance = float(sys.argv[4])

if not mt5.initialize():
    print("initialize() failed, error code =", mt5.last_error())
    quit()

point = mt5.symbol_info(symbol).point
mean = mt5.copy_rates_from_pos(symbol, mt5.TIMEFRAME_M1, 0, 10)["close"].mean()
while mt5.symbol_info_tick(symbol).bid > mean:
    time.sleep(0.05)

price = mt5.symbol_info_tick(symbol).ask
result = mt5.order_send({
    "action": mt5.TRADE_ACTION_DEAL,
    "symbol": symbol,
    "volume": volume,
    "type": mt5.ORDER_TYPE_BUY,
    "price": price,
    "sl": price - distance + 0.3 * point,
    "deviation": 20,
    "magic": magic,
    "comment": "trailing",
})  # fmt: skip
if result.retcode != mt5.TRADE_RETCODE_DONE:
    print("order_send failed", result)
    sys.exit(1)
ticket = result.order

moved = 0
while True:
    positions = mt5.positions_get(ticket=ticket)
    if len(positions) == 0:
        break
    position = positions[0]
    stop = mt5.symbol_info_tick(symbol).bid - distance
    if stop > position.sl + point:
        answer = mt5.order_send(
            {"action": mt5.TRADE_ACTION_SLTP, "position": position.ticket, "sl": stop}
        )
        moved += answer.retcode == mt5.TRADE_RETCODE_DONE
        print("stop loss at", round(stop, 2), answer.comment, flush=True)
    time.sleep(0.05)

deals = mt5.history_deals_get(position=ticket)
print("stopped out", [deal.reason for deal in deals], "moved", moved, flush=True)
mt5.shutdown()
