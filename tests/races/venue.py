"""The campaign's venue with a price that moves, stops that wait for it, and coins that are locked.

It knows nothing of the OMS. A stop triggers in the moment in which the price crosses it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tests.campaign.venue import LIVE, ZERO, Order, Refusal, Venue

BEYOND = "beyond"
"""The code of "it would trigger immediately", which has another number on each market."""


@dataclass
class Stop(Order):
    """A sell stop; ``type`` becomes ``market`` when it triggers."""

    trigger: Decimal = ZERO


class StopVenue(Venue):
    """One login on one symbol, long only in what rests."""

    on_change: Callable[[Order], None] = staticmethod(lambda order: None)

    def move(self, price: Decimal) -> None:
        """The market trades at ``price``."""
        self.price = price
        for order in self.waiting():
            if order.side == "sell" and price <= order.trigger:
                self._trigger(order)

    def waiting(self) -> list[Stop]:
        """Stops that may still trigger."""
        return [
            each
            for each in self.orders
            if isinstance(each, Stop) and each.type == "stop" and each.status in LIVE
        ]

    def create_stop(
        self, *, client_id: str, side: str, qty: Decimal, trigger: Decimal, reduce_only: bool
    ) -> Order:
        """Take a stop.

        Raises:
            Refusal: the price is beyond it, or there is nothing that it could sell.
        """
        if self.price <= trigger:
            raise Refusal(BEYOND, "Order would immediately trigger.")
        self._check_room(side, qty, reduce_only)
        now_s = self._now_s()
        order = Stop(
            id=str(1000 + len(self.orders)), client_id=client_id, symbol=self.symbol, side=side,
            type="stop", qty=qty, price=None, reduce_only=reduce_only, at_s=now_s,
            visible_at_s=now_s, trigger=trigger,
        )  # fmt: skip
        self.orders.append(order)
        self.on_change(order)
        return order

    def create(self, **asked: object) -> Order:
        side, qty = str(asked["side"]), asked["qty"]
        assert isinstance(qty, Decimal)
        self._check_room(side, qty, reduce_only=False)
        order = super().create(**asked)  # type: ignore[arg-type]
        self.on_change(order)
        return order

    def cancel(self, order: Order) -> None:
        super().cancel(order)
        self.on_change(order)

    def _check_room(self, side: str, qty: Decimal, reduce_only: bool) -> None:
        if reduce_only and self._reducible(side) <= 0:
            raise Refusal("-2022", "ReduceOnly Order is rejected.")
        if self.is_spot and side == "sell":
            locked = sum(
                (o.left for o in self.orders if o.side == "sell" and o.status in LIVE), ZERO
            )
            if qty > self.coins - locked:
                raise Refusal("-2010", "Account has insufficient balance for requested action.")

    @property
    def coins(self) -> Decimal:
        """What it has of the base currency, from its fills alone."""
        return self.net - sum((t.fee for t in self.trades if t.fee_currency == "BTC"), ZERO)

    def _trigger(self, order: Stop) -> None:
        order.type = "market"
        self._fill_in_parts(order, order.qty)
        if order.left:
            order.status = "EXPIRED"
        self.on_change(order)

    def _fill_in_parts(self, order: Order, qty: Decimal) -> None:
        """At once and whole, as far as reduce-only lets it."""
        if order.reduce_only:
            qty = min(qty, self._reducible(order.side))
        if qty > 0:
            self._fill(order, qty)

    def _lag_s(self) -> float:
        return self._dice.choice((0.0, 0.0, 0.2))
