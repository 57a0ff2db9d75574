"""How does a trade become an execution, deals and a position?

Called under the account's lane. The engine decides; this module fetches what it needs to know and
writes what it answers.
"""

import hashlib
from decimal import Decimal

from accounts.models import Account
from positions import rows
from positions.engine.book import book_fill
from positions.engine.holding import Booking, Fill, Holding, Leg, Target
from positions.engine.market import Market
from positions.engine.money import ZERO, exact, kept, plain
from positions.engine.routing import Candidate, OrderFacts, Route, route
from positions.engine.types import (
    DealKind,
    Entry,
    PositionMode,
    Reversal,
    Side,
)
from positions.models import Deal, ExchangeOrder, Execution, Order, Position
from positions.outbox import HeldLane
from positions.ports import MarketRules, exchange
from positions.projector.dust import add_dust
from positions.projector.holdings import store_holding, tell_position
from positions.reports import TradeReport


@exact
def book_trade(
    lane: HeldLane,
    *,
    order: Order,
    leg: ExchangeOrder,
    trade: TradeReport,
    rules: MarketRules,
) -> None:
    """Append the execution, book it to the position it belongs to, and count it on the order."""
    execution = _append_execution(lane, order=order, leg=leg, trade=trade)
    market = rules.engine_market
    fill = _fill(execution, market)
    positions = _candidates(order)
    chosen = _route(order, positions)
    current = positions.get(chosen.position_id) if chosen.position_id else None
    before = None if current is None else current.holding
    booking = book_fill(before, fill, market, chosen.reversal)
    _write(lane, order, execution, booking=booking, current=current, chosen=chosen, market=market)
    _count(order, leg, trade)


def _append_execution(
    lane: HeldLane, *, order: Order, leg: ExchangeOrder, trade: TradeReport
) -> Execution:
    """The next link of the account's hash chain: SHA-256 over the one before and this row."""
    previous = lane.execution_hash
    facts = (
        previous,
        str(lane.account_id),
        str(lane.execution_count + 1),
        str(order.pk),
        trade.symbol,
        trade.side.value,
        plain(trade.qty),
        plain(trade.price),
        "" if trade.fee is None else plain(trade.fee),
        trade.fee_currency or "",
        trade.exchange_trade_id,
        trade.exchange_order_id,
        rows.time_text(trade.executed_at) or "",
    )
    digest = hashlib.sha256("\x1f".join(facts).encode()).hexdigest()
    return Execution.objects.create(
        account_id=lane.account_id,
        number=lane.chain_execution(digest),
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
        previous_hash=previous,
        hash=digest,
        created_at=lane.now,
    )


def _fill(execution: Execution, market: Market) -> Fill:
    currency = execution.fee_currency
    rate = None
    if not _knows_fee(execution):
        return Fill(side=Side(execution.side), qty=execution.qty, price=execution.price)
    if execution.fee and currency not in (market.base, market.quote, market.settle):
        rate = exchange().last_price(execution.account_id, f"{currency}/{market.quote}")
    return Fill(
        side=Side(execution.side),
        qty=execution.qty,
        price=execution.price,
        fee=execution.fee,
        fee_currency=currency,
        fee_rate=rate,
    )


def _knows_fee(execution: Execution) -> bool:
    """A fee without its currency is worth nothing that could be booked; the execution keeps it."""
    return execution.fee is not None and execution.fee_currency is not None


def _candidates(order: Order) -> dict[int, Position]:
    """The positions that a fill of ``order`` may belong to: a superset, by id."""
    mine = Position.objects.filter(account_id=order.account_id, symbol=order.symbol)
    if order.account.position_mode == PositionMode.HEDGE:
        found = mine.filter(opening_order_id=order.pk) | mine.filter(pk=order.position_id)
    else:
        found = mine.open()
    return {position.pk: position for position in found}


def _route(order: Order, positions: dict[int, Position]) -> Route:
    account: Account = order.account
    facts = OrderFacts(
        order_id=order.pk,
        side=Side(order.side),
        strategy_id=order.strategy_id,
        position_id=order.position_id,
    )
    candidates = [
        Candidate(
            position_id=position.pk,
            side=Side(position.side),
            qty=position.qty,
            strategy_id=position.strategy_id,
            opened_by=position.opening_order_id,
            dedicated=position.is_external,
        )
        for position in positions.values()
    ]
    return route(
        facts,
        candidates,
        mode=PositionMode(account.position_mode),
        reversal=Reversal(account.reversal),
    )


def _write(
    lane: HeldLane,
    order: Order,
    execution: Execution,
    *,
    booking: Booking,
    current: Position | None,
    chosen: Route,
    market: Market,
) -> None:
    opened = None
    if booking.opened is not None:
        opened = _open_position(lane, order, execution, booking.opened, chosen)
    for leg in booking.legs:
        position = opened if leg.target is Target.NEW else current
        _write_deal(lane, order, execution, leg=leg, position=position, market=market)
    if current is not None and booking.current is not None:
        reversed_here = any(leg.entry is Entry.INOUT for leg in booking.legs)
        if reversed_here:
            current.ticket = order.pk
        store_holding(lane, current, booking.current, market, at=execution.executed_at)
        tell_position(lane, "position_updated" if current.qty else "position_closed", current)
    if opened is not None:
        store_holding(lane, opened, booking.opened, market, at=execution.executed_at)
        tell_position(lane, "position_opened", opened)
    landed = opened or current
    # The excess of a hedge close is found again by its opening order; the order keeps its target.
    keeps_target = order.closes_position and order.position_id is not None
    if landed is not None and order.position_id != landed.pk and not keeps_target:
        order.previous_position_id = order.position_id
        order.position = landed
    for move in booking.dust:
        add_dust(lane.account_id, move.asset, move.qty)


def _open_position(
    lane: HeldLane, order: Order, execution: Execution, holding: Holding, chosen: Route
) -> Position:
    return Position.objects.create(
        account_id=lane.account_id,
        ticket=order.pk,
        opening_order_id=order.pk,
        symbol=order.symbol,
        strategy_id=order.strategy_id,
        side=holding.side,
        reason=chosen.new_reason or order.reason,
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
) -> None:
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
        fee=leg.fee if _knows_fee(execution) else None,
        fee_currency=execution.fee_currency,
        fee_rate=_fee_rate(leg),
        fee_quote=leg.fee_quote if _knows_fee(execution) else None,
        strategy_id=position.strategy_id,
        reason=order.reason,
        comment=order.comment,
        exchange_trade_id=execution.exchange_trade_id,
        executed_at=execution.executed_at,
        created_at=lane.now,
    )
    lane.tell("deal_created", rows.deal_row(deal), strategy_id=deal.strategy_id)


def _fee_rate(leg: Leg) -> Decimal | None:
    """Quote per unit of fee currency, where the fee's worth is known."""
    return kept(leg.fee_quote / leg.fee) if leg.fee and leg.fee_quote is not None else None


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
