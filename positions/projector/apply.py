"""How do reports of the exchange become rows?

Answers, polling, streams, look-ups and the fetch at start-up all end here. Reports may come twice,
late or out of order: orders only move forward, a trade is booked once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from oms_project import faultpoints
from oms_project.faultpoints import Place
from positions.engine.orders import FINAL
from positions.engine.types import OrderStatus
from positions.models import ExchangeOrder, Execution, Order
from positions.outbox import HeldLane, holding
from positions.ports import MarketRules, exchange
from positions.projector.booking.dust import settle_remainder
from positions.projector.booking.fills import book_trade
from positions.projector.booking.funding import book_payment
from positions.projector.orders import replacing
from positions.projector.orders.adopting import adopt_order
from positions.projector.orders.progress import owes_fills, progress
from positions.projector.reassign import settling
from positions.reports import OrderReport, Reports, TradeReport

_ALIVE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class Owing:
    """An order of which the exchange reported more filled than it showed trades for.

    ``is_unseen``: a trigger has placed it, and it has not been shown itself yet.
    """

    order_id: int
    symbol: str
    exchange_order_id: str
    is_unseen: bool = False


def apply(
    account_id: int, reports: Reports, *, adopt: bool = False, streamed: bool = False
) -> list[Owing]:
    """Book everything that concerns our orders, and funding, in one transaction.

    Returns the orders that, or whose trades, have to be fetched before they can become final. With
    ``adopt`` an order that is not ours becomes an external one, and what comes of it later is
    booked like any other's; otherwise it is passed over. A trade alone never makes an order: it may
    not tell our client order id. A trigger that waits apart is not adopted; what it places is.

    What was ``streamed`` answers no command: a market order's stream shows it open for a moment,
    and the fills may be in the answer that is still on its way.
    """
    reported = (*reports.orders, *reports.trades, *reports.fundings)
    symbols = {report.symbol for report in reported}
    rules = {symbol: exchange().market(account_id, symbol) for symbol in symbols}
    with holding(account_id) as lane:
        return apply_held(lane, reports, rules, adopt=adopt, streamed=streamed)


def apply_held(
    lane: HeldLane,
    reports: Reports,
    rules: Mapping[str, MarketRules],
    *,
    adopt: bool = False,
    streamed: bool = False,
) -> list[Owing]:
    """The same where the lane is held already; ``rules`` are those of every reported symbol."""
    touched = _Touched(lane.account_id, reports)
    for report in reports.orders:
        leg = touched.leg_of(report)
        if leg is None and adopt and touched.is_foreign(report):
            forced = {trade.forced for trade in reports.trades if _is_of(trade, report)}
            leg = adopt_order(lane, report, forced=next(iter(forced - {None}), None))
            touched.add(leg)
        if leg:
            _record_report(leg, report)
            order = touched.order(leg)
            amended = replacing.amend(lane, order, leg, report)
            touched.mark(leg, changed=_note_end(order, leg, report) or amended)
    for trade in sorted(reports.trades, key=_in_time):
        leg = touched.leg_of(trade)
        if leg and touched.is_new(trade):
            _book(lane, touched.order(leg), leg, trade, rules[trade.symbol])
            faultpoints.at(Place.BOOKING)
            touched.mark(leg, changed=True)
    for order, changed in touched.orders():
        was_open = order.is_open
        progress(lane, order, changed=changed, streamed=streamed)
        if was_open and order.asks_for_all and _closed_what_it_could(order):
            settle_remainder(lane, order, rules[order.symbol])
    for leg in touched.legs():
        settling.follow(lane, leg, rules[leg.symbol])
    for payment in sorted(reports.fundings, key=lambda report: report.paid_at):
        book_payment(lane, payment, rules[payment.symbol].engine_market)
    return touched.owing()


def _closed_what_it_could(order: Order) -> bool:
    """Whether the close is over and nobody cancelled it."""
    return not order.is_open and order.filled_qty > 0 and order.cancel_requested_at is None


def _is_of(trade: TradeReport, report: OrderReport) -> bool:
    return (trade.symbol, trade.exchange_order_id) == (report.symbol, report.exchange_order_id)


def _in_time(trade: TradeReport) -> tuple:
    number = int(trade.exchange_trade_id) if trade.exchange_trade_id.isdecimal() else 0
    return trade.executed_at, number, trade.exchange_trade_id


class _Touched:
    """The orders that this batch of reports concerns; everything is loaded by five queries."""

    def __init__(self, account_id: int, reports: Reports) -> None:
        self._account_id = account_id
        both = (*reports.orders, *reports.trades)
        symbols = {report.symbol for report in both}
        legs = ExchangeOrder.objects.filter(account_id=account_id)
        by_exchange = legs.filter(
            symbol__in=symbols,
            exchange_order_id__in={report.exchange_order_id for report in both} - {None},
        )
        by_client = legs.filter(client_order_id__in={r.client_order_id for r in both} - {None})
        triggers = {report.conditional_order_id for report in reports.orders} - {None}
        by_trigger = legs.filter(symbol__in=symbols, conditional_order_id__in=triggers)
        found = {leg.pk: leg for leg in (*by_client, *by_exchange, *by_trigger)}.values()
        self._by_trigger = {
            (leg.symbol, leg.conditional_order_id): leg for leg in found if leg.conditional_order_id
        }
        self._by_exchange = {
            (leg.symbol, leg.exchange_order_id): leg for leg in found if leg.exchange_order_id
        }
        self._by_client = {leg.client_order_id: leg for leg in found if leg.client_order_id}
        self._orders = Order.objects.select_related("account").in_bulk(
            {leg.order_id for leg in found}
        )
        self._booked = _booked_already(account_id, reports.trades)
        self._touched: dict[int, ExchangeOrder] = {}
        self._changed: set[int] = set()

    def leg_of(self, report: OrderReport | TradeReport) -> ExchangeOrder | None:
        """Our order at the exchange that the report is about: by its id, then by ours."""
        if isinstance(report, OrderReport) and report.conditional_order_id is not None:
            return self._leg_of_trigger(report, report.conditional_order_id)
        leg = self._by_exchange.get((report.symbol, report.exchange_order_id or ""))
        if leg is None and report.client_order_id:
            leg = self._by_client.get(report.client_order_id)
            if leg and leg.exchange_order_id not in (None, report.exchange_order_id):
                return None
            if leg and report.exchange_order_id:
                self._link(leg, report.exchange_order_id)
        return leg

    def _leg_of_trigger(self, report: OrderReport, trigger_id: str) -> ExchangeOrder | None:
        """Likewise for a trigger that is kept apart; its leg learns which order it has placed."""
        leg = self._by_trigger.get((report.symbol, trigger_id))
        if leg is None and report.client_order_id:
            leg = self._by_client.get(report.client_order_id)
            if leg and leg.conditional_order_id is not None:
                return None
            if leg:
                self._link_trigger(leg, trigger_id)
        placed = report.exchange_order_id
        # Taken already: it came under an id that was not ours, and was imported as somebody's.
        taken = (report.symbol, placed) in self._by_exchange
        if leg and placed and leg.exchange_order_id is None and not taken:
            leg.reported_status = None  # What was said of the trigger is not true of its order.
            self._link(leg, placed)
        return leg

    def is_foreign(self, report: OrderReport) -> bool:
        """Whether the order is certainly not ours, and told well enough to be stored.

        Where the exchange tells no client id, ours may be the one whose id we are waiting for, if
        it is of that side.
        """
        ours = report.client_order_id in self._by_client
        nameless = report.client_order_id is None and self._awaits_id(report)
        told = report.exchange_order_id and report.side and (report.qty or report.filled_qty)
        is_order = bool(told) and report.conditional_order_id is None
        return is_order and not ours and not nameless

    def _awaits_id(self, report: OrderReport) -> bool:
        waiting = ExchangeOrder.objects.filter(
            account_id=self._account_id,
            symbol=report.symbol,
            exchange_order_id=None,
            conditional_order_id=None,
        )
        if report.side is not None:
            waiting = waiting.filter(order__side=report.side)
        return waiting.filter(order__is_open=True).exists()

    def add(self, leg: ExchangeOrder) -> None:
        """Know an order that was stored just now."""
        self._by_exchange[leg.symbol, leg.exchange_order_id] = leg
        self._orders[leg.order_id] = leg.order

    def order(self, leg: ExchangeOrder) -> Order:
        """The OMS order of a leg."""
        return self._orders[leg.order_id]

    def is_new(self, trade: TradeReport) -> bool:
        """Whether the trade is to be booked: never before, and not earlier in this batch."""
        key = _key(trade)
        is_new = key not in self._booked
        self._booked.add(key)
        return is_new

    def mark(self, leg: ExchangeOrder, *, changed: bool) -> None:
        """Remember that the order needs its progress looked at."""
        self._touched[leg.pk] = leg
        if changed:
            self._changed.add(leg.order_id)

    def orders(self) -> Iterable[tuple[Order, bool]]:
        """Every order touched, and whether something visible changed."""
        order_ids = sorted({leg.order_id for leg in self._touched.values()})
        return [(self._orders[pk], pk in self._changed) for pk in order_ids]

    def legs(self) -> list[ExchangeOrder]:
        """Every order at the exchange that was touched."""
        return [self._touched[pk] for pk in sorted(self._touched)]

    def owing(self) -> list[Owing]:
        """The legs touched that still owe fills."""
        return [
            Owing(leg.order_id, leg.symbol, leg.exchange_order_id, is_unseen=leg.is_unseen)
            for leg in self._touched.values()
            if leg.exchange_order_id and (leg.is_unseen or owes_fills([leg]))
        ]

    def _link(self, leg: ExchangeOrder, exchange_order_id: str) -> None:
        leg.exchange_order_id = exchange_order_id
        leg.save(update_fields=["exchange_order_id", "reported_status"])
        self._by_exchange[leg.symbol, exchange_order_id] = leg
        if leg.is_current:
            self.order(leg).exchange_order_id = exchange_order_id
        self.mark(leg, changed=True)

    def _link_trigger(self, leg: ExchangeOrder, trigger_id: str) -> None:
        leg.conditional_order_id = trigger_id
        leg.save(update_fields=["conditional_order_id"])
        self._by_trigger[leg.symbol, trigger_id] = leg
        if leg.is_current and leg.exchange_order_id is None:
            self.order(leg).exchange_order_id = trigger_id
        self.mark(leg, changed=True)


def _key(trade: TradeReport) -> tuple[str, str, str]:
    return trade.symbol, trade.exchange_trade_id, trade.exchange_order_id


def _booked_already(account_id: int, trades: Iterable[TradeReport]) -> set[tuple[str, str, str]]:
    trade_ids = {trade.exchange_trade_id for trade in trades}
    if not trade_ids:
        return set()
    booked = Execution.objects.filter(
        account_id=account_id,
        symbol__in={trade.symbol for trade in trades},
        exchange_trade_id__in=trade_ids,
    )
    return set(booked.values_list("symbol", "exchange_trade_id", "exchange_order_id"))


def _record_report(leg: ExchangeOrder, report: OrderReport) -> None:
    """Store what is newer than what we hold; of a trigger, until it has placed its order."""
    if report.conditional_order_id is not None and leg.exchange_order_id is not None:
        return
    before = leg.reported_status, leg.reported_filled, leg.reported_average
    if report.status is not None and not _is_older(leg, report) and not _is_bare(report):
        leg.reported_status = report.status
    filled = report.filled_qty
    if filled is None and report.status is OrderStatus.FILLED:
        filled = leg.qty if report.qty is None else report.qty
    if filled is not None:
        leg.reported_filled = max(leg.reported_filled, filled)
    if report.average is not None and filled == leg.reported_filled:
        leg.reported_average = report.average
    if (leg.reported_status, leg.reported_filled, leg.reported_average) != before:
        leg.save(update_fields=["reported_status", "reported_filled", "reported_average"])


def _is_older(leg: ExchangeOrder, report: OrderReport) -> bool:
    """A report of a live order after one of its end came late; a refusal may have been presumed."""
    ended = leg.reported_status in FINAL and leg.reported_status != OrderStatus.REJECTED
    return ended and report.status in _ALIVE


def _is_bare(report: OrderReport) -> bool:
    """An acknowledged cancel that tells no quantities: what was filled before is still unknown."""
    ended = report.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED)
    return ended and report.filled_qty is None and report.qty is None


def _note_end(order: Order, leg: ExchangeOrder, report: OrderReport) -> bool:
    """Note why the exchange ended the order by itself; whether that is news."""
    ended = report.status in FINAL and report.status is not OrderStatus.FILLED
    if not (ended and leg.is_current and report.ended_by):
        return False
    said, order.note = order.note, f"Ended by the exchange: {report.ended_by}."
    return said != order.note


def _book(
    lane: HeldLane, order: Order, leg: ExchangeOrder, trade: TradeReport, rules: MarketRules
) -> None:
    """Book a trade; it also proves that the exchange took an order presumed rejected."""
    book_trade(lane, order=order, leg=leg, trade=trade, rules=rules)
    if order.presumed_at is not None and leg.reported_status == OrderStatus.REJECTED:
        leg.reported_status = None
        leg.save(update_fields=["reported_status"])
