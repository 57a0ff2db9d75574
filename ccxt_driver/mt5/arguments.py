"""How are times, groups and numbers of a call read?

Times are seconds since 1970 or ``datetime``; one without a zone is the machine's local time, as the
package reads it. Groups are comma lists: ``*`` any run, ``!`` excludes, in order.
"""

import operator
import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ccxt_driver.mt5.failures import invalid


def milliseconds(value: Any, field: str) -> int:
    """A moment.

    Raises:
        Failure: it is neither a ``datetime`` nor a number.
    """
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    return int(decimal(value, field) * 1000)


def whole(value: Any, field: str) -> int:
    """A whole number, also one that came back from a table as a float.

    Raises:
        Failure: it is none.
    """
    try:
        return operator.index(value)
    except TypeError:
        pass
    number = decimal(value, field)
    if number != int(number):
        raise invalid(field)
    return int(number)


def count(value: Any, field: str) -> int:
    """A whole number above 0.

    Raises:
        Failure: it is none.
    """
    number = whole(value, field)
    if number <= 0:
        raise invalid(field)
    return number


def decimal(value: Any, field: str) -> Decimal:
    """A number exactly as its shortest text says; numpy's too.

    Raises:
        Failure: it is none, or not finite.
    """
    if isinstance(value, str | bytes | bool) or value is None:
        raise invalid(field)
    try:
        number = Decimal(value) if isinstance(value, int | Decimal) else Decimal(repr(float(value)))
    except (TypeError, ValueError, InvalidOperation):
        raise invalid(field) from None
    if not number.is_finite():
        raise invalid(field)
    return number


def words(value: Any, field: str) -> str:
    """A text.

    Raises:
        Failure: it is none.
    """
    if not isinstance(value, str):
        raise invalid(field)
    return value


class Group:
    """Which names a filter lets through; an empty one all of them."""

    def __init__(self, text: Any) -> None:
        parts = [part.strip() for part in words(text, "group").split(",") if part.strip()]
        self._rules = [
            (not part.startswith("!"), re.compile(_pattern(part.removeprefix("!")), re.IGNORECASE))
            for part in parts
        ]

    def has(self, *names: str) -> bool:
        """Whether something with these names, which mean the same, is let through."""
        # A list that only excludes has everything else in it.
        found = not self._rules or not self._rules[0][0]
        for includes, pattern in self._rules:
            if any(pattern.match(name) for name in names):
                found = includes
        return found


def _pattern(part: str) -> str:
    """``*`` is the only sign that stands for others."""
    return ".*".join(re.escape(piece) for piece in part.split("*")) + "$"
