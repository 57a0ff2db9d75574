"""How do ccxt's structures leave as JSON?

With ccxt's names and nesting. Decimals are strings, plain: no exponent, no trailing zeros, ``0``
never ``-0``. Times stay ccxt's: milliseconds as numbers and ISO 8601 text. ``info`` is what the
exchange itself said and is not touched.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import Any

from positions.engine.money import plain

# Text that may look like a number and is not one.
_WORDS = frozenset(
    {
        "id", "order", "clientOrderId", "symbol", "datetime", "code", "currency", "tag", "network",
        "referenceId", "referenceAccount", "account", "name", "txid", "address",
    }
)  # fmt: skip
_FRACTION = re.compile(r"-?\d+\.\d+")
_EXPONENT = re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d{1,2}")
_UNTOUCHED = "info"
_ZERO = ("-0", "-0.0")


def render(value: Any) -> str:
    """A ccxt structure as JSON text.

    Entry by entry: dumping a whole list of markets at once would hold Python's lock, and with it
    every other thread, for a tenth of a second.
    """
    match value:
        case Mapping():
            parts = (f"{_dumps(str(key))}:{_dumps(_ready(item, str(key)))}"
                     for key, item in value.items())  # fmt: skip
            return "{" + ",".join(parts) + "}"
        case list() | tuple():
            return "[" + ",".join(_dumps(_ready(item)) for item in value) + "]"
        case _:
            return _dumps(_ready(value))


def without_info(value: Any) -> Any:
    """The structure without what the exchange said beside it, at any depth."""
    match value:
        case Mapping():
            return {key: without_info(item) for key, item in value.items() if key != _UNTOUCHED}
        case list() | tuple():
            return [without_info(item) for item in value]
        case _:
            return value


def _ready(value: Any, name: str = "") -> Any:
    if name == _UNTOUCHED:
        return value
    match value:
        case None | bool() | int():
            return value
        case str():
            return value if name in _WORDS else _number_text(value)
        case Mapping():
            return {str(key): _ready(item, str(key)) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_ready(item, name) for item in value]
        case Decimal() | Real():
            return _decimal_text(str(value))
        case _:
            return str(value)


def _number_text(text: str) -> str:
    if _FRACTION.fullmatch(text) or _EXPONENT.fullmatch(text) or text in _ZERO:
        return _decimal_text(text)
    return text


def _decimal_text(text: str) -> str:
    number = Decimal(text)
    return plain(number) if number.is_finite() else text


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
