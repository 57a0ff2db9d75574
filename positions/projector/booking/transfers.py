"""How do two positions settle with each other, without the exchange?

The engine has decided; this module writes journal entry, deals, positions and events.
"""

from decimal import Decimal

from positions import rows
from positions.engine.close_by import CloseBy
from positions.engine.holding import Leg
from positions.engine.market import Market
from positions.engine.merge import Merge
from positions.engine.types import DealKind, PositionState, Reason
from positions.models import Command, Deal, JournalKind, MarketTerms, Order, Position
from positions.outbox import HeldLane
from positions.projector.booking.deals import write_deal
from positions.projector.booking.holdings import store_holding, tell_position
from positions.projector.journal import record


def book_close_by(
    lane: HeldLane,
    command: Command,
    a: Position,
    b: Position,
    *,
    result: CloseBy,
    mark: Decimal | None,
    market: Market,
    comment: str = "",
) -> None:
    """Write what ``result`` says of ``a`` and ``b``: an entry and two ``out_by`` deals.

    Each strategy is told of its own side only, unless it owns both.
    """
    terms = MarketTerms.objects.current(lane.account_id, market)
    record(
        lane,
        JournalKind.CLOSE_BY,
        command=command,
        position_id_a=a.pk,
        position_id_b=b.pk,
        qty=result.qty,
        mark=mark,
        terms_id=terms.pk,
    )
    sides = ((a, result.leg_a, result.a), (b, result.leg_b, result.b))
    deals = [
        _write_deal(lane, row, leg, market, comment, cost=left.cost - row.cost)
        for row, leg, left in sides
    ]
    for row, _, left in sides:
        store_holding(lane, row, left, market, at=lane.now)
        tell_position(lane, "position_updated" if row.qty else "position_closed", row)
    for strategy_id in dict.fromkeys((a.strategy_id, b.strategy_id)):
        own = [deal for deal in deals if deal.strategy_id == strategy_id]
        lane.tell(
            "close_by_executed",
            {
                "command_id": command.pk,
                "symbol": a.symbol,
                "qty": rows.decimal_text(result.qty),
                "price": rows.decimal_text(result.price),
                "position_ids": [deal.position_id for deal in own],
                "deal_ids": [deal.pk for deal in own],
            },
            strategy_id=strategy_id,
        )


def book_merge(
    lane: HeldLane,
    command: Command,
    source: Position,
    target: Position,
    *,
    result: Merge,
    market: Market,
) -> None:
    """Carry quantity, cost and open orders of ``source`` into ``target``; an entry and no deal.

    The source's stops go with it.
    """
    record(
        lane,
        JournalKind.MERGE,
        command=command,
        source_position_id=source.pk,
        target_position_id=target.pk,
        side=source.side,
        qty=result.qty,
        cost=result.cost,
    )
    source.merged_into = target
    store_holding(lane, source, result.source, market, at=lane.now)
    source.state = PositionState.MERGED
    source.save(update_fields=["state"])
    store_holding(lane, target, result.target, market, at=lane.now)
    for order in Order.objects.open().filter(position=source).order_by("id"):
        order.position, order.previous_position_id = target, source.pk
        order.updated_at = lane.now
        order.save(update_fields=["position", "previous_position_id", "updated_at"])
        lane.tell("order_updated", rows.order_row(order), strategy_id=order.strategy_id)
    lane.tell(
        "position_merged",
        rows.position_row(source) | {"merged_into": target.pk},
        strategy_id=source.strategy_id,
    )
    tell_position(lane, "position_updated", target)


def _write_deal(
    lane: HeldLane, row: Position, leg: Leg, market: Market, comment: str, *, cost: Decimal
) -> Deal:
    return write_deal(
        lane,
        row,
        side=leg.side,
        qty=leg.qty,
        price=leg.price,
        entry=leg.entry,
        kind=DealKind.TRANSFER,
        profit=leg.profit,
        cost=cost,
        profit_currency=market.profit_currency,
        reason=Reason.CLOSE_BY,
        comment=comment,
        executed_at=lane.now,
    )
