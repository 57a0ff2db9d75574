"""What does merging one position into another carry over?

Contract section 6: a merge is a journal entry of quantity and cost, not a deal. The source's deals,
profit and fees stay with it.
"""

from dataclasses import dataclass
from decimal import Decimal

from positions.engine.closing import PositionFacts
from positions.engine.errors import CloseInProgress, ValidationError
from positions.engine.holding import Holding
from positions.engine.money import ZERO, exact


@dataclass(frozen=True, slots=True)
class Merge:
    """The quantity and cost carried, and both positions after it; the source is empty."""

    qty: Decimal
    cost: Decimal
    source: Holding
    target: Holding


@exact
def merge(source: PositionFacts, target: PositionFacts) -> Merge:
    """Carry all of ``source`` into ``target``; its average becomes the volume-weighted one.

    Raises:
        ValidationError: account, symbol, side or strategy differ, it is one position, either is
            empty, or belongs to an unassigned external order.
        CloseInProgress: a pending close on the source.
    """
    _check_pair(source, target)
    moved, kept = source.holding, target.holding
    return Merge(
        qty=moved.qty,
        cost=moved.cost,
        source=moved._replace(qty=ZERO, cost=ZERO),
        target=kept._replace(qty=kept.qty + moved.qty, cost=kept.cost + moved.cost),
    )


def _check_pair(source: PositionFacts, target: PositionFacts) -> None:
    if source.position_id == target.position_id:
        raise ValidationError(
            "A position cannot be merged into itself.",
            field="target_position_id",
            limit="another position",
            value=target.position_id,
        )
    pairs = {
        "account_id": (source.account_id, target.account_id),
        "symbol": (source.symbol, target.symbol),
        "strategy_id": (source.strategy_id, target.strategy_id),
        "side": (source.holding.side, target.holding.side),
    }
    for field, (ours, theirs) in pairs.items():
        if ours != theirs:
            raise ValidationError(
                f"Both positions need the same {field}.", field=field, limit=ours, value=theirs
            )
    for position in (source, target):
        if position.dedicated or not position.holding.qty:
            raise ValidationError(
                "Only open, assigned positions can be merged.",
                field="position_id",
                limit="an open, assigned position",
                value=position.position_id,
            )
    if source.free < source.holding.qty:
        raise CloseInProgress(
            "A pending close needs the source's volume.",
            field="source_position_id",
            limit=source.free,
            value=source.holding.qty,
        )
