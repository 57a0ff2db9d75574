"""Which number did the exchange tell?

Numbers are text already (``gateway.sessions.wire`` sets ccxt's ``number``), so nothing is lost; a
float met anyway is taken by its shortest decimal form. This is the only file in which a float may
appear.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

ZERO = Decimal(0)
INTEGER_DIGITS, FRACTION_DIGITS = 20, 18  # positions.fields: what a column holds


class Unreadable(ValueError):
    """One structure of the exchange that cannot be booked; says which field is at fault."""


def exact(value: Any, name: str = "value") -> Decimal | None:
    """A number of the exchange as a Decimal; ``None`` and empty text stay unset.

    Raises:
        Unreadable: not a finite number, or one with more digits than our columns hold.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise Unreadable(f"{name} is not a number")
    try:
        # repr is the shortest decimal that gives the same float: what the exchange wrote.
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        raise Unreadable(f"{name} is not a number") from None
    if not number.is_finite() or number.adjusted() >= INTEGER_DIGITS:
        raise Unreadable(f"{name} is not a number that can be kept")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -FRACTION_DIGITS:
        trimmed = number.normalize()
        if trimmed.as_tuple().exponent < -FRACTION_DIGITS:  # type: ignore[operator]
            raise Unreadable(f"{name} has more than {FRACTION_DIGITS} fraction digits")
    return number


def positive(value: Any, name: str = "value") -> Decimal | None:
    """Like ``exact``; zero means that nothing was said.

    Raises:
        Unreadable: negative, or not a number.
    """
    number = exact(value, name)
    if number is not None and number < ZERO:
        raise Unreadable(f"{name} is negative")
    return number or None


def json_number(value: Decimal) -> float:
    """For exchanges that take JSON numbers: exact to 15 digits, which is what JSON readers keep."""
    return float(value)
