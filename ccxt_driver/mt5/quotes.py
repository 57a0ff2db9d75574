"""What does a market cost now, and who stands in its book?"""

import time
from typing import Any

from ccxt.base.errors import BaseError, NetworkError

from ccxt_driver.errors import code_of
from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5.failures import Failure
from ccxt_driver.mt5.markets import Market
from ccxt_driver.mt5.terminal import TERMINAL
from ccxt_driver.mt5.tuples import BookInfo, Tick

DEPTH = 20
_SEEN = "last ticks"
_ALL = c.TICK_FLAG_BID | c.TICK_FLAG_ASK | c.TICK_FLAG_LAST | c.TICK_FLAG_VOLUME


def tick_of(market: Market) -> Tick:
    """The best bid and ask, and the last trade; futures' tickers have no bid, so their book is
    asked too.

    Raises:
        Failure: nobody quotes the market now.
    """
    symbol = market["symbol"]
    ticker = TERMINAL.call("fetchTicker", symbol)
    bid, ask, at = ticker.get("bid"), ticker.get("ask"), ticker.get("timestamp")
    if bid is None or ask is None:
        book = TERMINAL.call("fetchOrderBook", symbol, 5)
        bid = book["bids"][0][0] if book["bids"] else None
        ask = book["asks"][0][0] if book["asks"] else None
        at = book.get("timestamp") or at
    last = ticker.get("last")
    if bid is None and ask is None and last is None:
        raise Failure(c.RES_E_NOT_FOUND, f"Terminal: Not found (no prices of {symbol})")
    at = int(at or time.time() * 1000)
    volume = float(ticker.get("baseVolume") or 0.0)
    tick = Tick(
        time=at // 1000,
        bid=float(bid or 0.0),
        ask=float(ask or 0.0),
        last=float(last or 0.0),
        volume=int(volume),
        time_msc=at,
        flags=_ALL,
        volume_real=volume,
    )
    TERMINAL.memory.setdefault(_SEEN, {})[symbol] = tick
    return tick


def seen_tick(symbol: str) -> Tick | None:
    """The tick that was asked for last."""
    return TERMINAL.memory.get(_SEEN, {}).get(symbol)


def last_prices(symbols: set[str]) -> dict[str, float]:
    """The last prices that are known; a market whose price cannot be had is left out."""
    if not symbols:
        return {}
    try:
        tickers = TERMINAL.call("fetchTickers", sorted(symbols))
    except BaseError as error:
        if isinstance(error, NetworkError) and code_of(error) is None:
            raise
        return {}
    return {
        symbol: float(ticker["last"])
        for symbol, ticker in tickers.items()
        if ticker.get("last") is not None
    }


def book_of(market: Market) -> tuple[BookInfo, ...]:
    """Offers from the dearest down, then bids from the best down."""
    book: Any = TERMINAL.call("fetchOrderBook", market["symbol"], DEPTH)
    asks = [(c.BOOK_TYPE_SELL, *level[:2]) for level in reversed(book["asks"][:DEPTH])]
    bids = [(c.BOOK_TYPE_BUY, *level[:2]) for level in book["bids"][:DEPTH]]
    return tuple(
        BookInfo(type=kind, price=float(price), volume=int(qty), volume_dbl=float(qty))
        for kind, price, qty in (*asks, *bids)
    )
