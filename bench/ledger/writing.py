"""How is an invented past stored, so that every check of the product finds its rows?"""

from collections import Counter
from datetime import timedelta

from django.db import connection, transaction

from accounts import services
from accounts.audit import OPERATOR
from accounts.models import Account
from bench.ledger.kinds import Kind
from bench.ledger.past import START, Happened, Ids, Past, PastOrder
from bench.ledger.rows import Table
from positions.engine.holding import average_price
from positions.engine.money import exact_decimals, kept, plain
from positions.engine.types import DealKind, Entry, OrderStatus, OrderType, Reason
from positions.ledger.executions import Executed
from positions.ledger.replay import Rebuilt
from positions.models import (
    AccountLane,
    Deal,
    Dust,
    Execution,
    JournalEntry,
    MarketTerms,
    Order,
    Position,
)

REASONS = {
    DealKind.FILL: Reason.ROBOT,
    DealKind.TRANSFER: Reason.CLOSE_BY,
    DealKind.CORRECTION: Reason.CORRECTION,
}


def write_account(label: str, kind: Kind, *, deals: int, seed: int, ids: Ids) -> Counter[str]:
    """Add an account with a past of so many deals; returns what it consists of."""
    account = services.add_account(
        label=label,
        exchange_id="ccxt.binance",
        position_mode=kind.mode,
        reversal=kind.reversal,
        by=OPERATOR,
    )
    # Rows name each other in both directions; MariaDB would want one of them first.
    with connection.constraint_checks_disabled(), transaction.atomic(), exact_decimals():
        writer = _Writer(account, kind, seed=seed, ids=ids)
        for happened in writer.past.until(deals):
            writer.write(happened)
        return writer.finish()


class _Writer:
    """Turns one account's past into rows."""

    def __init__(self, account: Account, kind: Kind, *, seed: int, ids: Ids) -> None:
        self._account_id: int = account.pk
        terms = MarketTerms.objects.current(account.pk, kind.market)
        self.past = Past(kind, seed=seed, ids=ids, account_id=account.pk, terms_id=terms.pk)
        self._tables = {
            model: Table(model) for model in (Position, Order, Execution, Deal, JournalEntry)
        }
        self._counts: Counter[str] = Counter()
        self._now = START

    def write(self, happened: Happened) -> None:
        """Store one row of the ledger and its deals."""
        row, order = happened.row, happened.order
        if isinstance(row, Executed):
            self._now = row.executed_at
            facts = row._asdict() | {"created_at": self._now}
            self._tables[Execution].add(facts)
            if order is not None and not order.left:
                self._write_order(order)
        else:
            facts = row._asdict() | {"account_id": self._account_id, "created_at": self._now}
            self._tables[JournalEntry].add(facts)
        for deal in happened.deals:
            reason = REASONS[deal.kind]
            own = {"account_id": self._account_id, "reason": reason}
            times = {"executed_at": self._now, "created_at": self._now}
            trade = {"exchange_trade_id": getattr(row, "exchange_trade_id", None)}
            self._tables[Deal].add(deal._asdict() | own | times | trade)
        self._count(happened)

    def finish(self) -> Counter[str]:
        """Store what only the end decides: open orders, positions, dust, the lane."""
        for order in self.past.waiting:
            self._write_order(order)
        for chunk in self.past.books.positions.chunks():
            for position in chunk.values():
                self._write_position(position)
        for table in self._tables.values():
            table.flush()
        for currency, qty in self.past.books.dust.items():
            Dust.objects.create(account_id=self._account_id, currency=currency, qty=qty)
        AccountLane.objects.update_or_create(
            pk=self._account_id,
            defaults={
                "last_booking_no": self.past.bookings,
                "execution_count": self.past.executions,
                "execution_hash": self.past.head,
            },
        )
        self.past.books.close()
        return self._counts

    def _write_order(self, order: PastOrder) -> None:
        closed = not order.left
        self._tables[Order].add(
            {
                "id": order.id,
                "account_id": self._account_id,
                "symbol": self.past.kind.market.symbol,
                "side": order.side,
                "order_type": OrderType.LIMIT,
                "status": OrderStatus.FILLED if closed else OrderStatus.PARTIALLY_FILLED,
                "is_open": not closed,
                "strategy_id": order.strategy_id,
                "position_id": order.named,
                "closes_position": order.closes,
                "reason": Reason.ROBOT,
                "exchange_client_order_id": f"generated{order.id}",
                "exchange_order_id": f"x{order.id}",
                "qty": order.qty,
                "filled_qty": order.filled,
                "filled_value": kept(order.value),
                "avg_fill_price": kept(order.value / order.filled),
                "created_at": self._now,
                "updated_at": self._now,
                "closed_at": self._now if closed else None,
            }
        )

    def _write_position(self, position: Rebuilt) -> None:
        held, booking_no = position.holding, self.past.opened[position.position_id]
        opened_at = START + timedelta(seconds=booking_no)
        self._tables[Position].add(
            {
                "id": position.position_id,
                "account_id": self._account_id,
                "ticket": position.ticket,
                "opening_order_id": position.opening_order_id,
                "opening_booking_no": booking_no,
                "symbol": position.symbol,
                "strategy_id": position.strategy_id,
                "side": held.side,
                "qty": held.qty,
                "cost": held.cost,
                "avg_price": average_price(held, position.market),
                "profit": held.profit,
                "fees": held.fees_quote,
                "fees_by_currency": {currency: plain(fee) for currency, fee in held.fees},
                "state": position.state,
                "merged_into_id": position.merged_into,
                "reason": Reason.ROBOT,
                "opened_at": opened_at,
                "updated_at": self._now,
                "closed_at": None if held.qty else self._now,
            }
        )

    def _count(self, happened: Happened) -> None:
        self._counts["deals"] += len(happened.deals)
        if not isinstance(happened.row, Executed):
            self._counts[str(happened.row.kind)] += 1
            return
        self._counts["executions"] += 1
        crossed = happened.deals[-1].entry is Entry.INOUT or len(happened.deals) > 1
        self._counts["reversals"] += crossed
        self._counts["base fees"] += any(deal.base_fee for deal in happened.deals)
