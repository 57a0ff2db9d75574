"""An exchange as far as orders go: it takes, fills, cancels and amends them, and keeps a journal.

It knows nothing of the OMS. Orders and trades become visible a while after they happened, as real
look-ups lag. Like Binance it takes a client order id again once the earlier order is filled, so
that an order sent twice is executed twice and shows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

ZERO = Decimal(0)
LIVE = ("NEW", "PARTIALLY_FILLED")
STEP, LARGER_STEP = Decimal("0.001"), Decimal("0.5")


class Refusal(Exception):
    """The venue's no, with Binance's number for it."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class Trade:
    """One fill."""

    id: int
    order_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at_s: float
    visible_at_s: float


@dataclass
class Order:
    """One order; ``reduce_only`` never turns the account's net round."""

    id: str
    client_id: str
    symbol: str
    side: str
    type: str
    qty: Decimal
    price: Decimal | None
    reduce_only: bool
    at_s: float
    visible_at_s: float
    status: str = "NEW"
    filled: Decimal = ZERO
    trades: list[Trade] = field(default_factory=list)

    @property
    def left(self) -> Decimal:
        return self.qty - self.filled


class Venue:
    """One login on one symbol."""

    def __init__(self, symbol: str, *, dice: Random, now_s: Callable[[], float]) -> None:
        self.symbol = symbol
        self.orders: list[Order] = []
        self.trades: list[Trade] = []
        self.price = Decimal(100)
        self.step = STEP
        self.lists_late = False
        self._dice = dice
        self._now_s = now_s

    @property
    def is_spot(self) -> bool:
        return ":" not in self.symbol

    @property
    def net(self) -> Decimal:
        """Signed sum of all fills; what fees in the base currency took is not in it."""
        return sum((t.qty if t.side == "buy" else -t.qty for t in self.trades), ZERO)

    def balances(self) -> dict[str, Decimal]:
        """What the account holds per currency; it began with a lot of both."""
        held = {"BTC": Decimal(1000), "USDT": Decimal(1000000)}
        for trade in self.trades:
            sign = 1 if trade.side == "buy" else -1
            if self.is_spot:
                held["BTC"] += sign * trade.qty
                held["USDT"] -= sign * trade.qty * trade.price
            held[trade.fee_currency] -= trade.fee
        return held

    def create(
        self,
        *,
        client_id: str,
        side: str,
        kind: str,
        qty: Decimal,
        price: Decimal | None,
        reduce_only: bool = False,
    ) -> Order:
        """Take an order; a market order is filled at once.

        Raises:
            Refusal: its id is live already, it breaks a rule of the market, or it reduces nothing.
        """
        if any(o.client_id == client_id and o.status in LIVE for o in self.orders):
            raise Refusal("-4116", "ClientOrderId is duplicated.")
        self._check_step(qty)
        if reduce_only and self._reducible(side) <= 0:
            raise Refusal("-2022", "ReduceOnly Order is rejected.")
        now_s = self._now_s()
        order = Order(
            id=str(1000 + len(self.orders)),
            client_id=client_id,
            symbol=self.symbol,
            side=side,
            type=kind,
            qty=qty,
            price=price,
            reduce_only=reduce_only,
            at_s=now_s,
            visible_at_s=now_s + self._lag_s(),
        )
        self.orders.append(order)
        if kind == "market":
            self._fill_in_parts(order, order.qty)
            if order.left:
                order.status = "EXPIRED"
        return order

    def cancel(self, order: Order) -> None:
        """Take an order off.

        Raises:
            Refusal: it has ended already.
        """
        if order.status not in LIVE:
            raise Refusal("-2011", "Unknown order sent.")
        order.status = "CANCELED"

    def amend(self, order: Order, *, qty: Decimal, price: Decimal | None) -> None:
        """Give a live order another total and price.

        Raises:
            Refusal: it has ended, is filled beyond that already, or breaks a rule of the market.
        """
        if order.status not in LIVE:
            raise Refusal("-2013", "Order does not exist.")
        self._check_step(qty)
        if qty <= order.filled:
            raise Refusal("-4028", "The quantity is filled already.")
        order.qty, order.price = qty, price

    def trade_a_little(self) -> None:
        """Let the market come to one of the resting orders."""
        resting = [order for order in self.orders if order.status in LIVE]
        if resting:
            order = self._dice.choice(resting)
            share = self._dice.choice((Decimal("0.3"), Decimal("0.6"), Decimal(1), Decimal(1)))
            self._fill_in_parts(order, self._rounded(order.left * share) or order.left)

    def seen_orders(self) -> list[Order]:
        """What a look-up shows now."""
        return [order for order in self.orders if order.visible_at_s <= self._now_s()]

    def seen_trades(self) -> list[Trade]:
        """What the list of fills shows now."""
        return [trade for trade in self.trades if trade.visible_at_s <= self._now_s()]

    def _fill_in_parts(self, order: Order, qty: Decimal) -> None:
        if order.reduce_only:
            qty = min(qty, self._reducible(order.side))
        for share in self._dice.choice(((1,), (1,), (1, 1), (1, 2))):
            part = min(qty, self._rounded(qty / share) or qty) if share > 1 else qty
            if part > 0 and order.left > 0:
                self._fill(order, min(part, order.left))
                qty -= part

    def _fill(self, order: Order, qty: Decimal) -> None:
        now_s, base_fee = self._now_s(), self.is_spot and order.side == "buy"
        price = order.price or self.price + self._dice.randint(-50, 50) * Decimal("0.01")
        trade = Trade(
            id=len(self.trades) + 1,
            order_id=order.id,
            symbol=self.symbol,
            side=order.side,
            qty=qty,
            price=price,
            fee=qty * Decimal("0.001") if base_fee else qty * price * Decimal("0.0005"),
            fee_currency="BTC" if base_fee else "USDT",
            at_s=now_s,
            visible_at_s=now_s + self._lag_s() + self._late_s(),
        )
        self.trades.append(trade)
        order.trades.append(trade)
        order.filled += qty
        order.status = "FILLED" if not order.left else "PARTIALLY_FILLED"

    def _check_step(self, qty: Decimal) -> None:
        if qty % self.step:
            raise Refusal("-1013", "Filter failure: LOT_SIZE")

    def _reducible(self, side: str) -> Decimal:
        return max(-self.net if side == "buy" else self.net, ZERO)

    def _lag_s(self) -> float:
        return self._dice.choice((0.0, 0.0, 0.0, 0.3, 2.0))

    def _late_s(self) -> float:
        return self._dice.choice((0.0, 0.0, 30.0)) if self.lists_late else 0.0

    def _rounded(self, qty: Decimal) -> Decimal:
        return qty.quantize(Decimal("0.001"), rounding="ROUND_DOWN")
