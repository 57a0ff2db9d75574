"""A desk that lives through a generated past: orders, trades, close-bys, merges, write-offs,
funding, orders that nobody gave, and their reassigns."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from bench.ledger.happened import Happened
from bench.ledger.past import RATES, Past
from positions import ports
from positions.engine.types import OrderStatus, Side
from positions.journal import JournalKind
from positions.ledger import stream
from positions.ledger.executions import Executed, other_fees_of
from positions.ledger.stream import BookedDeal, Counters, Entry, time_of
from positions.models import Execution, Order, Position
from positions.outbox import holding
from positions.projector.booking.dust import write_off
from positions.reports import OrderReport, Reports, TradeReport
from positions.tests.desk import Desk


class Replica:
    """Gives the commands and reports the trades that a past consists of."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._market = past.kind.market
        self._desk = Desk(
            self._market.symbol, position_mode=past.kind.mode, reversal=past.kind.reversal
        )
        self._strategies = {0: 0} | {number: self._desk.strategy().pk for number in (1, 2, 3)}
        self._orders: dict[int, Order] = {}
        self._executions: dict[int | None, int | None] = {None: None}
        self._rates = {currency: rate for currency, rate in RATES.items() if rate}

    def live(self, happened: list[Happened]) -> "Replica":
        """Do all of it."""
        sizes: defaultdict[int, Decimal] = defaultdict(Decimal)
        for each in happened:
            if isinstance(each.row, Executed):
                sizes[each.row.order_id] += each.row.qty
        for each in happened:
            if isinstance(each.row, Executed):
                self._trade(each.row, sizes[each.row.order_id])
            else:
                self._enter(each.row)
        return self

    def deals(self) -> list[BookedDeal]:
        """What the projector wrote, superseded deals too, but for the time of what is no trade."""
        account_id = self._desk.account.pk
        found = stream.deals(account_id, Counters(), stream.counters(account_id))
        return [_timeless(deal) for deal in found]

    def translated(self, deal: BookedDeal) -> BookedDeal:
        """A deal of the past, with the ids that its rows have here."""
        return _timeless(deal)._replace(
            strategy_id=self._strategies[deal.strategy_id],
            position_strategy_id=self._strategies[deal.position_strategy_id],
            position_id=self._position(deal.position_id).pk,
            order_id=None if deal.order_id is None else self._orders[deal.order_id].pk,
            execution_id=self._executions[deal.execution_id],
        )

    def _trade(self, row: Executed, size: Decimal) -> None:
        facts = {
            "exchange_trade_id": row.exchange_trade_id,
            "executed_at": row.executed_at,
            "fee": row.fee,
            "fee_currency": row.fee_currency,
            "other_fees": tuple((each.currency, each.fee) for each in other_fees_of(row)),
            "fee_rates": self._rates,
        }
        if row.external:
            self._orders[row.order_id] = self._find(row, facts)
        else:
            if row.order_id not in self._orders:
                self._orders[row.order_id] = self._place(row, size)
            order = self._orders[row.order_id]
            fee = None if row.fee is None else str(row.fee)
            trade = self._desk.trade(order, str(row.qty), str(row.price), **facts | {"fee": fee})
            self._desk.tell(trade)
        booked = Execution.objects.get(account=self._desk.account, number=row.number)
        self._executions[row.id] = booked.pk

    def _find(self, row: Executed, facts: dict[str, Any]) -> Order:
        """Reconciliation finds an order that nobody here gave, filled."""
        name = {"exchange_order_id": row.exchange_order_id, "symbol": row.symbol}
        side, qty = Side(row.side), row.qty
        order = OrderReport(
            **name, client_order_id="theirs", status=OrderStatus.FILLED, side=side, qty=qty,
            price=row.price, filled_qty=qty,
        )  # fmt: skip
        trade = TradeReport(**name, side=side, qty=qty, price=row.price, **facts)
        return self._desk.adopt(Reports((order,), (trade,)))

    def _place(self, row: Executed, size: Decimal) -> Order:
        named = row.named_position_id
        target = {} if named is None else {"position_id": self._position(named).pk}
        strategy_id = self._strategies[row.strategy_id]
        price = str(row.price)
        order = self._desk.send(row.side, str(size), price=price, strategy_id=strategy_id, **target)
        self._desk.claim()
        return order

    def _enter(self, row: Entry) -> None:
        facts = row.facts
        match row.kind:
            case JournalKind.CLOSE_BY:
                if facts["mark"] is not None:
                    ports.exchange().prices[self._market.symbol] = Decimal(facts["mark"])
                self._give("close_by", facts, "position_id_a", "position_id_b", qty=facts["qty"])
            case JournalKind.MERGE:
                names = ("source_position_id", "target_position_id")
                self._give("merge_positions", facts, *names)
            case JournalKind.CORRECTION:
                position = self._position(facts["position_id"])
                with holding(self._desk.account.pk) as lane:
                    write_off(lane, position, Decimal(facts["qty"]), self._market)
            case JournalKind.FUNDING:
                facts = facts | {"at": time_of(facts["paid_at"])}
                names = ("amount", "at", "exchange_funding_id", "currency")
                self._desk.pay(**{name: facts[name] for name in names})
            case JournalKind.REASSIGN:
                orders = [self._orders[order_id] for order_id in facts["order_ids"]]
                target = facts["position_id"]
                wish = {} if target is None else {"target_position_id": self._position(target).pk}
                self._desk.reassign(*orders, to=self._strategies[facts["strategy_id"]], **wish)

    def _give(self, command: str, facts: dict[str, int], *names: str, **more: str) -> None:
        ids = {name: self._position(facts[name]).pk for name in names}
        self._desk.give(command, **ids, **more)

    def _position(self, position_id: int) -> Position:
        return Position.objects.get(
            account=self._desk.account, opening_booking_no=self._past.opened[position_id]
        )


def _timeless(deal: BookedDeal) -> BookedDeal:
    """When a close-by or a write-off was booked is no matter of the past."""
    return deal if deal.exchange_trade_id else deal._replace(executed_at=None)
