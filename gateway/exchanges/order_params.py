"""Which of an exchange's own extras may a client give with an order?

By table, name and value, per family of exchanges: what is not listed is refused before anything is
sent. So no extra can move an order to another wallet (a margin mode, another account type, a
portfolio), change where, how often or for whom it is sent, or be one that this exchange's class
does not carry. The distance of a trailing stop, triggers, time in force and reduce-only are fields
of their own.

Sources: the names that each class of ccxt 4.5.90 reads or passes on, and the exchanges' own words.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from gateway.exchanges.capabilities import ccxt_id
from oms_project.errors import Invalid
from positions.engine.types import TriggerBy

Value = str | int | bool | Decimal


class _Takes(NamedTuple):
    """Which values a parameter may have, in words (or the words themselves), and as a question."""

    limit: str | list[str]
    fits: Callable[[Value], bool]


_Known = Mapping[str, _Takes]


def _is_above_zero(value: Value) -> bool:
    try:
        return not isinstance(value, bool) and Decimal(str(value)) > 0
    except ArithmeticError:
        return False


_AMOUNT = _Takes("a number above zero", _is_above_zero)
_FLAG = _Takes("true or false", lambda value: isinstance(value, bool))


def _one_of(*words: str) -> _Takes:
    return _Takes([*words], lambda value: value in words)


_TRAILS: _Known = {"trailingTriggerPrice": _AMOUNT}
_BINANCE: _Known = {
    "icebergAmount": _AMOUNT,
    "priceProtect": _FLAG,
    "selfTradePreventionMode": _one_of("EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "NONE"),
    "trailingTriggerPrice": _AMOUNT,
    "workingType": _one_of("MARK_PRICE", "CONTRACT_PRICE"),
}
_BYBIT: _Known = _TRAILS | {"triggerBy": _one_of("LastPrice", "MarkPrice", "IndexPrice")}
_KUCOIN: _Known = {"triggerPriceType": _one_of("last", "mark", "index")}

ORDER_PARAMS: Mapping[str, _Known] = {
    "binance": _BINANCE,
    "binanceus": _BINANCE,
    "binanceusdm": _BINANCE,
    "binancecoinm": _BINANCE,
    "bybit": _BYBIT,
    "bybiteu": _BYBIT,
    "bybitid": _BYBIT,
    "bitget": _TRAILS | {"triggerPriceType": _one_of("mark_price", "fill_price")},
    "kucoin": _KUCOIN,
    "kucoinfutures": _KUCOIN,
    "foxbit": {"icebergAmount": _AMOUNT},
    "bingx": _TRAILS | {"workingType": _one_of("MARK_PRICE", "CONTRACT_PRICE", "INDEX_PRICE")},
} | dict.fromkeys(
    ("aster", "bydfi", "htx", "modetrade", "woo", "woofipro", "xt"), _TRAILS
)  # fmt: skip
NAMES = frozenset(name for known in ORDER_PARAMS.values() for name in known)


_TRIGGER_NAMES = ("workingType", "triggerBy", "triggerPriceType")
_TRIGGER_WORDS: Mapping[Value, TriggerBy] = {
    "MARK_PRICE": TriggerBy.MARK,
    "CONTRACT_PRICE": TriggerBy.LAST,
    "INDEX_PRICE": TriggerBy.INDEX,
    "MarkPrice": TriggerBy.MARK,
    "LastPrice": TriggerBy.LAST,
    "IndexPrice": TriggerBy.INDEX,
    "mark_price": TriggerBy.MARK,
    "fill_price": TriggerBy.LAST,
    "mark": TriggerBy.MARK,
    "last": TriggerBy.LAST,
    "index": TriggerBy.INDEX,
}


def trigger_by(params: Mapping[str, Any]) -> TriggerBy | None:
    """The price that checked extras have a trigger wait for, if they say so."""
    said = [params[name] for name in _TRIGGER_NAMES if name in params]
    return _TRIGGER_WORDS.get(said[0]) if said else None


def check(exchange_id: str, params: Mapping[str, Any]) -> None:
    """Let the extras of one order pass.

    Raises:
        Invalid: one is not offered on this exchange, or its value is none that it may have; names
            field, what is offered and the value.
    """
    known = ORDER_PARAMS.get(ccxt_id(exchange_id), {})
    for name, value in params.items():
        field = f"params.{name}"
        if not isinstance(value, str | int | bool | Decimal):
            raise Invalid(
                "Give a plain value.",
                field=field,
                limit="a string, a number, true or false",
                value=type(value).__name__,
            )
        if name not in known:
            raise Invalid(
                "This parameter is not offered for orders on this exchange.",
                field=field,
                limit=sorted(known),
                value=value,
            )
        takes = known[name]
        if not takes.fits(value):
            raise Invalid(
                "The parameter takes no such value.", field=field, limit=takes.limit, value=value
            )
