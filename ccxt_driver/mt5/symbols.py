"""Which symbols are there, and what is known of each?"""

from decimal import ROUND_CEILING, Decimal
from typing import Any

from ccxt.base.errors import BaseError

from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5 import markets
from ccxt_driver.mt5.arguments import Group
from ccxt_driver.mt5.failures import Failure, not_found
from ccxt_driver.mt5.markets import Market, contract_size, decimal, is_spot, market_of, step_of
from ccxt_driver.mt5.quotes import book_of, tick_of
from ccxt_driver.mt5.terminal import TERMINAL, Row, answers
from ccxt_driver.mt5.tuples import EMPTY_SYMBOL, BookInfo, SymbolInfo, Tick

_BOOKS = "books that were asked for"
ORDER_KINDS = 127  # Market, limit, stop, stop-limit, stop loss, take profit, close-by.
CLOSE_BY = 64
FILLINGS = 3  # FOK and IOC.
EXPIRATIONS = 15
ACCOUNT_KEPT_S = 2.0
DIGITS = 8  # Of an exchange that names no tick.


@answers()
def symbols_total() -> int:
    """The number of markets of the account's exchange."""
    return len(markets.all_markets())


@answers()
def symbols_get(group: Any = "*") -> tuple[SymbolInfo, ...]:
    """All markets, or those of a group."""
    chosen = Group(group)
    found = [
        each for each in markets.all_markets() if chosen.has(*markets.names_of(each["symbol"]))
    ]
    tickers = _tickers([each["symbol"] for each in found])
    return tuple(_info(each, tickers.get(each["symbol"], {})) for each in found)


@answers()
def symbol_info(symbol: Any) -> SymbolInfo:
    """What is known of a market, with its prices now."""
    market = market_of(symbol)
    tickers = _tickers([market["symbol"]])
    ticker = dict(tickers.get(market["symbol"], {}))
    if ticker.get("bid") is None or ticker.get("ask") is None:
        tick = tick_of(market)
        ticker |= {"bid": tick.bid, "ask": tick.ask, "timestamp": tick.time_msc}
    return _info(market, ticker)


@answers()
def symbol_info_tick(symbol: Any) -> Tick:
    """The best bid and ask and the last trade."""
    return tick_of(market_of(symbol))


@answers(otherwise=False)
def symbol_select(symbol: Any, enable: Any = False) -> bool:
    """There is no Market Watch: every market of the exchange is in it, always."""
    if not isinstance(symbol, str) or not markets.is_known(symbol):
        raise not_found(f"symbol {symbol}")
    bool(enable)
    return True


@answers(otherwise=False)
def market_book_add(symbol: Any) -> bool:
    """From now on ``market_book_get`` answers for this symbol."""
    market = market_of(symbol)
    TERMINAL.memory.setdefault(_BOOKS, set()).add(market["symbol"])
    return True


@answers()
def market_book_get(symbol: Any) -> tuple[BookInfo, ...]:
    """The book, if it was added: offers from far to near, then bids from near to far."""
    market = market_of(symbol)
    if market["symbol"] not in TERMINAL.memory.get(_BOOKS, ()):
        raise Failure(c.RES_E_FAIL, "Terminal: Call failed (market_book_add comes first)")
    return book_of(market)


@answers(otherwise=False)
def market_book_release(symbol: Any) -> bool:
    """``market_book_get`` answers no more."""
    market = market_of(symbol)
    TERMINAL.memory.get(_BOOKS, set()).discard(market["symbol"])
    return True


def _tickers(symbols: list[str]) -> dict[str, Row]:
    """Tickers where the exchange tells them; prices are 0 elsewhere."""
    if not symbols:
        return {}
    try:
        if len(symbols) == 1:
            return {symbols[0]: TERMINAL.call("fetchTicker", symbols[0])}
        return TERMINAL.call("fetchTickers", symbols)
    except BaseError as error:
        if getattr(error, "oms_code", None) is None:
            raise
        return {}


def _info(market: Market, ticker: Row) -> SymbolInfo:
    tick = step_of(market, "price") or Decimal(1).scaleb(-DIGITS)
    step = step_of(market, "amount") or Decimal(1).scaleb(-DIGITS)
    bid, ask = (float(ticker.get(name) or 0.0) for name in ("bid", "ask"))
    digits = max(-tick.normalize().as_tuple().exponent, 0)
    worth = float(tick * contract_size(market))
    now = int(ticker.get("timestamp") or 0)
    volume = float(ticker.get("baseVolume") or 0.0)
    change = float(ticker.get("percentage") or 0.0)
    last = float(ticker.get("last") or 0.0)
    limits = market["limits"]
    known = {
        **dict.fromkeys(_WHOLE, 0),
        **dict.fromkeys(_OFF, False),
        "select": True,
        "visible": True,
        "chart_mode": c.SYMBOL_CHART_MODE_LAST,
        "spread_float": True,
        "time": now // 1000,
        "digits": digits,
        "spread": round((ask - bid) / float(tick)) if bid and ask else 0,
        "ticks_bookdepth": 20,
        "trade_calc_mode": _calculation(market),
        "trade_mode": _trade_mode(market),
        "trade_exemode": c.SYMBOL_TRADE_EXECUTION_MARKET,
        "expiration_mode": EXPIRATIONS,
        "filling_mode": FILLINGS,
        "order_mode": ORDER_KINDS if _may_close_by() else ORDER_KINDS - CLOSE_BY,
        "bid": bid,
        "bidhigh": 0.0,
        "ask": ask,
        "last": last,
        "lasthigh": float(ticker.get("high") or 0.0),
        "lastlow": float(ticker.get("low") or 0.0),
        "volume": int(volume),
        "volume_real": volume,
        "point": float(tick),
        "trade_tick_size": float(tick),
        "trade_tick_value": worth,
        "trade_tick_value_profit": worth,
        "trade_tick_value_loss": worth,
        "trade_contract_size": float(contract_size(market)),
        "volume_min": float(_smallest(market, step, last)),
        "volume_max": float(limits["amount"].get("max") or 0.0),
        "volume_step": float(step),
        "session_open": float(ticker.get("open") or 0.0),
        "session_close": float(ticker.get("previousClose") or ticker.get("open") or 0.0),
        "session_turnover": float(ticker.get("quoteVolume") or 0.0),
        "session_volume": volume,
        "price_change": change,
        "currency_base": market["base"],
        "currency_profit": markets.profit_currency(market),
        "currency_margin": markets.profit_currency(market),
        "category": market["type"],
        "description": f"{market['base']} / {market['quote']}",
        "exchange": TERMINAL.oms.id,
        "name": markets.name_of(market["symbol"]),
        "path": f"{TERMINAL.oms.id}\\{market['type']}\\{market['symbol']}",
    }
    return EMPTY_SYMBOL._replace(**known)


_WHOLE = (
    "session_deals session_buy_orders session_sell_orders volumehigh volumelow start_time "
    "expiration_time trade_stops_level trade_freeze_level swap_mode swap_rollover3days "
    "order_gtc_mode option_mode option_right"
).split()
_OFF = ("custom", "margin_hedged_use_leg")


def _smallest(market: Market, step: Decimal, last: float) -> Decimal:
    """The smaller bound of a volume, also by what an order has to be worth; up to the step."""
    limits = market["limits"]
    least = max(decimal(limits["amount"].get("min") or 0), step)
    worth = limits["cost"].get("min")
    if worth and last:
        by_value = decimal(worth) / (decimal(last) * contract_size(market))
        least = max(least, by_value)
    return (least / step).to_integral_value(ROUND_CEILING) * step


def _calculation(market: Market) -> int:
    return c.SYMBOL_CALC_MODE_EXCH_STOCKS if is_spot(market) else c.SYMBOL_CALC_MODE_EXCH_FUTURES


def _trade_mode(market: Market) -> int:
    if market.get("active") is False:
        return c.SYMBOL_TRADE_MODE_DISABLED
    risk = TERMINAL.refresh(within_s=ACCOUNT_KEPT_S)["risk"]
    opens = risk["allow_new_positions"] and risk["state"] == "active" and not risk["killed"]
    return c.SYMBOL_TRADE_MODE_FULL if opens else c.SYMBOL_TRADE_MODE_CLOSEONLY


def _may_close_by() -> bool:
    return TERMINAL.account["position_mode"] != "netting"
