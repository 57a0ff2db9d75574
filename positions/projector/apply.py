"""How do reports of the exchange become rows?

Answers, polling, streams, look-ups and the fetch at start-up all end here. Reports may come twice,
late or out of order: orders only move forward, a trade is booked once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from positions.engine.types import OrderStatus
from positions.models import ExchangeOrder, Execution, Order
from positions.outbox import HeldLane, holding
from positions.ports import MarketRules, exchange
from positions.projector import replacing
from positions.projector.dust import settle_remainder
from positions.projector.fills import book_trade
from positions.projector.progress import owes_fills, progress
from positions.reports import OrderReport, Reports, TradeReport


@dataclass(frozen=True, slots=True)
class Owing:
    """An order of which the exchange reported more filled than it showed trades for."""

    order_id: int
    symbol: str
    exchange_order_id: str


def apply(account_id: int, reports: Reports) -> list[Owing]:
    """Book everything that concerns our orders, in one transaction.

    Returns the orders whose trades have to be fetched before they can become final. Orders and
    trades that are not ours are left to reconciliation.
    """
    symbols = {report.symbol for report in (*reports.orders, *reports.trades)}
    rules = {symbol: exchange().market(account_id, symbol) for symbol in symbols}
    with holding(account_id) as lane:
        touched = _Touched(account_id)
        for report in reports.orders:
            if leg := touched.leg_of(report):
                _record_report(leg, report)
                amended = replacing.amend(lane, touched.order(leg), leg, report)
                touched.mark(leg, changed=amended)
        for trade in sorted(reports.trades, key=_in_time):
            leg = touched.leg_of(trade)
            if leg and _book_once(lane, touched, leg, trade, rules[trade.symbol]):
                touched.mark(leg, changed=True)
        for order, changed in touched.orders():
            was_open = order.is_open
            progress(lane, order, changed=changed)
            if was_open and order.asks_for_all and order.status == OrderStatus.FILLED:
                settle_remainder(lane, order, rules[order.symbol])
        return touched.owing()


def _in_time(trade: TradeReport) -> tuple:
    number = int(trade.exchange_trade_id) if trade.exchange_trade_id.isdigit() else 0
    return trade.executed_at, number, trade.exchange_trade_id


class _Touched:
    """The orders that this batch of reports concerns, each loaded once."""

    def __init__(self, account_id: int) -> None:
        self._account_id = account_id
        self._orders: dict[int, Order] = {}
        self._changed: set[int] = set()
        self._legs: dict[tuple[str, str], ExchangeOrder] = {}

    def leg_of(self, report: OrderReport | TradeReport) -> ExchangeOrder | None:
        """Our order at the exchange that the report is about: by its id, then by ours."""
        if report.exchange_order_id:
            leg = self._legs.get((report.symbol, report.exchange_order_id)) or self._find(
                symbol=report.symbol, exchange_order_id=report.exchange_order_id
            )
            if leg:
                return self._remember(leg)
        if report.client_order_id:
            leg = self._find(client_order_id=report.client_order_id)
            if leg and leg.exchange_order_id in (None, report.exchange_order_id):
                return self._remember(self._link(leg, report.exchange_order_id))
        return None

    def order(self, leg: ExchangeOrder) -> Order:
        """The OMS order of a leg."""
        if leg.order_id not in self._orders:
            self._orders[leg.order_id] = Order.objects.get(pk=leg.order_id)
        return self._orders[leg.order_id]

    def mark(self, leg: ExchangeOrder, *, changed: bool) -> None:
        """Remember that the order needs its progress looked at."""
        order = self.order(leg)
        if changed:
            self._changed.add(order.pk)

    def orders(self) -> Iterable[tuple[Order, bool]]:
        """Every order touched, and whether something visible changed."""
        return [(order, pk in self._changed) for pk, order in sorted(self._orders.items())]

    def owing(self) -> list[Owing]:
        """The legs touched that still owe fills."""
        return [
            Owing(leg.order_id, leg.symbol, leg.exchange_order_id)
            for leg in self._legs.values()
            if leg.exchange_order_id and owes_fills([leg])
        ]

    def _find(self, **condition: str) -> ExchangeOrder | None:
        return ExchangeOrder.objects.filter(account_id=self._account_id, **condition).first()

    def _link(self, leg: ExchangeOrder, exchange_order_id: str | None) -> ExchangeOrder:
        if exchange_order_id and leg.exchange_order_id is None:
            leg.exchange_order_id = exchange_order_id
            leg.save(update_fields=["exchange_order_id"])
            if leg.is_current:
                self.order(leg).exchange_order_id = exchange_order_id
        return leg

    def _remember(self, leg: ExchangeOrder) -> ExchangeOrder:
        if leg.exchange_order_id:
            return self._legs.setdefault((leg.symbol, leg.exchange_order_id), leg)
        return leg


def _record_report(leg: ExchangeOrder, report: OrderReport) -> None:
    """Store what is newer than what we hold."""
    if report.status is not None and not _is_older(leg, report):
        leg.reported_status = report.status
    if report.filled_qty is not None:
        leg.reported_filled = max(leg.reported_filled, report.filled_qty)
    leg.save(update_fields=["reported_status", "reported_filled"])


def _is_older(leg: ExchangeOrder, report: OrderReport) -> bool:
    """A report of a live order after one of its end, or with fewer fills, came late."""
    ended = leg.reported_status not in (
        None,
        OrderStatus.SUBMITTED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.REJECTED,
    )
    alive = report.status in (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)
    return ended and alive


def _book_once(
    lane: HeldLane,
    touched: _Touched,
    leg: ExchangeOrder,
    trade: TradeReport,
    rules: MarketRules,
) -> bool:
    """Book the trade unless it is booked already; whether it was new."""
    known = Execution.objects.filter(
        account_id=lane.account_id,
        symbol=trade.symbol,
        exchange_trade_id=trade.exchange_trade_id,
        exchange_order_id=trade.exchange_order_id,
    )
    if known.exists():
        return False
    book_trade(lane, order=touched.order(leg), leg=leg, trade=trade, rules=rules)
    return True
