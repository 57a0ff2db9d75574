"""How does a trade become an execution, deals and a position?

Called under the account's lane. The engine decides; this module fetches what it needs to know and
writes what it answers.
"""

from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Account
from positions import rows
from positions.engine.book import book_fill, book_forced_close
from positions.engine.fees import rate_of
from positions.engine.holding import Booking, Holding, Leg, Target
from positions.engine.market import Market
from positions.engine.money import ZERO, exact, kept
from positions.engine.routing import Candidate, route
from positions.engine.types import (
    CaseKind,
    DealKind,
    Entry,
    PositionMode,
    Reason,
    Reversal,
    Side,
)
from positions.ledger.executions import digest, fill_of, knows_fee, order_facts_of
from positions.models import Deal, ExchangeOrder, Execution, MarketTerms, Order, Position
from positions.outbox import HeldLane
from positions.ports import MarketRules, exchange
from positions.projector.cases import open_case, subject_of
from positions.projector.dust import add_dust
from positions.projector.holdings import store_holding, tell_position
from positions.projector.stops import take_over_stops
from positions.reports import TradeReport

FORCED = (Reason.LIQUIDATION, Reason.ADL)


@dataclass(frozen=True, slots=True)
class _Opens:
    """What becomes of a position that a booking opens: ``case`` is opened about it, if any."""

    reason: Reason
    dedicated: bool = False
    case: CaseKind | None = None


@exact
def book_trade(
    lane: HeldLane,
    *,
    order: Order,
    leg: ExchangeOrder,
    trade: TradeReport,
    rules: MarketRules,
) -> None:
    """Append the execution, book it to the positions it belongs to, and count it on the order."""
    market = rules.engine_market
    if trade.forced is not None and order.reason == Reason.EXTERNAL and not order.filled_qty:
        order.reason, order.reconciled = trade.forced, True  # Its report came before its trades.
    execution = _append_execution(lane, order=order, leg=leg, trade=trade, rules=rules)
    if execution.forced is not None:
        landed = _book_forced(lane, order, execution, market)
    else:
        landed = _book_routed(lane, order, execution, market)
    # The excess of a hedge close is found again by its opening order; the order keeps its target.
    keeps_target = (order.closes_position or order.is_leg) and order.position_id is not None
    if order.position_id != landed.pk and not keeps_target:
        order.previous_position_id = order.position_id
        order.position = landed
    _count(order, leg, trade)


def _book_routed(lane: HeldLane, order: Order, execution: Execution, market: Market) -> Position:
    """Book the execution where the engine routes it; returns the position it landed on."""
    positions = _candidates(order)
    chosen = route(
        order_facts_of(execution),
        [candidate_of(position) for position in positions.values()],
        mode=PositionMode(execution.position_mode),
        reversal=Reversal(execution.reversal),
    )
    current = positions.get(chosen.position_id) if chosen.position_id else None
    before = None if current is None else current.holding
    booking = book_fill(before, fill_of(execution), market, chosen.reversal)
    over_close = chosen.new_reason is Reason.CORRECTION
    opens = _Opens(
        reason=chosen.new_reason or Reason(order.reason),
        dedicated=execution.external,
        case=CaseKind.OVER_CLOSE if over_close else None,
    )
    return _write(
        lane, order, execution, booking=booking, current=current, opens=opens, market=market
    )


def _book_forced(lane: HeldLane, order: Order, execution: Execution, market: Market) -> Position:
    """Close what the exchange closed by force, pro rata; returns the last position it touched.

    What exceeds all positions of that side is dedicated to the order, outside netting, until
    somebody assigns it.
    """
    fill = fill_of(execution)
    rows = Position.objects.open().filter(
        account_id=lane.account_id, symbol=order.symbol, side=fill.side.opposite
    )
    by_id = {row.pk: row for row in rows.order_by("id") if row.qty}
    own = Position.objects.standing().filter(
        account_id=lane.account_id, opening_order_id=order.pk, is_external=True
    )
    excess = own.order_by("id").first()
    parts = book_forced_close(
        {position_id: row.holding for position_id, row in by_id.items()},
        fill,
        market,
        step=execution.forced_step,
        excess=None if excess is None else excess.holding,
    )
    opens = _Opens(reason=Reason.CORRECTION, dedicated=True, case=CaseKind.LIQUIDATION)
    for part in parts:
        if part.position_id is None:
            order.reconciled = False
        landed = _write(
            lane,
            order,
            execution,
            booking=part.booking,
            current=excess if part.position_id is None else by_id[part.position_id],
            opens=opens,
            market=market,
        )
    return landed


def candidate_of(position: Position) -> Candidate:
    """A row as the engine's routing sees it."""
    return Candidate(
        position_id=position.pk,
        side=Side(position.side),
        qty=position.qty,
        strategy_id=position.strategy_id,
        opened_by=position.opening_order_id,
        dedicated=position.is_external,
        merged_into=position.merged_into_id,
    )


def _append_execution(
    lane: HeldLane, *, order: Order, leg: ExchangeOrder, trade: TradeReport, rules: MarketRules
) -> Execution:
    """The next link of the account's hash chain, with all that its booking depends on."""
    account: Account = order.account
    market = rules.engine_market
    forced = forced_by(order, trade)
    execution = Execution(
        account_id=lane.account_id,
        number=lane.execution_count + 1,
        booking_no=lane.last_booking_no + 1,
        order=order,
        leg=leg,
        symbol=trade.symbol,
        side=trade.side,
        qty=trade.qty,
        price=trade.price,
        fee=trade.fee,
        fee_currency=trade.fee_currency,
        exchange_trade_id=trade.exchange_trade_id,
        exchange_order_id=trade.exchange_order_id,
        executed_at=trade.executed_at,
        terms=MarketTerms.objects.current(lane.account_id, market),
        position_mode=account.position_mode,
        reversal=account.reversal,
        strategy_id=order.strategy_id,
        named_position_id=order.position_id,
        fee_rate=_fee_rate(lane.account_id, trade, market),
        external=not order.reconciled,
        forced=forced,
        forced_step=None if forced is None else rules.amount_step,
        previous_hash=lane.execution_hash,
        created_at=lane.now,
    )
    execution.hash = digest(execution)
    lane.chain_execution(execution.hash)
    execution.save(force_insert=True)
    return execution


def forced_by(order: Order, trade: TradeReport) -> Reason | None:
    """Liquidation or adl where the exchange closed by force; one trade says it for its order."""
    if trade.forced is None and order.reason in FORCED:
        return Reason(order.reason)
    return trade.forced


def _fee_rate(account_id: int, trade: TradeReport, market: Market) -> Decimal | None:
    """What a third currency's fee is worth now; its own and unknown ones need no rate."""
    currency = trade.fee_currency
    if not trade.fee or currency in (None, market.base, market.quote, market.settle):
        return None
    rate = exchange().last_price(account_id, f"{currency}/{market.quote}")
    return None if rate is None else kept(rate)


def _candidates(order: Order) -> dict[int, Position]:
    """The positions that a fill of ``order`` may belong to: a superset, by id."""
    mine = Position.objects.standing().filter(account_id=order.account_id, symbol=order.symbol)
    if order.account.position_mode != PositionMode.HEDGE and order.reconciled:
        return {position.pk: position for position in mine.open()}
    own = mine.filter(opening_order_id=order.pk) | mine.filter(pk=order.position_id)
    found = {position.pk: position for position in own.order_by("id")}
    while missing := {row.merged_into_id for row in found.values()} - {None, *found}:
        found |= Position.objects.in_bulk(missing)
    return found


def _write(
    lane: HeldLane,
    order: Order,
    execution: Execution,
    *,
    booking: Booking,
    current: Position | None,
    opens: _Opens,
    market: Market,
) -> Position:
    """Write deals and positions of a booking; returns the position that it landed on."""
    before = None if current is None else current.holding
    opened = None
    if booking.opened is not None:
        opened = _open_position(lane, order, execution, booking.opened, opens)
    for leg in booking.legs:
        position = opened if leg.target is Target.NEW else current
        cost = booking.cost_change(leg, before)
        deal = _write_deal(
            lane, order, execution, leg=leg, position=position, market=market, cost=cost
        )
        if leg.target is Target.NEW:
            position.opening_booking_no = deal.booking_no
    if current is not None and booking.current is not None:
        reversed_here = any(leg.entry is Entry.INOUT for leg in booking.legs)
        if reversed_here:
            current.ticket = order.pk
        take_over_stops(execution, current, booking, Target.CURRENT)
        store_holding(lane, current, booking.current, market, at=execution.executed_at)
        tell_position(lane, "position_updated" if current.qty else "position_closed", current)
    if opened is not None:
        take_over_stops(execution, opened, booking, Target.NEW)
        store_holding(lane, opened, booking.opened, market, at=execution.executed_at)
        tell_position(lane, "position_opened", opened)
        if opens.case is not None:
            _open_excess_case(lane, opens.case, order, execution, opened)
    for move in booking.dust:
        add_dust(lane.account_id, move.asset, move.qty)
    return opened or current


def _open_excess_case(
    lane: HeldLane, kind: CaseKind, order: Order, execution: Execution, excess: Position
) -> None:
    """More was closed than was left: the excess is a position that nobody asked for."""
    open_case(
        lane,
        kind,
        subject_of(excess),
        symbol=excess.symbol,
        strategy_id=excess.strategy_id,
        position=excess,
        order=order,
        facts={
            "closed_position_id": order.position_id,
            "excess_qty": excess.qty,
            "fill_qty": execution.qty,
            "exchange_trade_id": execution.exchange_trade_id,
        },
        proposal=_EXCESS_PROPOSALS[kind],
    )


_EXCESS_PROPOSALS = {
    CaseKind.OVER_CLOSE: "The close filled more than was left: close the excess, or keep it.",
    CaseKind.LIQUIDATION: "The exchange closed more than we held: find the missing fills, or "
    "reassign the order.",
}


def _open_position(
    lane: HeldLane, order: Order, execution: Execution, holding: Holding, opens: _Opens
) -> Position:
    return Position.objects.create(
        account_id=lane.account_id,
        ticket=order.pk,
        opening_order_id=order.pk,
        symbol=order.symbol,
        strategy_id=order.strategy_id,
        side=holding.side,
        is_external=opens.dedicated,
        reason=opens.reason,
        comment=order.comment,
        opened_at=execution.executed_at,
        updated_at=lane.now,
    )


def _write_deal(
    lane: HeldLane,
    order: Order,
    execution: Execution,
    *,
    leg: Leg,
    position: Position,
    market: Market,
    cost: Decimal,
) -> Deal:
    deal = Deal.objects.create(
        account_id=lane.account_id,
        booking_no=lane.next_booking_no(),
        execution=execution,
        order=order,
        position=position,
        symbol=order.symbol,
        side=leg.side,
        qty=leg.qty,
        price=leg.price,
        entry=leg.entry,
        kind=DealKind.FILL,
        profit=leg.profit,
        profit_currency=market.profit_currency,
        fee=leg.fee if knows_fee(execution) else None,
        fee_currency=execution.fee_currency,
        fee_rate=rate_of(leg.fee, leg.fee_quote),
        fee_quote=leg.fee_quote if knows_fee(execution) else None,
        base_fee=leg.base_fee,
        cost=cost,
        strategy_id=position.strategy_id,
        trigger_source=order.trigger_source,
        reason=execution.forced or order.reason,
        comment=order.comment,
        reconciled=order.reconciled,
        exchange_trade_id=execution.exchange_trade_id,
        executed_at=execution.executed_at,
        created_at=lane.now,
    )
    lane.tell("deal_created", rows.deal_row(deal), strategy_id=deal.strategy_id)
    return deal


def _count(order: Order, leg: ExchangeOrder, trade: TradeReport) -> None:
    """Add the trade to the totals of its order and of its order at the exchange."""
    leg.booked_filled += trade.qty
    leg.save(update_fields=["booked_filled"])
    order.filled_qty += trade.qty
    order.filled_value += kept(trade.qty * trade.price)
    order.avg_fill_price = kept(order.filled_value / order.filled_qty)
    if trade.fee is None or trade.fee_currency is None:
        return
    if order.fee_currency in (None, trade.fee_currency):  # The fees of a second one: see its deals.
        order.fee = (order.fee or ZERO) + trade.fee
        order.fee_currency = trade.fee_currency
