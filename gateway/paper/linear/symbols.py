"""What can be traded as USD-M perpetuals, and how much leverage which position size may have.

Filters and brackets follow what Binance told in 2025, with one table of brackets for all symbols.
"""

from dataclasses import dataclass
from decimal import Decimal

from gateway.paper.market.symbols import Spec


@dataclass(frozen=True, slots=True)
class Bracket:
    """Positions worth ``floor`` to ``cap`` USDT: the leverage they may have, the margin they keep.

    The maintenance margin of a position is its worth times ``maintenance``, less ``cum``, which
    makes it a continuous function of the worth.
    """

    number: int
    floor: Decimal
    cap: Decimal
    leverage: int
    maintenance: Decimal
    cum: Decimal


def bracket_of(worth: Decimal) -> Bracket:
    """The bracket of a position worth that much; above the last cap it is the last one."""
    return next((bracket for bracket in BRACKETS if worth <= bracket.cap), BRACKETS[-1])


def largest_worth(leverage: int) -> Decimal:
    """The largest position, in USDT, that may be held at a leverage."""
    return max(bracket.cap for bracket in BRACKETS if bracket.leverage >= leverage)


def _brackets() -> tuple[Bracket, ...]:
    table = (
        ("300000", 125, "0.004"),
        ("800000", 100, "0.005"),
        ("3000000", 75, "0.0065"),
        ("12000000", 50, "0.01"),
        ("70000000", 25, "0.02"),
        ("100000000", 20, "0.025"),
        ("230000000", 10, "0.05"),
        ("480000000", 5, "0.1"),
        ("600000000", 4, "0.125"),
        ("800000000", 3, "0.15"),
        ("1200000000", 2, "0.25"),
        ("1800000000", 1, "0.5"),
    )
    brackets: list[Bracket] = []
    floor = cum = rate = Decimal(0)
    for number, (cap, leverage, maintenance) in enumerate(table, start=1):
        cum += floor * (Decimal(maintenance) - rate)
        rate = Decimal(maintenance)
        brackets.append(Bracket(number, floor, Decimal(cap), leverage, rate, cum))
        floor = Decimal(cap)
    return tuple(brackets)


def _spec(base: str, start: str, tick: str, step: str, *, smallest: str, most: str) -> Spec:
    return Spec(
        symbol=base + "USDT",
        base=base,
        quote="USDT",
        start=Decimal(start),
        tick=Decimal(tick),
        step=Decimal(step),
        min_notional=Decimal(smallest),
        level_notional=Decimal(50_000),
        max_qty=Decimal(most),
        max_price=Decimal(4_529_764),
    )


BRACKETS = _brackets()
LINEAR = {
    spec.symbol: spec
    for spec in (
        _spec("BTC", "60000", "0.1", "0.001", smallest="50", most="1000"),
        _spec("ETH", "3000", "0.01", "0.001", smallest="20", most="10000"),
        _spec("BNB", "600", "0.01", "0.01", smallest="5", most="100000"),
        _spec("SOL", "150", "0.01", "0.01", smallest="5", most="1000000"),
    )
}
