"""G7: how many fills does the engine book in a second, and does a long history cost more?"""

import time
from decimal import Decimal
from random import Random

from bench.bare import BarePosition, add_up
from bench.measuring import Goal, Result, compare
from positions.engine.book import book_fill
from positions.engine.holding import Fill, Holding
from positions.engine.market import Market
from positions.engine.money import exact_decimals
from positions.engine.types import MarketKind, Side

MARKET = Market("BTC/USDT:USDT", MarketKind.LINEAR, "BTC", "USDT", "USDT")
FILLS = 20_000
SHORT = 20

RATE = Goal("G7 engine, fills with fees per CPU second: 400,000", "/s", ours_at_least=400_000)
PLAIN_RATE = Goal("G7 engine, the same without fees: 400,000", "/s", ours_at_least=400_000)
LONG = Goal(
    f"G7 a fill after {FILLS:,} in one position beside one after {SHORT}: ≤ 1.2×",
    "µs",
    at_most=1.2,
)


def run() -> list[Result]:
    """Measure in CPU time: the engine does nothing else, and neighbours disturb it less."""
    with_fees, without = _fills(fee="0.0004"), _fills(fee="0")
    assert _agree(with_fees), "the engine and the bare loop disagree"
    return [
        compare(RATE, baseline=lambda: _bare(with_fees), ours=lambda: _engine(with_fees)),
        compare(PLAIN_RATE, baseline=lambda: _bare(without), ours=lambda: _engine(without)),
        compare(
            LONG, baseline=lambda: _per_fill(with_fees, SHORT), ours=lambda: _per_fill(with_fees)
        ),
    ]


def _bare(fills: list[Fill]) -> float:
    began = time.process_time()
    with exact_decimals():
        add_up(fills)
    return len(fills) / (time.process_time() - began)


def _engine(fills: list[Fill]) -> float:
    began = time.process_time()
    _book(fills)
    return len(fills) / (time.process_time() - began)


def _per_fill(fills: list[Fill], every: int = FILLS) -> float:
    """Microseconds per fill, with a new position after so many."""
    began = time.process_time()
    for start in range(0, len(fills), every):
        _book(fills[start : start + every])
    return (time.process_time() - began) / len(fills) * 1e6


def _book(fills: list[Fill]) -> Holding:
    held = None
    with exact_decimals():
        for fill in fills:
            booking = book_fill(held, fill, MARKET)
            held = booking.opened or booking.current
    assert held is not None
    return held


def _agree(fills: list[Fill]) -> bool:
    """Both have the same position; profit and fees start anew with it in the engine."""
    held = _book(fills)
    with exact_decimals():
        bare = add_up(fills)
    return bare == BarePosition(held.side, held.qty, held.cost, bare.profit, bare.fees)


def _fills(fee: str) -> list[Fill]:
    """Raising, reducing and reversing in turn at random, around a price of 55,000."""
    dice, rate, found = Random(7), Decimal(fee), []
    for _ in range(FILLS):
        qty, price = Decimal(dice.randint(1, 999)).scaleb(-3), Decimal(dice.randint(50_000, 60_000))
        side = dice.choice((Side.BUY, Side.SELL))
        found.append(Fill(side, qty, price, qty * price * rate, "USDT"))
    return found
