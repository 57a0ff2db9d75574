"""What do the books look like when the ledger is booked again from the start?

No database here: executions and journal entries come in booking order, deals go out, positions stay
on a shelf. Everything is decided by the engine, from what the rows said when they were booked.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from positions.engine.book import book_dust, book_fill
from positions.engine.close_by import close_by
from positions.engine.closing import PositionFacts
from positions.engine.errors import BrokenLedger
from positions.engine.fees import rate_of
from positions.engine.holding import DustMove, Holding, Leg, Target, average_price
from positions.engine.market import Market
from positions.engine.merge import merge
from positions.engine.money import ZERO
from positions.engine.routing import Candidate, route
from positions.engine.types import DealKind, Entry, PositionMode, PositionState, Reversal
from positions.journal import JournalKind
from positions.ledger.executions import Executed, fill_of, knows_fee, order_facts_of
from positions.ledger.shelf import Shelf
from positions.ledger.stream import BookedDeal
from positions.ledger.stream import Entry as JournalRow


@dataclass(slots=True)
class Rebuilt:
    """A position as the ledger determines it."""

    position_id: int
    ticket: int
    opening_order_id: int
    symbol: str
    strategy_id: int
    market: Market
    holding: Holding
    merged_into: int | None = None

    @property
    def state(self) -> PositionState:
        """Open, closed or merged; that a close is requested is no matter of the ledger."""
        if self.merged_into is not None:
            return PositionState.MERGED
        return PositionState.OPEN if self.holding.qty else PositionState.CLOSED

    @property
    def candidate(self) -> Candidate:
        """The position as routing sees it."""
        return Candidate(
            position_id=self.position_id,
            side=self.holding.side,
            qty=self.holding.qty,
            strategy_id=self.strategy_id,
            opened_by=self.opening_order_id,
            merged_into=self.merged_into,
        )

    @property
    def facts(self) -> PositionFacts:
        """The position as close-by and merge see it; what was booked had its volume free."""
        return PositionFacts(
            position_id=self.position_id,
            account_id=0,
            symbol=self.symbol,
            strategy_id=self.strategy_id,
            holding=self.holding,
            free=self.holding.qty,
        )


class Books:
    """One account's books, rebuilt booking by booking.

    ``id_of`` gives the id of the position that a booking number opened; ``market_of`` the market of
    a row of terms.
    """

    def __init__(self, id_of: Callable[[int], int], market_of: Callable[[int], Market]) -> None:
        self._id_of = id_of
        self._market_of = market_of
        self.positions: Shelf[Rebuilt] = Shelf()
        self.dust: dict[str, Decimal] = {}
        self._opened_by: Shelf[list[int]] = Shelf()
        self._open: dict[str, dict[int, None]] = {}

    def execute(self, execution: Executed) -> list[BookedDeal]:
        """Book an execution where the engine routes it."""
        market = self._market_of(execution.terms_id)
        mode = PositionMode(execution.position_mode)
        found = route(
            order_facts_of(execution),
            [position.candidate for position in self._candidates(execution, mode)],
            mode=mode,
            reversal=Reversal(execution.reversal),
        )
        current = self.positions.get(found.position_id)
        before = None if current is None else current.holding
        booking = book_fill(before, fill_of(execution), market, found.reversal)
        deals = []
        for number, leg in enumerate(booking.legs, start=execution.booking_no):
            position = current
            if leg.target is Target.NEW:
                assert booking.opened is not None
                position = self._new(execution, number, booking.opened, market)
            assert position is not None
            if leg.entry is Entry.INOUT:
                position.ticket = execution.order_id
            deals.append(_fill_deal(number, execution, leg, position, market))
        if current is not None and booking.current is not None:
            self._hold(current, booking.current)
        self._add_dust(booking.dust)
        return deals

    def enter(self, entry: JournalRow) -> list[BookedDeal]:
        """Book a journal entry.

        Raises:
            EngineError: the positions that it names cannot do what it says.
            KeyError, ArithmeticError, ValueError: its facts are not readable.
        """
        match JournalKind(entry.kind):
            case JournalKind.CLOSE_BY:
                return self._close_by(entry)
            case JournalKind.MERGE:
                return self._merge(entry)
            case JournalKind.CORRECTION:
                return self._correct(entry)

    def open_positions(self, symbol: str) -> list[Rebuilt]:
        """What is open in a symbol, in the order it was opened."""
        return self._all(self._open.get(symbol, ()))

    def close(self) -> None:
        """Give the shelves back."""
        self.positions.close()
        self._opened_by.close()

    def _close_by(self, entry: JournalRow) -> list[BookedDeal]:
        facts = entry.facts
        a, b = self._named(facts["position_id_a"]), self._named(facts["position_id_b"])
        market = self._market_of(facts["terms_id"])
        mark = None if facts["mark"] is None else Decimal(facts["mark"])
        result = close_by(a.facts, b.facts, market, qty=Decimal(facts["qty"]), mark=mark)
        self._hold(a, result.a)
        self._hold(b, result.b)
        number, kind = entry.booking_no, DealKind.TRANSFER
        return [
            _other_deal(number + 1, kind, result.leg_a, a, market),
            _other_deal(number + 2, kind, result.leg_b, b, market),
        ]

    def _merge(self, entry: JournalRow) -> list[BookedDeal]:
        facts = entry.facts
        source = self._named(facts["source_position_id"])
        target = self._named(facts["target_position_id"])
        result = merge(source.facts, target.facts)
        _agree("qty", facts, result.qty)
        _agree("cost", facts, result.cost)
        source.merged_into = target.position_id
        self._hold(source, result.source)
        self._hold(target, result.target)
        return []

    def _correct(self, entry: JournalRow) -> list[BookedDeal]:
        facts = entry.facts
        position = self._named(facts["position_id"])
        market = self._market_of(facts["terms_id"])
        before = position.holding
        booking = book_dust(before, market, Decimal(facts["qty"]))
        assert booking.current is not None
        _agree("cost", facts, before.cost - booking.current.cost)
        leg = booking.legs[0]._replace(price=average_price(before, market) or ZERO)
        self._hold(position, booking.current)
        self._add_dust(booking.dust)
        return [_other_deal(entry.booking_no + 1, DealKind.CORRECTION, leg, position, market)]

    def _candidates(self, execution: Executed, mode: PositionMode) -> list[Rebuilt]:
        """What a fill may belong to; see ``routing`` for what is enough."""
        if mode is not PositionMode.HEDGE:
            return self.open_positions(execution.symbol)
        own = self._opened_by.get(execution.order_id) or ()
        found = {row.position_id: row for row in self._all((execution.named_position_id, *own))}
        while missing := {row.merged_into for row in found.values()} - {None, *found}:
            found |= {row.position_id: row for row in self._all(missing)}
        return [found[position_id] for position_id in sorted(found)]

    def _all(self, position_ids: Iterable[int | None]) -> list[Rebuilt]:
        rows = (self.positions.get(position_id) for position_id in position_ids)
        return [row for row in rows if row is not None]

    def _named(self, position_id: int) -> Rebuilt:
        position = self.positions.get(position_id)
        if position is None:
            raise BrokenLedger(f"There is no position {position_id} at this point.")
        return position

    def _new(self, execution: Executed, number: int, holding: Holding, market: Market) -> Rebuilt:
        position = Rebuilt(
            position_id=self._id_of(number),
            ticket=execution.order_id,
            opening_order_id=execution.order_id,
            symbol=execution.symbol,
            strategy_id=execution.strategy_id,
            market=market,
            holding=holding,
        )
        if execution.position_mode == PositionMode.HEDGE:
            opened = self._opened_by.get(execution.order_id) or []
            self._opened_by.put(execution.order_id, [*opened, position.position_id])
        self._hold(position, holding)
        return position

    def _hold(self, position: Rebuilt, holding: Holding) -> None:
        position.holding = holding
        open_here = self._open.setdefault(position.symbol, {})
        if holding.qty:
            open_here[position.position_id] = None
        else:
            open_here.pop(position.position_id, None)
        self.positions.put(position.position_id, position)

    def _add_dust(self, moves: Iterable[DustMove]) -> None:
        for move in moves:
            self.dust[move.asset] = self.dust.get(move.asset, ZERO) + move.qty


def _fill_deal(
    number: int, execution: Executed, leg: Leg, position: Rebuilt, market: Market
) -> BookedDeal:
    known = knows_fee(execution)
    return BookedDeal(
        booking_no=number,
        kind=DealKind.FILL,
        entry=leg.entry,
        side=leg.side,
        qty=leg.qty,
        price=leg.price,
        profit=leg.profit,
        profit_currency=market.profit_currency,
        fee=leg.fee if known else None,
        fee_currency=execution.fee_currency,
        fee_rate=rate_of(leg.fee, leg.fee_quote),
        fee_quote=leg.fee_quote if known else None,
        base_fee=leg.base_fee,
        symbol=execution.symbol,
        strategy_id=position.strategy_id,
        position_id=position.position_id,
        order_id=execution.order_id,
        execution_id=execution.id,
    )


def _other_deal(
    number: int, kind: DealKind, leg: Leg, position: Rebuilt, market: Market
) -> BookedDeal:
    return BookedDeal(
        booking_no=number,
        kind=kind,
        entry=leg.entry,
        side=leg.side,
        qty=leg.qty,
        price=leg.price,
        profit=leg.profit,
        profit_currency=market.profit_currency,
        fee=None,
        fee_currency=None,
        fee_rate=None,
        fee_quote=None,
        base_fee=ZERO,
        symbol=position.symbol,
        strategy_id=position.strategy_id,
        position_id=position.position_id,
        order_id=None,
        execution_id=None,
    )


def _agree(name: str, facts: dict[str, str], rebuilt: Decimal) -> None:
    if Decimal(facts[name]) != rebuilt:
        raise BrokenLedger(f"Its {name} is {facts[name]}; the positions say {rebuilt}.")
