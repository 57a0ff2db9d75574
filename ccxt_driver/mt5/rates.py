"""Bars and trades of a market, as numpy has them.

A timeframe that the exchange does not offer is built from the largest smaller one that fits into
it. Bars begin at whole multiples of their length since 1970, weeks on Monday, months on their first
day, all in UTC.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ccxt_driver.mt5 import arguments
from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5.arguments import milliseconds, whole
from ccxt_driver.mt5.failures import Failure, invalid
from ccxt_driver.mt5.markets import Market, market_of, step_of
from ccxt_driver.mt5.terminal import TERMINAL, answers
from ccxt_driver.mt5.tuples import RATE_COLUMNS, TICK_COLUMNS

PAGE = 1000
MOST = 100_000
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_MONDAY = 4 * _DAY  # The first one since 1970.
LENGTHS = {
    **{minutes: minutes * _MINUTE for minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)},
    **{0x4000 + hours: hours * _HOUR for hours in (1, 2, 3, 4, 6, 8, 12, 24)},
    c.TIMEFRAME_W1: 7 * _DAY,
    c.TIMEFRAME_MN1: 31 * _DAY,
}
Bar = list[float]


@answers()
def copy_rates_from(symbol: Any, timeframe: Any, date_from: Any, count: Any) -> Any:
    """``count`` bars back from the one that a moment lies in."""
    market, frame = market_of(symbol), _frame(timeframe)
    until, number = milliseconds(date_from, "date_from"), arguments.count(count, "count")
    return _rates(_back_from(market, frame, until, number), market)


@answers()
def copy_rates_from_pos(symbol: Any, timeframe: Any, start_pos: Any, count: Any) -> Any:
    """``count`` bars back from bar ``start_pos``; bar 0 is the one that is not over yet."""
    market, frame = market_of(symbol), _frame(timeframe)
    skipped, number = whole(start_pos, "start_pos"), arguments.count(count, "count")
    if skipped < 0:
        raise invalid("start_pos")
    bars = _back_from(market, frame, TERMINAL.oms.milliseconds(), number + skipped)
    return _rates(bars[: len(bars) - skipped][-number:] if skipped else bars, market)


@answers()
def copy_rates_range(symbol: Any, timeframe: Any, date_from: Any, date_to: Any) -> Any:
    """The bars that began between two moments, both included."""
    market, frame = market_of(symbol), _frame(timeframe)
    begin, end = milliseconds(date_from, "date_from"), milliseconds(date_to, "date_to")
    bars = _bars(market, frame, _start(begin, frame), end)
    return _rates([bar for bar in bars if begin <= bar[0] <= end], market)


@answers()
def copy_ticks_from(symbol: Any, date_from: Any, count: Any, flags: Any) -> Any:
    """The first ``count`` trades from a moment on."""
    market, since = market_of(symbol), milliseconds(date_from, "date_from")
    number = arguments.count(count, "count")
    _check_kind(flags)
    return _ticks(_trades(market, since, None, number))


@answers()
def copy_ticks_range(symbol: Any, date_from: Any, date_to: Any, flags: Any) -> Any:
    """The trades between two moments."""
    market = market_of(symbol)
    begin, end = milliseconds(date_from, "date_from"), milliseconds(date_to, "date_to")
    _check_kind(flags)
    return _ticks(_trades(market, begin, end, MOST))


def _frame(value: Any) -> int:
    frame = whole(value, "timeframe")
    if frame not in LENGTHS:
        raise invalid("timeframe")
    return frame


def _back_from(market: Market, frame: int, until: int, number: int) -> list[Bar]:
    """The last ``number`` bars that began by then; fewer where the exchange has no more."""
    number = min(number, MOST)
    # One more than asked for: an exchange may begin its weeks on another day.
    begin = _start(until - number * LENGTHS[frame], frame)
    return [bar for bar in _bars(market, frame, begin, until) if bar[0] <= until][-number:]


def _bars(market: Market, frame: int, begin: int, end: int) -> list[Bar]:
    """The bars from ``begin``, where one starts, to ``end``."""
    name, length = _offered(frame)
    begin, end = max(begin, 0), min(end, TERMINAL.oms.milliseconds())
    parts = _candles(market, name, length, begin, end)
    if length == LENGTHS[frame]:
        return parts
    return _joined(parts, frame)


def _offered(frame: int) -> tuple[str, int]:
    """The exchange's own name and length for it, or for the largest that fits into it.

    Raises:
        Failure: the exchange has none that fits.
    """
    frames = TERMINAL.oms.timeframes or {"1m": "1m"}
    lengths = {name: TERMINAL.oms.parse_timeframe(name) * 1000 for name in frames}
    if frame == c.TIMEFRAME_MN1:
        if "1M" in frames:
            return "1M", LENGTHS[frame]
        wanted = _DAY
    else:
        wanted = LENGTHS[frame]
    fitting = [
        (length, name) for name, length in lengths.items()
        if name != "1M" and length <= wanted and wanted % length == 0
    ]  # fmt: skip
    if not fitting:
        raise Failure(c.RES_E_UNSUPPORTED, f"Terminal: Unsupported function (timeframe {frame})")
    length, name = max(fitting)
    return name, length


def _candles(market: Market, name: str, length: int, begin: int, end: int) -> list[Bar]:
    found: list[Bar] = []
    while begin <= end:
        wanted = min((end - begin) // length + 2, PAGE)
        page = TERMINAL.call(
            "fetchOHLCV", market["symbol"], timeframe=name, since=begin, limit=wanted
        )
        page = [bar for bar in page if bar[0] >= begin]
        found += [bar for bar in page if bar[0] <= end]
        if not page or page[-1][0] + length > end:
            return found
        begin = int(page[-1][0]) + 1
    return found


def _start(moment: int, frame: int) -> int:
    """Where the bar begins that a moment lies in."""
    if frame == c.TIMEFRAME_MN1:
        day = datetime.fromtimestamp(max(moment, 0) / 1000, UTC)
        first = day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return int(first.timestamp() * 1000)
    shift = _MONDAY if frame == c.TIMEFRAME_W1 else 0
    length = LENGTHS[frame]
    return (moment - shift) // length * length + shift


def _joined(parts: Iterable[Bar], frame: int) -> list[Bar]:
    found: list[Bar] = []
    for moment, opened, high, low, closed, volume in parts:
        begin = _start(int(moment), frame)
        if not found or found[-1][0] != begin:
            found.append([begin, opened, high, low, closed, volume])
            continue
        bar = found[-1]
        bar[2], bar[3] = max(bar[2], high), min(bar[3], low)
        bar[4], bar[5] = closed, bar[5] + volume
    return found


def _rates(bars: list[Bar], market: Market) -> Any:
    step = float(step_of(market, "amount") or 1)
    table = [
        (int(bar[0]) // 1000, *map(float, bar[1:5]), units := round((bar[5] or 0) / step), 0, units)
        for bar in bars
    ]
    return _numpy().array(table, dtype=list(RATE_COLUMNS))


def _trades(market: Market, begin: int, end: int | None, most: int) -> list[dict[str, Any]]:
    """Public trades, oldest first; as far back as the exchange tells them."""
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    while len(found) < most:
        page = TERMINAL.call("fetchTrades", market["symbol"], since=max(begin, 0), limit=PAGE)
        new = [one for one in page if one["timestamp"] >= begin and str(one["id"]) not in seen]
        seen |= {str(one["id"]) for one in new}
        found += [one for one in new if end is None or one["timestamp"] <= end]
        if not new or len(page) < PAGE or (end is not None and new[-1]["timestamp"] > end):
            break
        begin = int(new[-1]["timestamp"])
    return found[:most]


def _check_kind(flags: Any) -> None:
    kind = whole(flags, "flags")
    if kind == c.COPY_TICKS_INFO:
        raise Failure(
            c.RES_E_UNSUPPORTED,
            "Terminal: Unsupported function (exchanges keep no history of bids and asks)",
        )
    if kind not in (c.COPY_TICKS_ALL, c.COPY_TICKS_TRADE):
        raise invalid("flags")


def _ticks(trades: list[dict[str, Any]]) -> Any:
    traded = c.TICK_FLAG_LAST | c.TICK_FLAG_VOLUME
    table = []
    for trade in trades:
        price, volume, at = float(trade["price"]), float(trade["amount"]), int(trade["timestamp"])
        side = c.TICK_FLAG_SELL if trade["side"] == "sell" else c.TICK_FLAG_BUY
        table.append((at // 1000, price, price, price, int(volume), at, traded | side, volume))
    return _numpy().array(table, dtype=list(TICK_COLUMNS))


def _numpy() -> Any:
    """numpy comes with the extra ``mt5`` only; whoever asks for no rates does without."""
    try:
        import numpy
    except ImportError as error:
        raise ImportError(
            "rates and ticks need numpy: pip install 'ccxt-oms-driver[mt5]'"
        ) from error
    return numpy
