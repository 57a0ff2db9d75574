"""A robot: long while the price is above its moving average, flat below."""

import sys
import time

import MetaTrader5 as mt5
import pandas as pd

symbol = sys.argv[1]
volume = float(sys.argv[2])
magic = int(sys.argv[3])
trades_wanted = int(sys.argv[4])

if not mt5.initialize():
    print("initialize() failed, error code =", mt5.last_error())
    sys.exit(1)

symbol_info = mt5.symbol_info(symbol)
if symbol_info is None:
    print(symbol, "not found")
    sys.exit(1)
if not symbol_info.visible and not mt5.symbol_select(symbol, True):
    print("symbol_select() failed")
    sys.exit(1)


def market_order(order_type, lots, position=None):
    tick = mt5.symbol_info_tick(symbol)
    request = {
        "action": mt5.TRADE_ACTION_DEAL,
        "symbol": symbol,
        "volume": lots,
        "type": order_type,
        "price": tick.ask if order_type == mt5.ORDER_TYPE_BUY else tick.bid,
        "deviation": 20,
        "magic": magic,
        "comment": "moving average",
        "type_time": mt5.ORDER_TIME_GTC,
        "type_filling": mt5.ORDER_FILLING_IOC,
    }
    if position is not None:
        request["position"] = position
    return mt5.order_send(request)


trades = 0
while trades < trades_wanted:
    rates = mt5.copy_rates_from_pos(symbol, mt5.TIMEFRAME_M1, 0, 20)
    frame = pd.DataFrame(rates)
    frame["time"] = pd.to_datetime(frame["time"], unit="s")
    average = frame["close"].rolling(10).mean().iloc[-1]
    bid = mt5.symbol_info_tick(symbol).bid

    positions = [p for p in mt5.positions_get(symbol=symbol) if p.magic == magic]
    result = None
    if bid > average and not positions:
        result = market_order(mt5.ORDER_TYPE_BUY, volume)
    elif bid < average and positions:
        held = positions[0]
        result = market_order(mt5.ORDER_TYPE_SELL, held.volume, held.ticket)
    if result is not None:
        if result.retcode != mt5.TRADE_RETCODE_DONE:
            print("order_send failed, retcode =", result.retcode, result.comment)
            sys.exit(1)
        trades += 1
        print("trade", trades, "order", result.order, flush=True)
    time.sleep(0.05)

mt5.shutdown()
