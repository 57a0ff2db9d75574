"""What becomes of a remainder that is too small to trade?"""

from decimal import Decimal

from positions import rows
from positions.engine.book import book_dust
from positions.engine.closing import Remainder, Steps, remainder_of_close
from positions.engine.holding import average_price
from positions.engine.market import Market, value_of
from positions.engine.types import (
    CaseKind,
    DealKind,
    MarketKind,
    OrderType,
    PositionState,
    Reason,
)
from positions.models import Deal, Dust, JournalKind, MarketTerms, Order, Position
from positions.outbox import HeldLane
from positions.ports import MarketRules
from positions.projector.cases import open_case, subject_of
from positions.projector.holdings import store_holding, tell_position
from positions.projector.journal import record


def steps_of(rules: MarketRules, order_type: OrderType) -> Steps:
    """The market's limits on one closing order; derivatives' closes know no minimum notional."""
    market_least = rules.min_market_amount if order_type is OrderType.MARKET else None
    spot = rules.kind is MarketKind.SPOT
    return Steps(
        qty_step=rules.amount_step,
        min_qty=market_least or rules.min_amount,
        min_notional=rules.min_cost if spot else None,
    )


def write_off(lane: HeldLane, position: Position, qty: Decimal, market: Market) -> None:
    """Close ``qty`` by a ``correction`` deal at the average, profit 0, into the dust record.

    A journal entry names the position, the quantity and the cost that went.
    """
    booking = book_dust(position.holding, market, qty)
    record(
        lane,
        JournalKind.CORRECTION,
        position_id=position.pk,
        qty=qty,
        cost=position.cost - booking.current.cost,
        terms_id=MarketTerms.objects.current(lane.account_id, market).pk,
    )
    price = average_price(position.holding, market)
    for leg in booking.legs:
        deal = Deal.objects.create(
            account_id=lane.account_id,
            booking_no=lane.next_booking_no(),
            position=position,
            symbol=position.symbol,
            side=leg.side,
            qty=leg.qty,
            price=price,
            entry=leg.entry,
            kind=DealKind.CORRECTION,
            profit_currency=market.profit_currency,
            strategy_id=position.strategy_id,
            reason=Reason.CORRECTION,
            comment="Too small to trade: moved to dust.",
            executed_at=lane.now,
            created_at=lane.now,
        )
        lane.tell("deal_created", rows.deal_row(deal), strategy_id=deal.strategy_id)
    store_holding(lane, position, booking.current, market, at=lane.now)
    tell_position(lane, "position_updated" if position.qty else "position_closed", position)
    for move in booking.dust:
        add_dust(lane.account_id, move.asset, move.qty)


def settle_remainder(lane: HeldLane, order: Order, rules: MarketRules) -> None:
    """After a close that asked for everything: write off dust, flag what cannot be closed."""
    position = Position.objects.get(pk=order.position_id)
    market = rules.engine_market
    steps = steps_of(rules, OrderType(order.order_type))
    mark = order.avg_fill_price
    notional = None if mark is None else value_of(position.qty, mark, market)
    match remainder_of_close(position.qty, notional=notional, steps=steps):
        case Remainder.DUST:
            write_off(lane, position, position.qty, market)
        case Remainder.UNCLOSABLE if not position.unclosable:
            _flag_unclosable(lane, position, notional=notional, least=steps.min_notional)
        case _:
            pass


def _flag_unclosable(
    lane: HeldLane, position: Position, *, notional: Decimal | None, least: Decimal | None
) -> None:
    """The exchange takes no order this small: the position stays open and somebody is told."""
    position.unclosable = True
    position.state = PositionState.OPEN
    position.updated_at = lane.now
    position.save(update_fields=["unclosable", "state", "updated_at"])
    tell_position(lane, "position_updated", position)
    open_case(
        lane,
        CaseKind.UNCLOSABLE,
        subject_of(position),
        symbol=position.symbol,
        strategy_id=position.strategy_id,
        position=position,
        facts={"qty": position.qty, "notional": notional, "min_notional": least},
        proposal="Worth less than the market's minimum: add to it and close all, or merge it.",
    )


def add_dust(account_id: int, currency: str, qty: Decimal) -> None:
    """Change the account's dust record of a currency."""
    dust, _ = Dust.objects.get_or_create(account_id=account_id, currency=currency)
    dust.qty += qty
    dust.save(update_fields=["qty"])
