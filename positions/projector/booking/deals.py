"""How is a deal written and told?"""

from typing import Any

from positions import rows
from positions.models import Deal, Position
from positions.outbox import HeldLane


def write_deal(
    lane: HeldLane, position: Position, *, strategy_id: int | None = None, **facts: Any
) -> Deal:
    """Store a deal on ``position`` under the next booking number, and tell it.

    ``strategy_id`` is that of its order, the position's unless given; ``facts`` are the other
    columns of the row.
    """
    deal = Deal.objects.create(
        account_id=lane.account_id,
        booking_no=lane.next_booking_no(),
        position=position,
        symbol=position.symbol,
        strategy_id=position.strategy_id if strategy_id is None else strategy_id,
        position_strategy_id=position.strategy_id,
        created_at=lane.now,
        **facts,
    )
    tell_deal(lane, deal)
    return deal


def tell_deal(lane: HeldLane, deal: Deal) -> None:
    """Append the event about a new deal, for its own strategy and its position's."""
    lane.tell(
        "deal_created",
        rows.deal_row(deal),
        strategy_id=deal.strategy_id,
        position_strategy_id=deal.position_strategy_id,
    )
