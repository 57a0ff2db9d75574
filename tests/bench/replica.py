"""A desk that lives through a generated past: orders, trades, close-bys, merges, write-offs."""

from collections import defaultdict
from decimal import Decimal

from bench.ledger.past import RATES, Happened, Past
from positions import ports
from positions.journal import JournalKind
from positions.ledger import stream
from positions.ledger.executions import Executed
from positions.ledger.stream import BookedDeal, Counters, Entry
from positions.models import Execution, Order, Position
from positions.outbox import holding
from positions.projector.dust import write_off
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
        prices = ports.exchange().prices
        prices |= {f"{each}/{self._market.quote}": rate for each, rate in RATES.items() if rate}

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
        """What the projector wrote."""
        account_id = self._desk.account.pk
        return list(stream.deals(account_id, Counters(), stream.counters(account_id)))

    def translated(self, deal: BookedDeal) -> BookedDeal:
        """A deal of the past, with the ids that its rows have here."""
        return deal._replace(
            strategy_id=self._strategies[deal.strategy_id],
            position_id=self._position(deal.position_id).pk,
            order_id=None if deal.order_id is None else self._orders[deal.order_id].pk,
            execution_id=self._executions[deal.execution_id],
        )

    def _trade(self, row: Executed, size: Decimal) -> None:
        if row.order_id not in self._orders:
            self._orders[row.order_id] = self._place(row, size)
        order = self._orders[row.order_id]
        fee = {} if row.fee is None else {"fee": str(row.fee), "fee_currency": row.fee_currency}
        self._desk.tell(self._desk.trade(order, str(row.qty), str(row.price), **fee))
        booked = Execution.objects.get(account=self._desk.account, number=row.number)
        self._executions[row.id] = booked.pk

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

    def _give(self, command: str, facts: dict[str, int], *names: str, **more: str) -> None:
        ids = {name: self._position(facts[name]).pk for name in names}
        self._desk.give(command, **ids, **more)

    def _position(self, position_id: int) -> Position:
        return Position.objects.get(
            account=self._desk.account, opening_booking_no=self._past.opened[position_id]
        )
