"""An exchange small enough to see through, which answers when a test lets it.

It keeps what it was sent, executes reduce-only orders no further than its net allows, sells no coin
it does not have, and cancels what is still alive. What it reports is what it did, never more.
"""

from dataclasses import dataclass
from decimal import Decimal

from positions.engine.types import OrderStatus, OrderType, Side
from positions.models import InstructionKind, Order
from positions.tests.fakes import SPOT
from positions.tests.guarded import Guarded

D = Decimal
ZERO = D(0)


@dataclass
class Known:
    """One order as the exchange has it."""

    order: Order
    left: Decimal
    is_alive: bool = True

    @property
    def is_stop(self) -> bool:
        return self.order.order_type in (OrderType.STOP, OrderType.TAKE_PROFIT)


class SmallVenue:
    """The exchange of one desk; ``net`` is what it holds of the symbol."""

    def __init__(self, desk: Guarded) -> None:
        self.desk = desk
        self.net = ZERO
        self.known: dict[int, Known] = {}
        self.cancels: list[Order] = []

    # --- the worker sends ---------------------------------------------------------------------

    def receive(self) -> int:
        """Take what the worker sends: stops rest at once, the rest waits for its event."""
        claims = self.desk.claim()
        for claim in claims:
            order = claim.instruction.order
            if claim.kind == InstructionKind.CANCEL:
                self.cancels.append(order)
                continue
            known = Known(order, claim.instruction.exchange_order.qty)
            self.known[order.pk] = known
            if known.is_stop:
                self.desk.report(order, OrderStatus.SUBMITTED)
        return len(claims)

    # --- events -------------------------------------------------------------------------------

    def fire_stops(self, share: str = "1") -> None:
        """What rests as a stop loss triggers, and fills by that share."""
        for known in self.alive(stops=True):
            if known.order.order_type == OrderType.STOP:
                self.execute(known, known.left * D(share))

    def fill_markets(self) -> None:
        """Market orders execute."""
        for known in self.alive(stops=False):
            self.execute(known, known.left)

    def answer_cancels(self) -> None:
        """Every cancel is carried out where there is something to cancel."""
        asked, self.cancels = self.cancels, []
        for order in asked:
            known = self.known[order.pk]
            if known.is_alive:
                known.is_alive = False
                self.desk.cancelled(self.desk.fresh(order))

    def execute(self, known: Known, qty: Decimal) -> None:
        """Fill up to ``qty``; where nothing may be filled the order expires."""
        order = self.desk.fresh(known.order)
        qty = min(qty, self._most(order))
        if not qty:
            known.is_alive = False
            self.desk.report(order, OrderStatus.EXPIRED, str(self.desk.leg(order).booked_filled))
            return
        self.net += Side(order.side).sign * qty
        known.left -= qty
        known.is_alive = known.left > ZERO
        self.desk.executed(order, str(qty))

    def settle(self) -> None:
        """Go on fairly until nothing waits any more."""
        for _ in range(30):
            busy = self.receive() or self.cancels or self.alive(stops=False)
            if not busy:
                return
            self.answer_cancels()
            self.fill_markets()
        raise AssertionError("it never comes to rest")

    # --- looking ------------------------------------------------------------------------------

    def alive(self, *, stops: bool) -> list[Known]:
        """What can still execute."""
        return [known for known in self.known.values()
                if known.is_alive and known.is_stop is stops]  # fmt: skip

    def _most(self, order: Order) -> Decimal:
        """How much of the order may execute at all."""
        if self.desk.symbol == SPOT:
            return max(self.net, ZERO) if order.side == Side.SELL else D(1000)
        if self.desk.leg(order).reduce_only:
            return max(-Side(order.side).sign * self.net, ZERO)
        return D(1000)
