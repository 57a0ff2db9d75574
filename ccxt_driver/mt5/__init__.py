"""The calls of the ``MetaTrader5`` package, answered by an OMS: any ccxt exchange, any system.

    import ccxt_driver.mt5 as mt5

    mt5.initialize(login=1, password="cxp_…", server="http://127.0.0.1:8000")
    mt5.Buy("BTC/USDT", 0.01)

One process is one connection. Nothing raises; ``last_error`` tells.
"""

# ruff: noqa: F401, F403, N811
import types as _types

from ccxt_driver.mt5.accounts import VERSION as __version__
from ccxt_driver.mt5.accounts import (
    account_info,
    order_calc_margin,
    order_calc_profit,
    terminal_info,
    version,
)
from ccxt_driver.mt5.connecting import initialize, last_error, login, shutdown
from ccxt_driver.mt5.constants import *
from ccxt_driver.mt5.lists import (
    history_deals_get,
    history_deals_total,
    history_orders_get,
    history_orders_total,
    orders_get,
    orders_total,
    positions_get,
    positions_total,
)
from ccxt_driver.mt5.rates import (
    copy_rates_from,
    copy_rates_from_pos,
    copy_rates_range,
    copy_ticks_from,
    copy_ticks_range,
)
from ccxt_driver.mt5.symbols import (
    market_book_add,
    market_book_get,
    market_book_release,
    symbol_info,
    symbol_info_tick,
    symbol_select,
    symbols_get,
    symbols_total,
)
from ccxt_driver.mt5.trade.trading import Buy, Close, Sell, order_check, order_send
from ccxt_driver.mt5.tuples import (
    AccountInfo,
    BookInfo,
    OrderCheckResult,
    OrderSendResult,
    SymbolInfo,
    TerminalInfo,
    Tick,
    TradeDeal,
    TradeOrder,
    TradePosition,
    TradeRequest,
)

__author__ = "ccxt-position"

# Scripts that import everything get the package's names, and none of our rooms.
__all__ = [
    _name
    for _name, _value in list(globals().items())
    if not (_name.startswith("_") or isinstance(_value, _types.ModuleType))
]
