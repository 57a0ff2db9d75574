"""How are amounts read, rounded and written, so that every replay gives the same digits?

All sums of the engine run under one Decimal context (precision 50, half-even) whatever the caller's
thread has set: public functions that calculate are ``@exact``. Money that is kept (values, released
costs, fee parts) has 18 places; averages are for display.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)
from functools import wraps
from typing import ParamSpec, TypeVar

from positions.engine.errors import ValidationError

PLACES = 18
INTEGER_DIGITS = 20
CONTEXT = Context(
    prec=50,
    rounding=ROUND_HALF_EVEN,
    traps=[InvalidOperation, DivisionByZero, Overflow, FloatOperation],
)
ZERO = Decimal(0)
ONE = Decimal(1)
UNIT = Decimal(1).scaleb(-PLACES)
"""The smallest amount kept: 1e-18."""

_TOO_BIG = Decimal(10) ** INTEGER_DIGITS
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_LONGEST_TEXT = 64

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def exact_decimals() -> Iterator[None]:
    """Run a block under the engine's context; around a batch it saves a switch per call."""
    previous = getcontext()
    setcontext(CONTEXT)
    try:
        yield
    finally:
        setcontext(previous)


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """Make ``function`` calculate under the engine's context, whatever its caller has set."""

    @wraps(function)
    def calculate(*args: P.args, **kwargs: P.kwargs) -> R:
        previous = getcontext()
        if previous is CONTEXT:
            return function(*args, **kwargs)
        setcontext(CONTEXT)
        try:
            return function(*args, **kwargs)
        finally:
            setcontext(previous)

    return calculate


@exact
def kept(amount: Decimal) -> Decimal:
    """Round to the 18 places that are kept, half-even (contract section 6)."""
    return amount.quantize(UNIT)


@exact
def floor_to_step(qty: Decimal, step: Decimal | None) -> Decimal:
    """Round a quantity (not negative) down to the market's step; no step leaves it alone."""
    return qty if step is None or not step else (qty // step) * step


def parse(number: str | int | Decimal, *, field: str = "value") -> Decimal:
    """Read a decimal exactly: at most 20 integer digits and 18 places, no float, NaN or infinity.

    Zeros beyond the 18th place change nothing and are accepted; negative zero becomes zero.

    Raises:
        ValidationError: it is no plain number, or would lose digits when stored.
    """
    value = _decimal(number, field)
    if not value.is_finite():
        raise _unreadable(field, number)
    if value.copy_abs() >= _TOO_BIG:
        raise ValidationError(
            f"{field} has more than {INTEGER_DIGITS} integer digits.",
            field=field,
            limit=INTEGER_DIGITS,
            value=str(number),
        )
    if value != value.quantize(UNIT, ROUND_DOWN, CONTEXT):
        raise ValidationError(
            f"{field} has more than {PLACES} decimal places.",
            field=field,
            limit=PLACES,
            value=str(number),
        )
    return value if value else ZERO


def plain(value: Decimal) -> str:
    """Write a decimal as clients read it: no exponent, no trailing zeros, "0" never "-0"."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _decimal(number: object, field: str) -> Decimal:
    if isinstance(number, Decimal):
        return number
    if isinstance(number, int) and not isinstance(number, bool):
        if abs(number) >= _TOO_BIG:  # Before Decimal(): a huge int takes long to convert.
            raise ValidationError(
                f"{field} has more than {INTEGER_DIGITS} integer digits.",
                field=field,
                limit=INTEGER_DIGITS,
                value="too large",
            )
        return Decimal(number)
    if isinstance(number, str) and len(number) <= _LONGEST_TEXT and _NUMBER.fullmatch(number):
        return Decimal(number)
    raise _unreadable(field, number)


def _unreadable(field: str, number: object) -> ValidationError:
    return ValidationError(
        f"{field} is not a plain decimal number.",
        field=field,
        limit="a decimal as a string or an integer",
        value=str(number)[:_LONGEST_TEXT],
    )
