"""Could a stop's close be executed, or is it worth too little to trade?"""

from decimal import Decimal
from typing import Any

from positions.engine.money import exact, plain
from positions.models import Position
from positions.ports import MarketRules, is_worth_too_little
from positions.projector.booking.closable import told_reduce_only

BELOW_MINIMUM = "below_minimum_value"


def is_too_small(
    position: Position, rules: MarketRules, qty: Decimal, *, price: Decimal | None
) -> bool:
    """Whether the exchange would refuse a close of ``qty`` at ``price`` for its value."""
    if not is_worth_too_little(rules, qty, price=price, told_reduce_only=False):
        return False
    return not told_reduce_only(position, rules, qty)


@exact
def warning_of(
    position: Position, rules: MarketRules, qty: Decimal, *, price: Decimal | None
) -> dict[str, Any] | None:
    """What is wrong with a stop at ``price`` that could not be executed there; None: nothing is."""
    if price is None or rules.min_cost is None:
        return None
    if not is_too_small(position, rules, qty, price=price):
        return None
    value = qty * rules.contract_size * price
    return {"code": BELOW_MINIMUM, "limit": plain(rules.min_cost), "value": plain(value)}
