"""Exact amounts: how quantities, prices and money are rounded and written on this wire."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal, getcontext

ZERO = Decimal(0)
ONE = Decimal(1)
SATOSHI = Decimal("0.00000001")

# Products of two 8-decimal amounts need more than the default 28 digits. Tasks and callbacks of
# the venue's only thread inherit this context.
getcontext().prec = 50


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``value``."""
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of ``step`` that is not below ``value``."""
    return (value / step).to_integral_value(ROUND_CEILING) * step


def cut(value: Decimal) -> Decimal:
    """``value`` cut to 8 decimals, towards zero: the precision the venue books money in."""
    return value.quantize(SATOSHI, ROUND_DOWN)


def fixed(value: Decimal) -> str:
    """An amount as Binance spot writes it: always 8 decimals, ``60000.00000000``."""
    return f"{value:.8f}"


def plain(value: Decimal) -> str:
    """An amount in its shortest fixed form, never with an exponent: ``0.5``, ``60000``."""
    shortest = f"{value:f}"
    return shortest.rstrip("0").rstrip(".") if "." in shortest else shortest
