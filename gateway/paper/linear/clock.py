"""What time does to futures: funding, orders that are good till a date, and liquidation.

Funding is paid at every multiple of ``funding_s`` since 1970. A venue that was down over one or
more of them pays once when it is back.
"""

from decimal import Decimal

from gateway.paper.linear.accounts import Income
from gateway.paper.linear.desk import Desk
from gateway.paper.linear.filters import Kind
from gateway.paper.linear.positions import Position, PositionSide
from gateway.paper.market.ground import Ground
from gateway.paper.market.market import Execution
from gateway.paper.matching.amounts import ZERO, cut
from gateway.paper.matching.book import Side
from gateway.paper.matching.orders import Order, Status

FUNDING_RATE = Decimal("0.0001")  # longs pay shorts this part of their worth


class LinearClock:
    """The part of every step that belongs to futures."""

    def __init__(self, market: Desk, venue: Ground) -> None:
        self._market = market
        self._venue = venue
        self._next_ms = 0

    @property
    def period_ms(self) -> int:
        """Milliseconds between two funding payments."""
        return self._venue.options.funding_s * 1000

    def next_funding_ms(self, now_ms: int) -> int:
        """When funding is paid next."""
        return (now_ms // self.period_ms + 1) * self.period_ms

    def load(self) -> None:
        """Take the next funding time from the store."""
        saved = self._venue.store.document("linear_funding", "next")
        self._next_ms = saved["ms"] if saved else 0

    def stepped(self) -> None:
        """Expire, pay and liquidate what is due."""
        now_ms = self._venue.now_ms()
        self._expire(now_ms)
        if now_ms >= self._next_ms:
            if self._next_ms:
                self._pay_funding()
            self._next_ms = self.next_funding_ms(now_ms)
            self._venue.store.put_document("linear_funding", "next", {"ms": self._next_ms})
        for login in self._market.accounts.holders():
            if self._market.accounts.margin(login).broken:
                self._liquidate(login)

    def _expire(self, now_ms: int) -> None:
        due = [order for order in self._market.open if 0 < order.extra["good_till_ms"] <= now_ms]
        for order in due:
            if order.open:
                self._market.end(order, Status.EXPIRED, Execution.EXPIRED)

    def _pay_funding(self) -> None:
        accounts = self._market.accounts
        for login in accounts.holders():
            for position in accounts.positions(login):
                worth = position.qty * accounts.mark(position.symbol)
                accounts.pay(
                    login, Income.FUNDING_FEE, -cut(worth * FUNDING_RATE), symbol=position.symbol
                )
                self._market.reports.touch(login, "FUNDING_FEE", position.symbol, position.side)

    def _liquidate(self, login: str) -> None:
        """Cancel everything, close everything at the market, and forgive a debt that is left."""
        accounts = self._market.accounts
        for order in self._market.open.of_login(login):
            if order.open:
                self._market.end(order, Status.EXPIRED, Execution.EXPIRED)
        positions = accounts.positions(login)
        for position in positions:
            self._market.accept(self._closing_order(login, position))
        debt = -accounts.wallet(login)
        if debt > 0 and not accounts.positions(login):
            accounts.pay(login, Income.INSURANCE_CLEAR, debt, symbol=positions[-1].symbol)

    def _closing_order(self, login: str, position: Position) -> Order:
        now_ms = self._venue.now_ms()
        order_id = self._market.next_order_id(position.symbol)
        return Order(
            market=self._market.name,
            symbol=position.symbol,
            order_id=order_id,
            login=login,
            client_id=f"autoclose-{now_ms}{order_id}",
            side=Side.SELL if position.qty > ZERO else Side.BUY,
            kind=Kind.MARKET,
            created_ms=now_ms,
            updated_ms=now_ms,
            tif="IOC",
            qty=abs(position.qty),
            extra={
                "position_side": position.side,
                "reduce_only": position.side is PositionSide.BOTH,
                "closes": True,
                "good_till_ms": 0,
                "original_kind": "LIQUIDATION",
            },
        )
