"""What has happened on an account: a past that is invented, and booked by the engine.

Orders filled in parts, some of them much later, closes, reversals, fees in four currencies,
close-bys, merges, dust, funding, and orders that nobody gave, which are reassigned after some more
trading. The books are the replay's own, so every deal is what the engine says; that the projector
writes the same ones from the same trades is a test.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from bench.ledger.happened import Happened, Ids, PastOrder
from bench.ledger.kinds import Kind
from bench.ledger.memory import Memory
from positions.engine.arithmetic import released, value_of
from positions.engine.money import ZERO, exact, kept
from positions.engine.types import DealRule, PositionMode, Side
from positions.journal import JournalKind
from positions.ledger.entering import enter
from positions.ledger.executions import Executed, digest
from positions.ledger.rebuilt import Rebuilt
from positions.ledger.replay import Books
from positions.ledger.stream import BookedDeal, Entry
from positions.projector.journal import exact_json

START = datetime(2025, 1, 1, tzinfo=UTC)
STRATEGIES = (1, 2, 3)
RATES = {"BNB": Decimal("612.37"), "XYZ": None}
"""What a third fee currency is worth in the quote currency; one is not known."""

_STEP = Decimal("0.001")
_LEAST = Decimal("0.1")
_MOST_OPEN = 10
_MOST_WAITING = 3
_MOST_UNASSIGNED = 2
_NO_BOUND = Decimal(10**9)
_released = exact(released)


class Past:
    """One account's past; the same seed gives the same one.

    ``rules`` are those by which its executions may have been booked.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        seed: int,
        ids: Ids,
        account_id: int = 1,
        terms_id: int = 1,
        start: datetime = START,
        rules: Sequence[DealRule] = tuple(DealRule),
    ) -> None:
        self.kind = kind
        self.account_id = account_id
        self.memory = Memory()
        self.books = Books(
            lambda booking_no, _: self._open_position(booking_no),
            lambda _: kind.market,
            lambda _: self.memory,
        )
        self.bookings = 0
        self.executions = 0
        self.head = ""
        self.opened: dict[int, int] = {}
        self.waiting: list[PastOrder] = []
        self.unassigned: list[PastOrder] = []
        self._start = start
        self._rules = rules
        self._terms_id = terms_id
        self._ids = ids
        self._dice = Random(seed)
        self._price = 10_000

    def until(self, deals: int) -> Iterator[Happened]:
        """What happens until so many deals are booked."""
        booked = 0
        while booked < deals:
            for happened in self._next():
                booked += len(happened.deals)
                yield happened

    @property
    def now(self) -> datetime:
        """A second goes by with every execution."""
        return self._start + timedelta(seconds=self.executions)

    def _next(self) -> Iterator[Happened]:
        rows = self.books.open_positions(self.kind.market.symbol)
        held = [row for row in rows if not row.dedicated]
        roll = self._dice.random()
        if self.unassigned:
            # A journal entry among what is booked anew would be in the way of the reassign.
            if roll < 0.4:
                yield self._reassign(held)
                return
            roll = 0.2 + roll / 2
        crowded = len(held) > _MOST_OPEN
        if len(held) > 1 and (roll < 0.2 or (crowded and roll < 0.3)):
            yield from self._join(held)
        elif roll < 0.21 and held:
            yield self._write_off(self._dice.choice(held))
        elif roll < 0.23 and rows and not self.kind.market.is_spot:
            yield from self._pay_funding(rows)
        elif roll < 0.4 and self.waiting:
            order = self.waiting.pop(self._dice.randrange(len(self.waiting)))
            yield self._fill(order, order.left)
        elif 0.4 < roll < 0.44 and len(self.unassigned) < _MOST_UNASSIGNED:
            yield self._find_external()
        elif held and (roll < 0.65 or crowded):
            yield from self._close(self._dice.choice(held), held)
        else:
            yield from self._trade(held)

    # --- orders ---

    def _trade(self, held: list[Rebuilt]) -> Iterator[Happened]:
        """An order of its own: in the netting modes it raises, reduces or reverses."""
        side = self._dice.choice((Side.BUY, Side.SELL))
        qty = self._qty()
        if side is Side.SELL and (most := self._sellable(held)) < qty:
            side, qty = (Side.SELL, most) if most >= _LEAST else (Side.BUY, qty)
        netting = self.kind.mode is PositionMode.NETTING
        strategy_id = 0 if netting else self._dice.choice(STRATEGIES)
        order = PastOrder(next(self._ids.order), side, qty, strategy_id)
        may_wait = side is Side.BUY and len(self.waiting) < _MOST_WAITING
        yield from self._fill_in_parts(order, may_wait=may_wait)

    def _close(self, position: Rebuilt, held: list[Rebuilt]) -> Iterator[Happened]:
        """An order that closes a position, or a part of it."""
        side = position.holding.side.opposite
        qty = min(position.holding.qty, self._dice.choice((self._qty(), position.holding.qty)))
        if side is Side.SELL:
            qty = min(qty, self._sellable(held))
        qty -= qty % _STEP
        if qty < _LEAST:
            yield from self._trade(held) if self.unassigned else (self._write_off(position),)
            return
        order = PastOrder(next(self._ids.order), side, qty, position.strategy_id)
        order.named, order.closes = position.position_id, True
        yield from self._fill_in_parts(order, may_wait=False)

    def _fill_in_parts(self, order: PastOrder, *, may_wait: bool) -> Iterator[Happened]:
        for _ in range(self._dice.choice((0, 0, 1, 2))):
            part = order.left * self._dice.randint(20, 70) / 100
            part -= part % _STEP
            if part >= _STEP:
                yield self._fill(order, part)
        if may_wait and order.filled and self._dice.random() < 0.3:
            self.waiting.append(order)
        else:
            yield self._fill(order, order.left)

    def _fill(self, order: PastOrder, qty: Decimal) -> Happened:
        self._price = max(self._price + self._dice.randint(-60, 60), 2_000)
        price = Decimal(self._price).scaleb(-2)
        fee, currency = self._fee(order.side, qty, price)
        self.executions += 1
        row = Executed(
            id=next(self._ids.execution),
            account_id=self.account_id,
            number=self.executions,
            booking_no=self.bookings + 1,
            order_id=order.id,
            leg_id=None,
            symbol=self.kind.market.symbol,
            side=order.side,
            qty=qty,
            price=price,
            fee=fee,
            fee_currency=currency,
            exchange_trade_id=str(self.executions),
            exchange_order_id=f"x{order.id}",
            executed_at=self.now,
            terms_id=self._terms_id,
            position_mode=self.kind.mode,
            reversal=self.kind.reversal,
            strategy_id=order.strategy_id,
            named_position_id=order.named,
            fee_rate=None if currency is None else RATES.get(currency),
            previous_hash=self.head,
            hash="",
            external=order.external,
            forced=None,
            forced_step=None,
            deal_rule=self._dice.choice(self._rules),
            other_fees=self._other_fees(currency),
        )
        row = row._replace(hash=digest(row))
        self.head = row.hash
        deals = self.books.execute(row)
        self.bookings += len(deals)
        self.memory.keep(deals, row)
        order.filled += qty
        order.value += qty * price
        if not order.closes:
            order.named = deals[-1].position_id
        return Happened(row, deals, (order,))

    def _find_external(self) -> Happened:
        """An order that nobody here gave: it has a position of its own."""
        side = self._dice.choice((Side.BUY, Side.SELL))
        order = PastOrder(next(self._ids.order), side, self._qty(), 0, external=True)
        self.unassigned.append(order)
        return self._fill(order, order.qty)

    def _other_fees(self, first: str | None) -> list[list[str | None]]:
        """Now and then one fill is charged in two currencies."""
        if first is None or self._dice.randrange(10):
            return []
        return [["PTS", "0.0001", None]]

    def _fee(self, side: Side, qty: Decimal, price: Decimal) -> tuple[Decimal | None, str | None]:
        """In base, quote, a third or a worthless currency; a rebate now and then, or nothing."""
        market = self.kind.market
        worth = value_of(qty, price, market)
        match self._dice.randrange(5):
            case 0 if side is Side.BUY and market.is_spot:
                return qty * Decimal("0.001"), market.base
            case 0 | 1:
                return kept(worth * Decimal("0.0004")), market.profit_currency
            case 2:
                return kept(worth * Decimal("-0.0001")), market.profit_currency
            case 3:
                return qty * Decimal("0.00075"), self._dice.choice(("BNB", "BNB", "XYZ"))
            case _:
                return None, None

    # --- what is no order ---

    def _join(self, held: list[Rebuilt]) -> Iterator[Happened]:
        """Two positions close each other or become one, where they can."""
        one = self._dice.choice(held)
        others = [each for each in held if each is not one]
        opposite = [each for each in others if each.holding.side is not one.holding.side]
        alike = [
            each
            for each in others
            if each.holding.side is one.holding.side and each.strategy_id == one.strategy_id
        ]
        if alike and (not opposite or self._dice.random() < 0.6):
            yield self._merge(one, self._dice.choice(alike))
        elif opposite:
            yield self._close_by(one, self._dice.choice(opposite))

    def _close_by(self, a: Rebuilt, b: Rebuilt) -> Happened:
        most = min(a.holding.qty, b.holding.qty)
        qty = self._dice.choice((most, most, min(most, _LEAST)))
        mark = None if a.strategy_id == b.strategy_id else Decimal(self._price).scaleb(-2)
        return self._enter(
            JournalKind.CLOSE_BY,
            position_id_a=a.position_id,
            position_id_b=b.position_id,
            qty=qty,
            mark=mark,
            terms_id=self._terms_id,
        )

    def _merge(self, source: Rebuilt, target: Rebuilt) -> Happened:
        happened = self._enter(
            JournalKind.MERGE,
            source_position_id=source.position_id,
            target_position_id=target.position_id,
            side=str(source.holding.side),
            qty=source.holding.qty,
            cost=source.holding.cost,
        )
        for order in self.waiting:
            if order.named == source.position_id:
                order.named = target.position_id
        return happened

    def _write_off(self, position: Rebuilt) -> Happened:
        """A remainder goes to the dust record: all of the position, or what is below the step."""
        held = position.holding
        qty = held.qty % _STEP or min(held.qty, _STEP)
        return self._enter(
            JournalKind.CORRECTION,
            position_id=position.position_id,
            qty=qty,
            cost=_released(held.cost, held.qty, qty),
            terms_id=self._terms_id,
        )

    def _pay_funding(self, rows: list[Rebuilt]) -> Iterator[Happened]:
        """A payment to or from everything that is open."""
        volumes = [[row.position_id, row.holding.signed_qty] for row in rows]
        if sum(qty for _, qty in volumes):
            yield self._enter(
                JournalKind.FUNDING,
                symbol=self.kind.market.symbol,
                exchange_funding_id=f"f{self.bookings}",
                amount=Decimal(self._dice.randint(-9_999, 9_999) or 1).scaleb(-4),
                currency=self.kind.market.profit_currency,
                paid_at=self.now,
                volumes=volumes,
            )

    def _reassign(self, held: list[Rebuilt]) -> Happened:
        """The external orders go to a strategy; what was traded since is booked anew."""
        orders, self.unassigned = tuple(self.unassigned), []
        first = self.memory.fills_of(orders[0].id)[0]
        target = self._target(held, orders, first)
        strategy_id = self._dice.choice(STRATEGIES) if target is None else target.strategy_id
        named = None if target is None else target.position_id
        touched = [
            position_id
            for position_id in self.memory.positions_since(first)
            if self._touches(position_id, orders, strategy_id, named)
        ]
        happened = self._enter(
            JournalKind.REASSIGN,
            symbol=self.kind.market.symbol,
            order_ids=[order.id for order in orders],
            strategy_id=strategy_id,
            position_id=named,
            from_booking_no=first.booking_no,
            from_time=first.executed_at,
            position_ids=touched,
            deal_rule=int(DealRule.ORDER),
        )
        for order in orders:
            order.external, order.strategy_id = False, strategy_id
            order.reassigned_by = happened.row.booking_no
            order.closes = target is not None and target.holding.side is not order.side
            order.named = self.memory.fills_of(order.id)[-1].position_id
        return happened._replace(orders=orders)

    def _target(
        self, held: list[Rebuilt], orders: tuple[PastOrder, ...], first: BookedDeal
    ) -> Rebuilt | None:
        """In hedge now and then an older position, which the orders raise."""
        if self.kind.mode is not PositionMode.HEDGE or self._dice.random() < 0.5:
            return None
        sides = {order.side for order in orders}
        older = [
            row
            for row in held
            if self.opened[row.position_id] < first.booking_no and {row.holding.side} == sides
        ]
        return self._dice.choice(older) if older else None

    def _touches(
        self,
        position_id: int,
        orders: tuple[PastOrder, ...],
        strategy_id: int,
        named: int | None,
    ) -> bool:
        """Whether a reassign of these orders books the position anew (contract section 6)."""
        position = self.books.named(position_id)
        if position.dedicated:
            return position.opening_order_id in {order.id for order in orders}
        match self.kind.mode:
            case PositionMode.NETTING:
                return True
            case PositionMode.STRATEGY_NETTING:
                return position.strategy_id == strategy_id
            case _:
                return position_id == named

    def _enter(self, kind: JournalKind, **facts: Any) -> Happened:
        row = Entry(self.bookings + 1, kind, exact_json(facts), self.now)
        deals = enter(self.books, row)
        self.bookings += 1 + len(deals)
        replaced = tuple(deal.booking_no for deal in self.books.replaced)
        self.memory.drop(self.books.replaced)
        self.memory.keep(deals)
        return Happened(row, deals, replaced=replaced)

    # --- small things ---

    def _open_position(self, booking_no: int) -> int:
        position_id = next(self._ids.position)
        self.opened[position_id] = booking_no
        return position_id

    def _qty(self) -> Decimal:
        return self._dice.randint(100, 9_999) * _STEP

    def _sellable(self, held: list[Rebuilt]) -> Decimal:
        """On spot what is held, dust included; a derivative has no bound."""
        market = self.kind.market
        if not market.is_spot:
            return _NO_BOUND
        dust = self.books.dust.get(market.base, ZERO)
        most = sum((position.holding.signed_qty for position in held), dust)
        return max(most - most % _STEP, ZERO)
