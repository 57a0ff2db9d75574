"""A desk whose exchange knows stops: what tests of protection share.

The exchange's side is in the test's hand: ``carry_on`` lets it answer everything that waits as an
exchange in good health would; ``take`` hands out what waits without an answer.
"""

from decimal import Decimal
from typing import Any

from oms_project.errors import OrderRejected
from positions import ports
from positions.engine.types import GroupRole, OrderStatus, OrderType
from positions.models import InstructionKind, Order, Position, Trigger
from positions.projector import Claim
from positions.projector.protection import following
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR

D = Decimal
STOP_LOSS, TAKE_PROFIT = GroupRole.STOP_LOSS, GroupRole.TAKE_PROFIT
LIVE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)
REFUSAL = OrderRejected(exception="OrderImmediatelyFillable", exchange_code="-2021")


class Guarded(Desk):
    """A desk, and the stops that rest at its exchange."""

    def __init__(self, symbol: str = LINEAR, price: str = "100", **settings: Any) -> None:
        super().__init__(symbol, **settings)
        ports.exchange().add_types(symbol, OrderType.STOP, OrderType.TAKE_PROFIT)
        self.price = price
        self.hear(price)

    def held(self, qty: str = "1", **stops: Any) -> Position:
        """A long with a stop at 90 unless told otherwise, everything answered."""
        position = self.bought(qty, **({"stop_loss": "90"} | stops))
        self.carry_on()
        return self.fresh(position)

    def hear(self, price: str) -> None:
        """The market trades at this price, and the price watch hears of it."""
        self.price = price
        ports.exchange().prices[self.symbol] = D(price)
        following.prices_seen(self.account.pk, {self.symbol: D(price)})

    def carry_on(self, rounds: int = 20) -> None:
        """Answer what waits until nothing waits any more."""
        for _ in range(rounds):
            claims = self.claim()
            if not claims:
                return
            for claim in claims:
                self.answer(claim)
        raise AssertionError("the desk never comes to rest")

    def take(self) -> dict[str, Order]:
        """What waits is on the wire now: its orders by kind of instruction and role."""
        return {f"{claim.kind} {_role(claim)}": claim.instruction.order for claim in self.claim()}

    def answer(self, claim: Claim) -> None:
        """What an exchange in good health says to one request."""
        order = self.fresh(claim.instruction.order)
        if claim.kind == InstructionKind.CANCEL:
            self.cancelled(order)
        elif order.order_type == OrderType.MARKET:
            self.executed(order)
        else:
            self.report(order, OrderStatus.SUBMITTED)

    def executed(self, order: Order, qty: str | None = None) -> None:
        """The order fills, wholly unless ``qty`` says otherwise."""
        leg = self.leg(order)
        part = leg.qty - leg.booked_filled if qty is None else D(qty)
        trade = self.trade(order, str(part), self.price)
        filled = leg.booked_filled + part
        status = OrderStatus.FILLED if filled >= leg.qty else OrderStatus.PARTIALLY_FILLED
        self.report(order, status, str(filled), trades=[trade])

    def cancelled(self, order: Order) -> None:
        """The exchange confirms that the order is gone."""
        self.report(order, OrderStatus.CANCELED, str(self.leg(order).booked_filled))

    def protect(self, position: Position, **stops: Any) -> Position:
        """Set stops and let the exchange answer."""
        self.give("position_change", position_id=position.pk, **stops)
        self.carry_on()
        return self.fresh(position)

    def trigger(self, position: Position, role: GroupRole = STOP_LOSS) -> Trigger | None:
        """The row that keeps the stop."""
        return Trigger.objects.filter(position=position, role=role).first()

    def state(self, position: Position, role: GroupRole = STOP_LOSS) -> str | None:
        row = self.trigger(position, role)
        return row and str(row.state)

    def resting(self) -> list[Order]:
        """Stops and take-profits that the exchange has or may have, oldest first."""
        legs = Order.objects.open().legs().filter(account=self.account)
        return list(legs.order_by("id"))


def _role(claim: Claim) -> str:
    order = claim.instruction.order
    if order.closes_position:
        return "close"
    return str(order.group_role or order.order_type)
