"""How is an invented past stored, so that every check of the product finds its rows?"""

from collections import Counter
from decimal import Decimal

from django.db import connection, transaction

from accounts import services
from accounts.audit import OPERATOR
from accounts.models import Account
from bench.ledger.happened import Happened, Ids, PastOrder
from bench.ledger.kinds import Kind
from bench.ledger.past import Past
from bench.ledger.rows import Table
from positions.engine.holding import average_price
from positions.engine.money import exact_decimals, kept, plain
from positions.engine.types import DealKind, Entry, OrderStatus, OrderType, Reason
from positions.ledger.executions import Executed
from positions.ledger.rebuilt import Rebuilt
from positions.ledger.stream import Entry as JournalRow
from positions.ledger.stream import time_of
from positions.models import (
    AccountLane,
    Deal,
    Dust,
    Execution,
    Funding,
    JournalEntry,
    JournalKind,
    MarketTerms,
    Order,
    Position,
)

REASONS = {
    DealKind.FILL: Reason.ROBOT,
    DealKind.TRANSFER: Reason.CLOSE_BY,
    DealKind.CORRECTION: Reason.CORRECTION,
    DealKind.FUNDING: Reason.FUNDING,
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

    def write(self, happened: Happened) -> None:
        """Store one row of the ledger and its deals."""
        row = happened.row
        if isinstance(row, Executed):
            self._tables[Execution].add(row._asdict() | {"created_at": row.executed_at})
        else:
            self._tables[JournalEntry].add(row._asdict() | {"account_id": self._account_id})
            if row.kind == JournalKind.FUNDING:
                self._write_payment(row)
        for order in happened.orders:
            if not order.left and not order.external:
                self._write_order(order)
        for deal in happened.deals:
            own = {"account_id": self._account_id, "reason": REASONS[deal.kind]}
            self._tables[Deal].add(deal._asdict() | own | {"created_at": deal.executed_at})
        if happened.replaced:
            self._supersede(happened)
        self._count(happened)

    def finish(self) -> Counter[str]:
        """Store what only the end decides: open orders, positions, dust, the lane."""
        for order in (*self.past.waiting, *self.past.unassigned):
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

    def _supersede(self, happened: Happened) -> None:
        self._tables[Deal].flush()
        mine = Deal.objects.filter(account_id=self._account_id)
        replaced = mine.filter(booking_no__in=happened.replaced)
        changed = replaced.update(superseded_by=happened.row.booking_no)
        assert changed == len(happened.replaced)

    def _write_payment(self, row: JournalRow) -> None:
        facts = row.facts
        Funding.objects.create(
            account_id=self._account_id,
            symbol=facts["symbol"],
            exchange_funding_id=facts["exchange_funding_id"],
            amount=Decimal(facts["amount"]),
            currency=facts["currency"],
            paid_at=time_of(facts["paid_at"]),
            booking_no=row.booking_no,
            created_at=row.created_at,
        )

    def _write_order(self, order: PastOrder) -> None:
        closed, now = not order.left, self.past.now
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
                "reason": Reason.EXTERNAL if order.external else Reason.ROBOT,
                "reconciled": not order.external,
                "reassigned_by": order.reassigned_by,
                "exchange_client_order_id": f"generated{order.id}",
                "exchange_order_id": f"x{order.id}",
                "qty": order.qty,
                "filled_qty": order.filled,
                "filled_value": kept(order.value),
                "avg_fill_price": kept(order.value / order.filled),
                "created_at": now,
                "updated_at": now,
                "closed_at": now if closed else None,
            }
        )

    def _write_position(self, position: Rebuilt) -> None:
        held, booking_no = position.holding, self.past.opened[position.position_id]
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
                "is_external": position.dedicated,
                "superseded_by": position.superseded_by,
                "reason": Reason.ROBOT,
                "opened_at": self.past.now,
                "updated_at": self.past.now,
                "closed_at": None if held.qty else self.past.now,
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
