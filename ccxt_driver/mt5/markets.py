"""Which market does a script mean, and by which steps does it trade?

A market is named as ccxt names it (``BTC/USDT``) or as its exchange does (``BTCUSDT``), where that
is one market of the account. Rows then carry the name that the script used last, because scripts
compare it with their own.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from ccxt.base.decimal_to_precision import DECIMAL_PLACES

from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5.failures import Failure, Refused, not_found
from ccxt_driver.mt5.terminal import TERMINAL

Market = Mapping[str, Any]
_NAMES = "names of symbols"
_NEARLY = Decimal("1e-9")  # Of a step: what a float lost on its way.


def market_of(name: Any) -> Market:
    """The market that a script calls so.

    Raises:
        Failure: it is no text, or no market of the account.
    """
    if not isinstance(name, str):
        raise Failure(c.RES_E_INVALID_PARAMS, 'Invalid "symbol" argument')
    found = _find(name)
    if found is None:
        raise not_found(f"symbol {name}")
    TERMINAL.memory.setdefault(_NAMES, {})[found["symbol"]] = name
    return found


def is_known(name: str) -> bool:
    """Whether the account has such a market."""
    return _find(name) is not None


def known(symbol: str) -> Market | None:
    """The market of ccxt's symbol in a row; None where it is gone from the exchange."""
    return TERMINAL.oms.markets.get(symbol)


def name_of(symbol: str) -> str:
    """What the script calls a market; ccxt's symbol until it has called it otherwise."""
    return TERMINAL.memory.get(_NAMES, {}).get(symbol, symbol)


def names_of(symbol: str) -> tuple[str, ...]:
    """All names of a market: the script's, ccxt's and the exchange's."""
    market = known(symbol)
    return (name_of(symbol), symbol, *([market["id"]] if market else ()))


def all_markets() -> list[Market]:
    """All markets of the account, by symbol."""
    return [market for _, market in sorted(TERMINAL.oms.markets.items())]


def step_of(market: Market, what: str) -> Decimal | None:
    """The step of ``amount`` or ``price``; None where the exchange has none."""
    precision = market["precision"].get(what)
    if precision is None:
        return None
    if TERMINAL.oms.precisionMode == DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(precision))
    return decimal(precision)


def contract_size(market: Market) -> Decimal:
    """Base units of one lot: 1 on spot."""
    return decimal(market.get("contractSize") or 1)


def is_spot(market: Market) -> bool:
    return bool(market.get("spot"))


def profit_currency(market: Market) -> str:
    """The currency in which a position's profit is counted."""
    return market.get("settle") or market["quote"]


def volume_of(market: Market, volume: Decimal, *, field: str = "volume") -> Decimal:
    """A volume in the market's steps; what a float lost is given back.

    Raises:
        Refused: it is not positive, or no multiple of the step.
    """
    if volume <= 0:
        raise Refused(c.TRADE_RETCODE_INVALID_VOLUME, f"{field} {volume} is not above 0")
    step = step_of(market, "amount")
    if step is None:
        return volume
    steps = (volume / step).quantize(Decimal(1), ROUND_HALF_EVEN)
    if abs(volume / step - steps) > _NEARLY:
        raise Refused(
            c.TRADE_RETCODE_INVALID_VOLUME, f"{field} {volume} is not a multiple of {step}"
        )
    return steps * step


def price_text(market: Market, price: Decimal) -> str:
    """A price rounded to the market's tick, as text."""
    return TERMINAL.oms.price_to_precision(market["symbol"], text(price))


def decimal(value: Any) -> Decimal:
    """A number exactly as it is written; of a float, its shortest form."""
    return Decimal(value) if isinstance(value, Decimal | int) else Decimal(str(value))


def text(value: Decimal) -> str:
    """Plain digits, no exponent."""
    written = format(value, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def _find(name: str) -> Market | None:
    """By ccxt's name or the exchange's; it may have been listed since the markets were loaded."""
    found = _look_up(name)
    if found is None and TERMINAL.reload_markets():
        found = _look_up(name)
    return found


def _look_up(name: str) -> Market | None:
    oms = TERMINAL.oms
    if name in oms.markets:
        return oms.markets[name]
    same = oms.markets_by_id.get(name, [])
    return same[0] if len(same) == 1 else None
