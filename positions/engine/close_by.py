"""What happens when two opposite positions close each other without the exchange?

Contract section 6 and MetaTrader 5's "Close By": two ``out_by`` deals, no order, no cash.
"""

from dataclasses import dataclass
from decimal import Decimal

from positions.engine.arithmetic import average, gain, released, value
from positions.engine.closing import PositionFacts, check_close
from positions.engine.errors import ValidationError
from positions.engine.holding import Holding, Leg, Target
from positions.engine.market import Market
from positions.engine.money import ZERO, exact
from positions.engine.types import Entry


@dataclass(frozen=True, slots=True)
class CloseBy:
    """Two positions after closing each other by ``qty`` at ``price``, and the deal of each."""

    qty: Decimal
    price: Decimal
    leg_a: Leg
    leg_b: Leg
    a: Holding
    b: Holding


@exact
def close_by(
    a: PositionFacts,
    b: PositionFacts,
    market: Market,
    *,
    qty: Decimal | None = None,
    mark: Decimal | None = None,
) -> CloseBy:
    """Close ``a`` and ``b`` against each other, by the smaller of both unless ``qty`` says less.

    Each side releases its cost exactly and keeps its open price for the remainder. Within one
    strategy the price shown is b's average, b's profit is 0 and a earns the difference of the
    released costs. Between two strategies both deals are at ``mark`` and each books its own profit,
    so that neither pays the other; the profits sum to the same. Fees are zero.

    Raises:
        ValidationError: not two opposite assigned positions of one account and symbol, a quantity
            above the smaller one, or two strategies and no mark price.
        CloseInProgress: a pending close needs the volume.
    """
    _check_pair(a, b)
    qty = min(a.holding.qty, b.holding.qty) if qty is None else qty
    for side in (a, b):
        check_close(qty, volume=side.holding.qty, free=side.free)

    freed_a = released(a.holding.cost, a.holding.qty, qty)
    freed_b = released(b.holding.cost, b.holding.qty, qty)
    if a.strategy_id == b.strategy_id:
        price = average(b.holding.qty, b.holding.cost, market) or ZERO
        worth = freed_b
    elif mark is not None:
        price = mark
        worth = value(qty, mark, market)
    else:
        raise ValidationError(
            "Two strategies close each other at the mark price, and none is known.",
            field="mark_price",
            limit="a price",
            value=None,
        )
    profit_a = gain(a.holding.side, freed_a, worth, market)
    profit_b = gain(b.holding.side, freed_b, worth, market)
    return CloseBy(
        qty=qty,
        price=price,
        leg_a=_out_by(a.holding, qty, price, profit_a),
        leg_b=_out_by(b.holding, qty, price, profit_b),
        a=_less(a.holding, qty, freed_a, profit_a),
        b=_less(b.holding, qty, freed_b, profit_b),
    )


def _check_pair(a: PositionFacts, b: PositionFacts) -> None:
    for field in ("account_id", "symbol"):
        if getattr(a, field) != getattr(b, field):
            raise ValidationError(
                f"Both positions need the same {field}.",
                field=field,
                limit=getattr(a, field),
                value=getattr(b, field),
            )
    if a.position_id == b.position_id or a.holding.side is b.holding.side:
        raise ValidationError(
            "Only opposite positions close each other.",
            field="position_id_b",
            limit=a.holding.side.opposite,
            value=b.holding.side,
        )
    for position in (a, b):
        if position.dedicated:
            raise ValidationError(
                "The position of an unassigned external order: reassign the order first.",
                field="position_id",
                limit="an assigned position",
                value=position.position_id,
            )


def _out_by(holding: Holding, qty: Decimal, price: Decimal, profit: Decimal) -> Leg:
    return Leg(Target.CURRENT, Entry.OUT_BY, holding.side.opposite, qty, price, profit)


def _less(holding: Holding, qty: Decimal, freed: Decimal, profit: Decimal) -> Holding:
    return holding._replace(
        qty=holding.qty - qty, cost=holding.cost - freed, profit=holding.profit + profit
    )
