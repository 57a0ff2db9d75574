"""What has happened on an account: a past that is invented, and booked by the engine.

Orders filled in parts, some of them much later, closes, reversals, fees in four currencies,
close-bys, merges and dust. The books are the replay's own, so every deal is what the engine says;
that the projector writes the same ones from the same trades is a test.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import NamedTuple

from bench.ledger.kinds import Kind
from positions.engine.holding import released_cost
from positions.engine.market import value_of
from positions.engine.money import ZERO, kept, plain
from positions.engine.types import PositionMode, Side
from positions.journal import JournalKind
from positions.ledger.executions import Executed, digest
from positions.ledger.replay import Books, Rebuilt
from positions.ledger.stream import BookedDeal, Entry

START = datetime(2025, 1, 1, tzinfo=UTC)
STRATEGIES = (1, 2, 3)
RATES = {"BNB": Decimal("612.37"), "XYZ": None}
"""What a third fee currency is worth in the quote currency; one is not known."""

_STEP = Decimal("0.001")
_LEAST = Decimal("0.1")
_MOST_OPEN = 10
_MOST_WAITING = 3
_NO_BOUND = Decimal(10**9)


@dataclass(slots=True)
class Ids:
    """The next numbers of rows that all accounts share."""

    order: Iterator[int] = field(default_factory=lambda: count(1))
    execution: Iterator[int] = field(default_factory=lambda: count(1))
    position: Iterator[int] = field(default_factory=lambda: count(1))


@dataclass(slots=True)
class PastOrder:
    """An order while it is being filled."""

    id: int
    side: Side
    qty: Decimal
    strategy_id: int
    named: int | None = None
    closes: bool = False
    filled: Decimal = ZERO
    value: Decimal = ZERO

    @property
    def left(self) -> Decimal:
        """What is not filled yet."""
        return self.qty - self.filled


class Happened(NamedTuple):
    """One row of the ledger and the deals it made; ``order`` is the one that was filled."""

    row: Executed | Entry
    deals: list[BookedDeal]
    order: PastOrder | None = None


class Past:
    """One account's past; the same seed gives the same one."""

    def __init__(
        self, kind: Kind, *, seed: int, ids: Ids, account_id: int = 1, terms_id: int = 1
    ) -> None:
        self.kind = kind
        self.account_id = account_id
        self.books = Books(self._open_position, lambda _: kind.market)
        self.bookings = 0
        self.executions = 0
        self.head = ""
        self.opened: dict[int, int] = {}
        self.waiting: list[PastOrder] = []
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

    def _next(self) -> Iterator[Happened]:
        held = self.books.open_positions(self.kind.market.symbol)
        roll = self._dice.random()
        crowded = len(held) > _MOST_OPEN
        if len(held) > 1 and (roll < 0.2 or (crowded and roll < 0.5)):
            yield from self._join(held)
        elif roll < 0.21 and held:
            yield self._write_off(self._dice.choice(held))
        elif roll < 0.4 and self.waiting:
            order = self.waiting.pop(self._dice.randrange(len(self.waiting)))
            yield self._fill(order, order.left)
        elif held and (roll < 0.6 or crowded):
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
            yield self._write_off(position)
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
            executed_at=START + timedelta(seconds=self.executions),
            terms_id=self._terms_id,
            position_mode=self.kind.mode,
            reversal=self.kind.reversal,
            strategy_id=order.strategy_id,
            named_position_id=order.named,
            fee_rate=None if currency is None else RATES.get(currency),
            previous_hash=self.head,
            hash="",
        )
        row = row._replace(hash=digest(row))
        self.head = row.hash
        deals = self.books.execute(row)
        self.bookings += len(deals)
        order.filled += qty
        order.value += qty * price
        if not order.closes:
            order.named = deals[-1].position_id
        return Happened(row, deals, order)

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
            qty=plain(qty),
            mark=None if mark is None else plain(mark),
            terms_id=self._terms_id,
        )

    def _merge(self, source: Rebuilt, target: Rebuilt) -> Happened:
        happened = self._enter(
            JournalKind.MERGE,
            source_position_id=source.position_id,
            target_position_id=target.position_id,
            side=str(source.holding.side),
            qty=plain(source.holding.qty),
            cost=plain(source.holding.cost),
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
            qty=plain(qty),
            cost=plain(released_cost(held, qty)),
            terms_id=self._terms_id,
        )

    def _enter(self, kind: JournalKind, **facts: object) -> Happened:
        row = Entry(self.bookings + 1, kind, facts)
        deals = self.books.enter(row)
        self.bookings += 1 + len(deals)
        return Happened(row, deals)

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
