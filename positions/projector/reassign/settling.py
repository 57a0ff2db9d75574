"""What becomes of a provisional booking once the exchange lists the trades that it stands for?

They are chained as they come, without deals, so that no volume counts twice. Once they cover it, a
journal entry ``settle_provisional`` books them in its place. Under the account's lane, in the
transaction that chains the last of them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from oms_project.errors import Conflict
from positions.engine.money import ZERO, kept
from positions.engine.settling import corrected
from positions.engine.types import CaseKind, DealRule, PositionMode, Reason, Side
from positions.ledger.executions import other_fees_of
from positions.ledger.settling import correction_between, correction_deal
from positions.models import (
    Deal,
    ExchangeOrder,
    Execution,
    JournalEntry,
    JournalKind,
    MarketTerms,
    Order,
)
from positions.outbox import HeldLane
from positions.ports import MarketRules
from positions.projector.booking.deals import write_deal
from positions.projector.booking.dust import add_dust
from positions.projector.booking.fills import book_trade, count
from positions.projector.booking.holdings import store_holding, tell_position
from positions.projector.cases import resolve_case
from positions.projector.journal import record
from positions.projector.orders.progress import progress
from positions.projector.reassign.rebooking import Outcome, Rebooking
from positions.projector.reassign.touched import Touched, touched_by_settling
from positions.reports import TradeReport

NAMED_AFTER = timedelta(seconds=10)
"""So long trades may be missing before it is a case."""


def subject_of_fills(order_id: int) -> str:
    """How a case names fills of an order that are not listed."""
    return f"fills of order {order_id}"


def follow(lane: HeldLane, leg: ExchangeOrder, rules: MarketRules) -> None:
    """Note since when trades are missing, and settle what was booked for them once they are here.

    ``leg`` is as it is stored; its order is read anew.
    """
    is_short = leg.reported_filled > leg.booked_filled - leg.provisional_filled
    if leg.provisional_filled:
        awaited = Execution.objects.filter(leg=leg, number__gt=leg.settled_to).order_by("number")
        real = list(awaited.filter(deferred=True))
        if sum((execution.qty for execution in real), ZERO) >= leg.provisional_filled:
            _settle(lane, leg, list(awaited.filter(provisional=True)), real, rules)
            is_short = leg.reported_filled > leg.booked_filled
    if is_short is (leg.owes_since is not None):
        return
    if leg.owes_since is not None and lane.now - leg.owes_since >= NAMED_AFTER:
        subject = subject_of_fills(leg.order_id)
        resolve_case(lane, CaseKind.MISSING_FILL, subject, comment="Its trades are listed.")
    leg.owes_since = lane.now if is_short else None
    leg.save(update_fields=["owes_since"])


def _settle(
    lane: HeldLane,
    leg: ExchangeOrder,
    estimated: list[Execution],
    real: list[Execution],
    rules: MarketRules,
) -> None:
    order = Order.objects.select_related("account").get(pk=leg.order_id)
    mode = PositionMode(order.account.position_mode)
    try:
        touched = touched_by_settling(lane, order, estimated, real, mode=mode)
    except Conflict as conflict:
        estimated += _book_excess(lane, order, leg, real, rules)
        _correct(lane, order, estimated, real, beside=str(conflict.details["limit"]))
    else:
        _book_anew(lane, order, estimated, real, touched)
    order = Order.objects.select_related("account").get(pk=order.pk)  # Repointed, perhaps.
    _count_anew(lane, order, leg, estimated, real)
    progress(lane, order, changed=True)


def _book_anew(
    lane: HeldLane,
    order: Order,
    estimated: Sequence[Execution],
    real: Sequence[Execution],
    touched: Touched,
) -> None:
    entry = _record(
        lane,
        order,
        estimated,
        real,
        from_booking_no=touched.from_booking_no,
        from_time=touched.from_time,
        position_ids=sorted(touched.position_ids),
        deal_rule=int(DealRule.ORDER),
    )
    Rebooking(lane, entry, touched, Outcome(entry.booking_no)).run()


def _correct(
    lane: HeldLane,
    order: Order,
    estimated: Sequence[Execution],
    real: Sequence[Execution],
    *,
    beside: str,
) -> None:
    """What was booked stays, and the difference is a deal where the last of it lies now."""
    last = Deal.objects.live().filter(execution__in=estimated).latest("booking_no")
    position = last.position
    while position.merged_into is not None:
        position = position.merged_into
    terms = MarketTerms.objects.filter(account_id=lane.account_id, symbol=order.symbol).latest("id")
    _record(
        lane,
        order,
        estimated,
        real,
        from_booking_no=None,
        corrected_position_id=position.pk,
        side=order.side,
        terms_id=terms.pk,
    )
    market = terms.engine_market
    correction = correction_between(estimated, real, market)
    write_deal(
        lane,
        position,
        reason=Reason.CORRECTION,
        comment=f"Order {order.pk} was settled by its difference: a {beside} lies behind it.",
        executed_at=lane.now,
        **correction_deal(correction, market, side=Side(order.side)),
    )
    at, holding = position.closed_at or lane.now, corrected(position.holding, correction)
    store_holding(lane, position, holding, market, at=at)
    tell_position(lane, "position_updated", position)
    for move in correction.dust:
        add_dust(lane.account_id, move.asset, move.qty)


def _record(
    lane: HeldLane,
    order: Order,
    estimated: Sequence[Execution],
    real: Sequence[Execution],
    **facts: Any,
) -> JournalEntry:
    """The entry; it moves no order, so it has none of a reassign's."""
    return record(
        lane,
        JournalKind.SETTLE_PROVISIONAL,
        symbol=order.symbol,
        settled_order_id=order.pk,
        provisional_ids=[execution.pk for execution in estimated],
        execution_ids=[execution.pk for execution in real],
        order_ids=[],
        position_id=None,
        **facts,
    )


def _book_excess(
    lane: HeldLane,
    order: Order,
    leg: ExchangeOrder,
    real: Sequence[Execution],
    rules: MarketRules,
) -> list[Execution]:
    """Where more came than was reported: it is booked now, like what stands for it already."""
    excess = sum((execution.qty for execution in real), ZERO) - leg.provisional_filled
    if excess:
        trade = provisional_trade(order, leg, excess, price=real[-1].price, at=lane.now)
        book_trade(lane, order=order, leg=leg, trade=trade, rules=rules)
        order.save()
    more = Execution.objects.filter(leg=leg, provisional=True, number__gt=real[-1].number)
    return list(more)


def provisional_trade(
    order: Order, leg: ExchangeOrder, qty: Decimal, *, price: Decimal, at: datetime
) -> TradeReport:
    """What is booked for trades that were not listed; it has a name of its own."""
    before = Execution.objects.filter(leg=leg, provisional=True).count()
    name = f"provisional-{leg.pk}"
    return TradeReport(
        symbol=leg.symbol,
        exchange_trade_id=f"{name}-{before + 1}" if before else name,
        exchange_order_id=leg.exchange_order_id or "",
        side=Side(order.side),
        qty=qty,
        price=price,
        executed_at=at,
        provisional=True,
    )


def _count_anew(
    lane: HeldLane,
    order: Order,
    leg: ExchangeOrder,
    estimated: Sequence[Execution],
    real: Sequence[Execution],
) -> None:
    """The totals of the order, and of its order at the exchange, are those of the real trades."""
    for execution in estimated:
        leg.booked_filled -= execution.qty
        order.filled_qty -= execution.qty
        order.filled_value -= kept(execution.qty * execution.price)
    leg.provisional_filled, leg.settled_to = ZERO, lane.execution_count
    for execution in real:
        count(order, leg, _as_told(execution))
    leg.save(update_fields=["booked_filled", "provisional_filled", "settled_to"])
    others = order.exchange_orders.exclude(pk=leg.pk)
    order.provisional = any(each.provisional_filled for each in others)


def _as_told(execution: Execution) -> TradeReport:
    return TradeReport(
        symbol=execution.symbol,
        exchange_trade_id=execution.exchange_trade_id,
        exchange_order_id=execution.exchange_order_id,
        side=Side(execution.side),
        qty=execution.qty,
        price=execution.price,
        executed_at=execution.executed_at,
        fee=execution.fee,
        fee_currency=execution.fee_currency,
        other_fees=tuple((fee.currency, fee.fee) for fee in other_fees_of(execution)),
    )
