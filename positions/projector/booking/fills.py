"""How does a trade become an execution, deals and a position?

Called under the account's lane. The engine decides; this module fetches what it needs to know and
writes what it answers.
"""

from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Account
from positions.engine.book import book_fill, book_forced_close
from positions.engine.fees import rate_of
from positions.engine.holding import Booking, Holding, Leg, OtherFee, Target
from positions.engine.market import Market
from positions.engine.money import ZERO, exact, kept, plain
from positions.engine.routing import Candidate, route
from positions.engine.types import (
    CaseKind,
    DealKind,
    DealRule,
    Entry,
    PositionMode,
    Reason,
    Reversal,
    Side,
)
from positions.ledger.executions import (
    digest,
    fill_of,
    knows_fee,
    order_facts_of,
    strategy_of_deal,
    told_fees,
)
from positions.models import Deal, ExchangeOrder, Execution, MarketTerms, Order, Position
from positions.outbox import HeldLane
from positions.ports import MarketRules
from positions.projector.booking.deals import write_deal
from positions.projector.booking.dust import add_dust
from positions.projector.booking.holdings import store_holding, tell_position
from positions.projector.booking.stops import take_over_stops
from positions.projector.cases import open_case, subject_of
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
    """Append the execution, book it to the positions it belongs to, and count it on the order.

    What is awaited in the place of a provisional booking is appended only.
    """
    market = rules.engine_market
    if is_awaited(leg, trade):
        _append_execution(lane, order=order, leg=leg, trade=trade, rules=rules, deferred=True)
        return
    if trade.forced is not None and order.reason == Reason.EXTERNAL and not order.filled_qty:
        order.reason, order.reconciled = trade.forced, True  # Its report came before its trades.
    execution = _append_execution(lane, order=order, leg=leg, trade=trade, rules=rules)
    order.provisional |= execution.provisional
    if execution.forced is not None:
        landed = _book_forced(lane, order, execution, market)
    else:
        landed = _book_routed(lane, order, execution, market)
    # The excess of a hedge close is found again by its opening order; the order keeps its target.
    keeps_target = (order.closes_position or order.is_leg) and order.position_id is not None
    if order.position_id != landed.pk and not keeps_target:
        order.previous_position_id = order.position_id
        order.position = landed
    count(order, leg, trade)


def is_awaited(leg: ExchangeOrder, trade: TradeReport) -> bool:
    """Whether the trade is one of those that a provisional booking stands for."""
    return bool(leg.provisional_filled) and not trade.provisional


def _book_routed(lane: HeldLane, order: Order, execution: Execution, market: Market) -> Position:
    """Book the execution where the engine routes it; returns the position it landed on."""
    positions = _candidates(order)
    chosen = route(
        order_facts_of(execution)._replace(reduce_only=order.reduce_only),
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
    landed = _write(
        lane, order, execution, booking=booking, current=current, opens=opens, market=market
    )
    if over_close and booking.opened is None and before is not None:
        _tell_grown(lane, order, execution, landed, before)
    return landed


def _tell_grown(
    lane: HeldLane, order: Order, execution: Execution, position: Position, before: Holding
) -> None:
    """A close that came after its position had turned: what it made of the one that is there."""
    grown = position.qty if position.side != before.side else position.qty - before.qty
    if grown > ZERO and position.side == order.side:
        _open_excess_case(lane, CaseKind.OVER_CLOSE, order, execution, position, excess=grown)


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
    lane: HeldLane,
    *,
    order: Order,
    leg: ExchangeOrder,
    trade: TradeReport,
    rules: MarketRules,
    deferred: bool = False,
) -> Execution:
    """The next link of the account's hash chain, with all that its booking depends on."""
    account: Account = order.account
    market = rules.engine_market
    forced = forced_by(order, trade)
    first, others = _fees(trade, market)
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
        fee=trade.fee if first is None else first.fee,
        fee_currency=trade.fee_currency if first is None else first.currency,
        exchange_trade_id=trade.exchange_trade_id,
        exchange_order_id=trade.exchange_order_id,
        executed_at=trade.executed_at,
        terms=MarketTerms.objects.current(lane.account_id, market),
        position_mode=account.position_mode,
        reversal=account.reversal,
        strategy_id=order.strategy_id,
        named_position_id=order.position_id,
        fee_rate=None if first is None else first.fee_rate,
        other_fees=told_fees(others),
        external=not order.reconciled,
        forced=forced,
        forced_step=None if forced is None else rules.amount_step,
        deal_rule=DealRule.ORDER,
        provisional=trade.provisional,
        deferred=deferred,
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


def _fees(trade: TradeReport, market: Market) -> tuple[OtherFee | None, list[OtherFee]]:
    """The fee that the trade is booked with, and the others; one in base is the first."""
    fees = sorted(trade.fees, key=lambda fee: fee[0] != market.base)
    rated = [
        OtherFee(currency, fee, _fee_rate(trade, currency, fee, market)) for currency, fee in fees
    ]
    return (rated[0], rated[1:]) if rated else (None, [])


def _fee_rate(trade: TradeReport, currency: str, fee: Decimal, market: Market) -> Decimal | None:
    """What a third currency's fee was worth; the market's own ones need no rate."""
    if not fee or currency in (market.base, market.quote, market.settle):
        return None
    rate = trade.fee_rates.get(currency)
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
            _open_excess_case(lane, opens.case, order, execution, opened, excess=opened.qty)
    for move in booking.dust:
        add_dust(lane.account_id, move.asset, move.qty)
    return opened or current


def _open_excess_case(
    lane: HeldLane,
    kind: CaseKind,
    order: Order,
    execution: Execution,
    position: Position,
    *,
    excess: Decimal,
) -> None:
    """More was closed than was left: the excess is a position that nobody asked for."""
    open_case(
        lane,
        kind,
        subject_of(position),
        symbol=position.symbol,
        strategy_id=position.strategy_id,
        position=position,
        order=order,
        facts={
            "closed_position_id": order.position_id,
            "excess_qty": excess,
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
    return write_deal(
        lane,
        position,
        execution=execution,
        order=order,
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
        other_fees=told_fees(leg.other_fees),
        base_fee=leg.base_fee,
        cost=cost,
        strategy_id=strategy_of_deal(
            execution.deal_rule, order=execution.strategy_id, position=position.strategy_id
        ),
        trigger_source=order.trigger_source,
        reason=execution.forced or order.reason,
        comment=order.comment,
        reconciled=order.reconciled and not execution.provisional,
        exchange_trade_id=execution.exchange_trade_id,
        executed_at=execution.executed_at,
    )


def count(order: Order, leg: ExchangeOrder, trade: TradeReport) -> None:
    """Add the trade to the totals of its order and of its order at the exchange."""
    leg.booked_filled += trade.qty
    if trade.provisional:
        leg.provisional_filled += trade.qty
    leg.save(update_fields=["booked_filled", "provisional_filled"])
    order.filled_qty += trade.qty
    order.filled_value += kept(trade.qty * trade.price)
    order.avg_fill_price = kept(order.filled_value / order.filled_qty)
    for currency, fee in trade.fees:
        paid = Decimal(order.fees_by_currency.get(currency, ZERO)) + fee
        order.fees_by_currency = {**order.fees_by_currency, currency: plain(paid)}
        if order.fee_currency in (None, currency):
            order.fee, order.fee_currency = paid, currency
