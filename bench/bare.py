"""What does booking a fill cost at the least? The baseline of engine and replay.

A dataclass of four Decimals that is added up in a loop, as one would write it in an afternoon: same
rounding, same treatment of a fill across zero, but no deals, no fees by currency, no kinds of
markets, no validation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from positions.engine.holding import Fill
from positions.engine.money import UNIT, ZERO
from positions.engine.types import Side


@dataclass(slots=True)
class BarePosition:
    """Side, quantity, cost, realised profit and fees."""

    side: Side = Side.BUY
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    profit: Decimal = ZERO
    fees: Decimal = ZERO


def add_up(fills: Sequence[Fill]) -> BarePosition:
    """Book all fills into one position."""
    held = BarePosition()
    for fill in fills:
        held.fees += fill.fee
        worth = (fill.qty * fill.price).quantize(UNIT)
        if held.side is fill.side or not held.qty:
            held = BarePosition(
                fill.side, held.qty + fill.qty, held.cost + worth, held.profit, held.fees
            )
            continue
        closed = min(held.qty, fill.qty)
        whole = closed == held.qty
        freed = held.cost if whole else (held.cost * closed / held.qty).quantize(UNIT)
        paid = worth if closed == fill.qty else (closed * fill.price).quantize(UNIT)
        earned = paid - freed if held.side is Side.BUY else freed - paid
        left = BarePosition(
            held.side, held.qty - closed, held.cost - freed, held.profit + earned, held.fees
        )
        if closed < fill.qty:
            left.side, left.qty, left.cost = fill.side, fill.qty - closed, worth - paid
        held = left
    return held
