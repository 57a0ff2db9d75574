"""What do the books look like when the ledger is booked again from the start?

No database here: executions and journal entries come in booking order, deals go out, positions stay
on a shelf. Everything is decided by the engine, from what the rows said when they were booked.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal

from positions.engine.book import book_dust, book_fill, book_forced_close, book_funding
from positions.engine.close_by import close_by
from positions.engine.errors import BrokenLedger
from positions.engine.funding import Volume, funding_shares
from positions.engine.holding import Booking, DustMove, Holding, Target, average_price
from positions.engine.market import Market
from positions.engine.merge import merge
from positions.engine.money import ZERO
from positions.engine.routing import OrderFacts, route
from positions.engine.types import DealKind, Entry, PositionMode, Reversal
from positions.journal import JournalKind
from positions.ledger import rebooking
from positions.ledger.executions import Executed, fill_of, order_facts_of
from positions.ledger.past import Past
from positions.ledger.rebuilt import Rebuilt, fill_deal, funding_deal, transfer_deal
from positions.ledger.shelf import Shelf
from positions.ledger.stream import BookedDeal, time_of
from positions.ledger.stream import Entry as JournalRow


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
        self.assigned: Shelf[rebooking.Assigned] = Shelf()
        self.dust: dict[str, Decimal] = {}
        self.replaced: list[BookedDeal] = []
        self._opened_by: Shelf[list[int]] = Shelf()
        self._open: dict[str, dict[int, None]] = {}
        self._leaving: dict[int, list[Rebuilt]] = {}

    def execute(self, execution: Executed) -> list[BookedDeal]:
        """Book an execution where the engine routes it."""
        if execution.forced is not None:
            return self._force(execution)
        return self.fill(execution, order_facts_of(execution), execution.booking_no)

    def enter(self, entry: JournalRow) -> list[BookedDeal]:
        """Book a journal entry; ``replaced`` holds the deals that it superseded.

        Raises:
            EngineError: the positions that it names cannot do what it says.
            KeyError, ArithmeticError, ValueError: its facts are not readable.
        """
        self.replaced = []
        match JournalKind(entry.kind):
            case JournalKind.CLOSE_BY:
                return self._close_by(entry)
            case JournalKind.MERGE:
                return self._merge(entry)
            case JournalKind.CORRECTION:
                return self._correct(entry)
            case JournalKind.FUNDING:
                return self._pay_funding(entry)
            case JournalKind.REASSIGN:
                return rebooking.rebook(self, entry)

    def open_positions(self, symbol: str) -> list[Rebuilt]:
        """What is open in a symbol, in the order it was opened."""
        return self._all(self._open.get(symbol, ()))

    def fill(self, execution: Executed, order: OrderFacts, number: int) -> list[BookedDeal]:
        """Book an execution as ``order`` says, its first deal with this number."""
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
        return self._write(execution, order, number, booking=booking, current=current)

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
    ) -> list[BookedDeal]:
        market = self.market_of(execution.terms_id)
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
                position.ticket = execution.order_id
            cost = booking.cost_change(leg, before)
            number_of_leg = number + len(deals)
            deals.append(
                fill_deal(number_of_leg, execution, leg, position, market=market, cost=cost)
            )
        if current is not None and booking.current is not None:
            self.hold(current, booking.current)
        self.add_dust(booking.dust)
        return deals

    def _close_by(self, entry: JournalRow) -> list[BookedDeal]:
        facts = entry.facts
        a, b = self.named(facts["position_id_a"]), self.named(facts["position_id_b"])
        market = self.market_of(facts["terms_id"])
        mark = None if facts["mark"] is None else Decimal(facts["mark"])
        result = close_by(a.facts, b.facts, market, qty=Decimal(facts["qty"]), mark=mark)
        deals = []
        for row, leg, left in ((a, result.leg_a, result.a), (b, result.leg_b, result.b)):
            number, cost = entry.booking_no + 1 + len(deals), left.cost - row.holding.cost
            self.hold(row, left)
            deals.append(
                transfer_deal(
                    number,
                    DealKind.TRANSFER,
                    leg,
                    row,
                    market=market,
                    cost=cost,
                    at=entry.created_at,
                )
            )
        return deals

    def _merge(self, entry: JournalRow) -> list[BookedDeal]:
        facts = entry.facts
        source = self.named(facts["source_position_id"])
        target = self.named(facts["target_position_id"])
        result = merge(source.facts, target.facts)
        _agree("qty", facts, result.qty)
        _agree("cost", facts, result.cost)
        source.merged_into = target.position_id
        self.hold(source, result.source)
        self.hold(target, result.target)
        return []

    def _correct(self, entry: JournalRow) -> list[BookedDeal]:
        facts = entry.facts
        position = self.named(facts["position_id"])
        market = self.market_of(facts["terms_id"])
        before = position.holding
        booking = book_dust(before, market, Decimal(facts["qty"]))
        assert booking.current is not None
        cost = booking.current.cost - before.cost
        _agree("cost", facts, -cost)
        leg = booking.legs[0]._replace(price=average_price(before, market) or ZERO)
        self.hold(position, booking.current)
        self.add_dust(booking.dust)
        deal = transfer_deal(
            entry.booking_no + 1,
            DealKind.CORRECTION,
            leg,
            position,
            market=market,
            cost=cost,
            at=entry.created_at,
        )
        return [deal]

    def _pay_funding(self, entry: JournalRow) -> list[BookedDeal]:
        facts = entry.facts
        volumes = [Volume(number, Decimal(qty)) for number, qty in facts["volumes"]]
        shares = funding_shares(Decimal(facts["amount"]), volumes)
        deals = []
        for number, share in enumerate(shares, start=entry.booking_no + 1):
            position = self.named(share.position_id)
            self.hold(position, book_funding(position.holding, share.amount))
            deals.append(
                funding_deal(
                    number,
                    share.amount,
                    position,
                    currency=facts["currency"],
                    exchange_funding_id=facts["exchange_funding_id"],
                    at=time_of(facts["paid_at"]),
                )
            )
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


def _agree(name: str, facts: dict[str, str], rebuilt: Decimal) -> None:
    if Decimal(facts[name]) != rebuilt:
        raise BrokenLedger(f"Its {name} is {facts[name]}; the positions say {rebuilt}.")
