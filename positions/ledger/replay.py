"""What do the books look like when the ledger is booked again from the start?

No database here: executions and journal entries come in booking order, deals go out, positions stay
on a shelf. Everything is decided by the engine, from what the rows said when they were booked.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

from positions.engine.book import book_fill, book_forced_close
from positions.engine.errors import BrokenLedger
from positions.engine.holding import Booking, DustMove, Holding, Target
from positions.engine.market import Market
from positions.engine.money import ZERO
from positions.engine.routing import OrderFacts, route
from positions.engine.types import Entry, PositionMode, Reversal
from positions.ledger.executions import Executed, fill_of, order_facts_of, strategy_of_deal
from positions.ledger.past import Past
from positions.ledger.rebuilt import Assigned, Rebuilt, fill_deal
from positions.ledger.shelf import Shelf
from positions.ledger.stream import BookedDeal


class Books:
    """One account's books, rebuilt booking by booking.

    ``id_of`` gives the id of the position that a booking number opened by an execution;
    ``market_of`` the market of a row of terms; ``past_of`` what was live before a booking number.
    """

    def __init__(
        self,
        id_of: Callable[[int, Executed], int],
        market_of: Callable[[int], Market],
        past_of: Callable[[int], Past],
    ) -> None:
        self.id_of = id_of
        self.market_of = market_of
        self.past_of = past_of
        self.positions: Shelf[Rebuilt] = Shelf()
        self.assigned: Shelf[Assigned] = Shelf()
        self.dust: dict[str, Decimal] = {}
        self.replaced: list[BookedDeal] = []
        self._opened_by: Shelf[list[int]] = Shelf()
        self._open: dict[str, dict[int, None]] = {}
        self._leaving: dict[int, list[Rebuilt]] = {}

    def execute(self, execution: Executed) -> list[BookedDeal]:
        """Book an execution where the engine routes it; one that is deferred, not yet."""
        if execution.deferred:
            return []
        if execution.forced is not None:
            return self._force(execution)
        return self.fill(execution, order_facts_of(execution), execution.booking_no)

    def open_positions(self, symbol: str) -> list[Rebuilt]:
        """What is open in a symbol, in the order it was opened."""
        return self._all(self._open.get(symbol, ()))

    def fill(
        self, execution: Executed, order: OrderFacts, number: int, *, rule: int | None = None
    ) -> list[BookedDeal]:
        """Book an execution as ``order`` says, its first deal with this number.

        ``rule`` says whose strategy the deals carry; the execution's own unless given.
        """
        market = self.market_of(execution.terms_id)
        mode = PositionMode(execution.position_mode)
        found = route(
            order,
            [position.candidate for position in self._candidates(order, execution.symbol, mode)],
            mode=mode,
            reversal=Reversal(execution.reversal),
        )
        current = self.positions.get(found.position_id)
        before = None if current is None else current.holding
        booking = book_fill(before, fill_of(execution), market, found.reversal)
        return self._write(execution, order, number, booking=booking, current=current, rule=rule)

    def hold(self, position: Rebuilt, holding: Holding) -> None:
        """Give a position its new value, and find it where it belongs from now on."""
        position.holding = holding
        open_here = self._open.setdefault(position.symbol, {})
        if holding.qty:
            open_here[position.position_id] = None
        else:
            open_here.pop(position.position_id, None)
        self.positions.put(position.position_id, position)

    def load(self, position: Rebuilt) -> None:
        """Take a position over that was built elsewhere."""
        self._remember_opening(position)
        self.hold(position, position.holding)

    def leave(self, position: Rebuilt, holding: Holding, booking_no: int) -> None:
        """A reassign took all its deals; it stays itself if its opening order opens one again."""
        position.superseded_by = booking_no
        self._leaving.setdefault(position.opening_order_id, []).append(position)
        self.hold(position, holding)

    def forget_leavers(self) -> None:
        """The reassign is over: who left without deals does not come back."""
        self._leaving.clear()

    def named(self, position_id: int) -> Rebuilt:
        """A position that has to be there.

        Raises:
            BrokenLedger: it is not.
        """
        position = self.positions.get(position_id)
        if position is None:
            raise BrokenLedger(f"There is no position {position_id} at this point.")
        return position

    def add_dust(self, moves: Iterable[DustMove]) -> None:
        """Change the account's dust record."""
        for move in moves:
            self.dust[move.asset] = self.dust.get(move.asset, ZERO) + move.qty

    def close(self) -> None:
        """Give the shelves back."""
        for shelf in (self.positions, self.assigned, self._opened_by):
            shelf.close()

    def _force(self, execution: Executed) -> list[BookedDeal]:
        """A liquidation or auto-deleveraging: several positions may give, each its share."""
        market, fill = self.market_of(execution.terms_id), fill_of(execution)
        rows = self._all(sorted(self._open.get(execution.symbol, ())))
        held = {row.position_id: row.holding for row in rows if row.holding.side is not fill.side}
        opened = self._all(self._opened_by.get(execution.order_id) or ())
        own = next((row for row in opened if row.dedicated), None)
        before = None if own is None else own.holding
        parts = book_forced_close(held, fill, market, step=execution.forced_step, excess=before)
        order, deals = order_facts_of(execution), []
        for part in parts:
            current = own if part.position_id is None else self.named(part.position_id)
            number = execution.booking_no + len(deals)
            deals += self._write(
                execution, order, number, booking=part.booking, current=current, dedicated=True
            )
        return deals

    def _write(
        self,
        execution: Executed,
        order: OrderFacts,
        number: int,
        *,
        booking: Booking,
        current: Rebuilt | None,
        dedicated: bool = False,
        rule: int | None = None,
    ) -> list[BookedDeal]:
        market = self.market_of(execution.terms_id)
        rule = execution.deal_rule if rule is None else rule
        before = None if current is None else current.holding
        deals = []
        for leg in booking.legs:
            position = current
            if leg.target is Target.NEW:
                assert booking.opened is not None
                position = self._new(
                    execution, order, number + len(deals), booking.opened, market=market
                )
                position.dedicated = dedicated or order.external
            assert position is not None
            if leg.entry is Entry.INOUT:
                position.ticket = order.order_id
            cost = booking.cost_change(leg, before)
            deals.append(
                fill_deal(
                    number + len(deals),
                    execution,
                    leg,
                    position,
                    market=market,
                    cost=cost,
                    order_id=order.order_id,
                    strategy_id=strategy_of_deal(
                        rule, order=order.strategy_id, position=position.strategy_id
                    ),
                )
            )
        if current is not None and booking.current is not None:
            self.hold(current, booking.current)
        self.add_dust(booking.dust)
        return deals

    def _candidates(self, order: OrderFacts, symbol: str, mode: PositionMode) -> list[Rebuilt]:
        """What a fill may belong to; see ``routing`` for what is enough."""
        if mode is not PositionMode.HEDGE and not order.external:
            return self.open_positions(symbol)
        own = self._opened_by.get(order.order_id) or ()
        found = {row.position_id: row for row in self._all((order.position_id, *own))}
        while missing := {row.merged_into for row in found.values()} - {None, *found}:
            found |= {row.position_id: row for row in self._all(missing)}
        return [found[position_id] for position_id in sorted(found)]

    def _all(self, position_ids: Iterable[int | None]) -> list[Rebuilt]:
        rows = (self.positions.get(position_id) for position_id in position_ids)
        return [row for row in rows if row is not None and row.superseded_by is None]

    def _new(
        self,
        execution: Executed,
        order: OrderFacts,
        number: int,
        holding: Holding,
        *,
        market: Market,
    ) -> Rebuilt:
        if leavers := self._leaving.get(order.order_id):
            position = leavers.pop(0)
            position.superseded_by = None
            position.ticket, position.strategy_id = order.order_id, order.strategy_id
            self.hold(position, holding)
            return position
        position = Rebuilt(
            position_id=self.id_of(number, execution),
            ticket=order.order_id,
            opening_order_id=order.order_id,
            symbol=execution.symbol,
            strategy_id=order.strategy_id,
            market=market,
            holding=holding,
        )
        self._remember_opening(position)
        self.hold(position, holding)
        return position

    def _remember_opening(self, position: Rebuilt) -> None:
        opened = self._opened_by.get(position.opening_order_id) or []
        self._opened_by.put(position.opening_order_id, [*opened, position.position_id])
