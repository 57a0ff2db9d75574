"""An account's books in memory: what the database projector does, without a database.

It keeps a journal of what happened and nothing clever: every number comes from the engine. The
tests run the worked cases on it and compare it with its own replay.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from positions.engine.arithmetic import value_of
from positions.engine.book import book_fill
from positions.engine.close_by import close_by
from positions.engine.closing import (
    PendingOrder,
    PositionFacts,
    RestingClose,
    check_close,
    fit_closes,
    free_volume,
)
from positions.engine.holding import Booking, Fill, Holding, Leg, Target, floating_profit
from positions.engine.market import Market
from positions.engine.merge import merge
from positions.engine.money import ZERO, exact_decimals
from positions.engine.routing import (
    Candidate,
    Intent,
    OrderFacts,
    Route,
    current_position,
    intent_of,
    route,
)
from positions.engine.types import MarketKind, PositionMode, PositionState, Reason, Reversal, Side

LINEAR = Market("BTC/USDT:USDT", MarketKind.LINEAR, "BTC", "USDT", "USDT")
SPOT = Market("BTC/USDT", MarketKind.SPOT, "BTC", "USDT")
INVERSE = Market("BTC/USD:BTC", MarketKind.INVERSE, "BTC", "USD", "BTC")


@dataclass
class Position:
    """One position row."""

    facts: Candidate
    holding: Holding
    ticket: int
    reason: Reason
    state: PositionState = PositionState.OPEN

    @property
    def position_id(self) -> int:
        return self.facts.position_id


@dataclass
class Deal:
    """One deal row."""

    position_id: int
    leg: Leg
    reason: Reason


@dataclass
class Ledger:
    """Books fills, close-bys and merges of one account and market."""

    mode: PositionMode = PositionMode.NETTING
    reversal: Reversal = Reversal.SPLIT
    market: Market = LINEAR
    positions: dict[int, Position] = field(default_factory=dict)
    deals: list[Deal] = field(default_factory=list)
    dust: dict[str, Decimal] = field(default_factory=dict)
    pending: dict[int, list[PendingOrder]] = field(default_factory=dict)
    resting: list[tuple[OrderFacts, Decimal]] = field(default_factory=list)
    journal: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def fill(self, order: OrderFacts, fill: Fill) -> Booking:
        """Book one execution where the engine routes it."""
        self.journal.append(("fill", (order, fill)))
        found = route(order, self.candidates(), mode=self.mode, reversal=self.reversal)
        held = self.positions[found.position_id] if found.position_id is not None else None
        booking = book_fill(held and held.holding, fill, self.market, found.reversal)
        if held is not None and booking.current is not None:
            if booking.current.side is not held.holding.side:
                held.ticket = order.order_id
            self._hold(held, booking.current)
        opened = self._open(order, booking.opened, found) if booking.opened else None
        for leg in booking.legs:
            position = held if leg.target is Target.CURRENT else opened
            assert position is not None
            self.deals.append(Deal(position.position_id, leg, position.reason))
        for move in booking.dust:
            self.dust[move.asset] = self.dust.get(move.asset, ZERO) + move.qty
        return booking

    def close_by(self, a: int, b: int, mark: Decimal | None = None) -> None:
        """Close two positions against each other."""
        result = close_by(self.facts(a), self.facts(b), self.market, mark=mark)
        self.journal.append(("close_by", (a, b, mark)))
        for position_id, leg, holding in ((a, result.leg_a, result.a), (b, result.leg_b, result.b)):
            self.deals.append(Deal(position_id, leg, Reason.CLOSE_BY))
            self._hold(self.positions[position_id], holding)

    def merge(self, source: int, target: int) -> None:
        """Carry one position into another."""
        result = merge(self.facts(source), self.facts(target))
        self.journal.append(("merge", (source, target)))
        self._hold(self.positions[source], result.source)
        self._hold(self.positions[target], result.target)
        self.positions[source].state = PositionState.MERGED
        self._describe(self.positions[source], merged_into=target)

    def check_send(self, order: OrderFacts, qty: Decimal) -> None:
        """Refuse what may not be sent, as the service does before the exchange is asked."""
        if intent_of(order, self.candidates(), mode=self.mode) is Intent.CLOSE:
            assert order.position_id is not None
            position = self.facts(order.position_id)
            check_close(qty, volume=position.holding.qty, free=position.free)

    def cuts(self) -> dict[int, Decimal]:
        """What each resting order of the newest one's strategy may still fill."""
        newest = self.resting[-1][0]
        current = current_position(
            self.candidates(), mode=self.mode, strategy_id=newest.strategy_id
        )
        room = ZERO if current is None or current.side is newest.side else current.qty
        return fit_closes(room, [RestingClose(o.order_id, qty) for o, qty in self.resting])

    def replayed(self, assigned: dict[int, OrderFacts] | None = None) -> "Ledger":
        """Return the books rebuilt from the journal, with some orders assigned otherwise."""
        books = Ledger(self.mode, self.reversal, self.market)
        for action, arguments in self.journal:
            match action, arguments:
                case "fill", (order, fill):
                    books.fill((assigned or {}).get(order.order_id, order), fill)
                case _:
                    getattr(books, action)(*arguments)
        return books

    def candidates(self) -> list[Candidate]:
        return [position.facts for position in self.positions.values()]

    def facts(self, position_id: int) -> PositionFacts:
        position = self.positions[position_id]
        return PositionFacts(
            position_id=position_id,
            account_id=1,
            symbol=self.market.symbol,
            strategy_id=position.facts.strategy_id,
            holding=position.holding,
            free=free_volume(position.holding, self.pending.get(position_id, [])),
            dedicated=position.facts.dedicated,
        )

    def open_positions(self) -> list[Position]:
        return [position for position in self.positions.values() if position.holding.qty]

    def net(self) -> Decimal:
        """Signed volume of all positions and the base dust: what the exchange should hold."""
        with exact_decimals():
            held = sum((p.holding.signed_qty for p in self.positions.values()), ZERO)
            return held + self.dust.get(self.market.base, ZERO)

    def realised(self) -> Decimal:
        with exact_decimals():
            return sum((deal.leg.profit for deal in self.deals), ZERO)

    def equity(self, mark: Decimal) -> Decimal:
        """Realised and open profit at ``mark``, fees apart."""
        with exact_decimals():
            return self.realised() + sum(
                (floating_profit(p.holding, mark, self.market) for p in self.open_positions()), ZERO
            )

    def net_result(self) -> Decimal:
        """Profit minus fees, all of them in quote."""
        with exact_decimals():
            return self.realised() - sum((deal.leg.fee_quote or ZERO for deal in self.deals), ZERO)

    def rows(self) -> list[object]:
        """Everything that a rebuild must reproduce."""
        return [self.positions, self.deals, self.dust]

    def _open(self, order: OrderFacts, holding: Holding, found: Route) -> Position:
        dedicated = order.external
        others = [p for p in self.positions.values() if p.facts.dedicated is dedicated]
        position_id = -(len(others) + 1) if dedicated else len(others) + 1
        facts = Candidate(
            position_id=position_id,
            side=holding.side,
            qty=holding.qty,
            strategy_id=order.strategy_id,
            opened_by=order.order_id,
            dedicated=dedicated,
        )
        position = Position(facts, holding, order.order_id, found.new_reason or Reason.API)
        self.positions[position_id] = position
        return position

    def _hold(self, position: Position, holding: Holding) -> None:
        position.holding = holding
        position.state = PositionState.OPEN if holding.qty else PositionState.CLOSED
        self._describe(position, side=holding.side, qty=holding.qty)

    def _describe(self, position: Position, **changes: Any) -> None:
        position.facts = position.facts._replace(**changes)


def cash_of(fills: Iterable[Fill], market: Market) -> Decimal:
    """What the fills alone earned: sold minus bought; on inverse contracts the reverse, in coin."""
    turn = -1 if market.kind is MarketKind.INVERSE else 1
    with exact_decimals():
        return sum((-f.side.sign * turn * value_of(f.qty, f.price, market) for f in fills), ZERO)


def worth_of(holdings: Iterable[Holding], mark: Decimal, market: Market) -> Decimal:
    """What the open volumes are worth at ``mark``, each signed as its close would count."""
    turn = -1 if market.kind is MarketKind.INVERSE else 1
    with exact_decimals():
        return sum((h.side.sign * turn * value_of(h.qty, mark, market) for h in holdings), ZERO)


def buy(qty: str, price: str, fee: str = "0", currency: str | None = None) -> Fill:
    return Fill(Side.BUY, Decimal(qty), Decimal(price), Decimal(fee), currency)


def sell(qty: str, price: str, fee: str = "0", currency: str | None = None) -> Fill:
    return Fill(Side.SELL, Decimal(qty), Decimal(price), Decimal(fee), currency)
