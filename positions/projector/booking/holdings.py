"""How is the engine's value of a position written to its row?"""

from datetime import datetime

from positions import rows
from positions.engine.holding import Holding, average_price
from positions.engine.market import Market
from positions.engine.money import plain
from positions.engine.types import CaseKind, PositionState
from positions.models import Position
from positions.outbox import HeldLane
from positions.projector.cases import resolve_case, subject_of


def store_holding(
    lane: HeldLane, position: Position, holding: Holding, market: Market, *, at: datetime
) -> None:
    """Write the engine's value back; an emptied position is closed ``at`` that time."""
    if position.unclosable and (holding.qty > position.qty or not holding.qty):
        position.unclosable = False
        resolve_case(lane, CaseKind.UNCLOSABLE, subject_of(position))
    if position.qty and not holding.qty:
        resolve_case(lane, CaseKind.FLATTEN_LEFT, subject_of(position))
    position.side = holding.side
    position.qty = holding.qty
    position.cost = holding.cost
    position.avg_price = average_price(holding, market) if holding.qty else position.avg_price
    position.profit = holding.profit
    position.fees = holding.fees_quote
    position.fees_by_currency = {currency: plain(fee) for currency, fee in holding.fees}
    position.updated_at = lane.now
    if not holding.qty:
        position.state = PositionState.CLOSED
        position.closed_at = at
    elif position.closed_at is not None:
        position.state = PositionState.OPEN
        position.closed_at = None
    if not holding.qty:
        position.protection = None
    position.save()
    lane.touch(position.symbol, fully=position.has_stops)


def tell_position(lane: HeldLane, event: str, position: Position) -> None:
    """Append an event about a position."""
    lane.tell(event, rows.position_row(position), strategy_id=position.strategy_id)
