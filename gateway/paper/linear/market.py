"""The USD-M futures market: what an order may risk, what a fill makes of a position and a wallet.

Open orders set nothing aside in the wallet; what they may come to is counted as margin. An order
that can only make a position smaller (``closes``) needs no margin and never outgrows the position.
"""

from dataclasses import replace
from decimal import Decimal

from gateway.paper.calls import Route
from gateway.paper.errors import VenueError
from gateway.paper.linear.account import LinearAccount
from gateway.paper.linear.accounts import USDT, Accounts, Income
from gateway.paper.linear.algos import LinearAlgos
from gateway.paper.linear.clock import LinearClock
from gateway.paper.linear.desk import Desk
from gateway.paper.linear.filters import crosses
from gateway.paper.linear.orders import LinearOrders
from gateway.paper.linear.positions import PositionSide, Resting
from gateway.paper.linear.public import LinearPublic
from gateway.paper.linear.reports import LinearReports
from gateway.paper.linear.settings import LinearSettings
from gateway.paper.linear.streams import LinearStreams
from gateway.paper.linear.symbols import LINEAR, largest_worth
from gateway.paper.market.ground import Ground
from gateway.paper.market.market import Execution, Print
from gateway.paper.matching.amounts import ZERO, cut
from gateway.paper.matching.book import Side
from gateway.paper.matching.orders import Order, Status, Trade, to_row

Held = tuple[str, str, PositionSide]


class LinearMarket(Desk):
    """Binance USD-M perpetuals with cross margin, in one-way or hedge mode."""

    name = "linear"

    def __init__(self, venue: Ground) -> None:
        self.accounts = Accounts(venue, LINEAR)
        self.reports = LinearReports(self.accounts, venue)
        self.clock = LinearClock(self, venue)
        self.streams = LinearStreams(self, venue, self.clock)
        self.orders = LinearOrders(self, venue)
        self.algos = LinearAlgos(self, venue, self.orders)
        super().__init__(venue, LINEAR)

    def routes(self) -> list[Route]:
        routes = [
            *LinearPublic(self, self.clock).routes(),
            *self.orders.routes(),
            *self.algos.routes(),
            *LinearAccount(self).routes(),
            *LinearSettings(self, self.algos).routes(),
        ]
        return [replace(route, limiter=self.name) for route in routes]

    def load(self) -> None:
        super().load()
        self.accounts.load()
        self.algos.load()
        self.clock.load()
        self.reports.forget()
        self._moved: set[Held] = set()
        for order in self.open:
            order.locked = ZERO
            self._count(order)

    # Margin.

    def lock(self, order: Order) -> None:
        self.check_margin(order)
        self._count(order)
        if order.extra["closes"]:
            self._moved.add(_held(order))

    def fund(self, order: Order) -> bool:
        return True  # What was triggered is placed as a new order, which asks for its margin.

    def relock(self, order: Order) -> None:
        self._count(order)

    def unlock(self, order: Order) -> None:
        self._count(order)

    def check_margin(self, order: Order, worth: Decimal | None = None) -> None:
        """May the login risk ``worth`` USDT more with this order? (Default: all it may come to.)

        Raises:
            VenueError: -2019 no margin for it, -2027 more than the leverage allows.
        """
        if order.extra["closes"]:
            return
        if worth is None:
            worth = order.left * order.price if order.price else self.preview(order).cost
        login, symbol, side = _held(order)
        more = Resting().plus(order.side, worth)
        before = self.accounts.initial(login, symbol, side)
        after = self.accounts.initial(login, symbol, side, more=more)
        if after <= before:
            return
        if after - before > self.accounts.margin(login).available:
            raise VenueError(-2019, "Margin is insufficient.")
        leverage = self.accounts.settings(login).leverage_of(symbol)
        if after * leverage > largest_worth(leverage):
            raise VenueError(-2027, "Exceeded the maximum allowable position at current leverage.")

    # Fills.

    def settle(
        self, order: Order, *, price: Decimal, qty: Decimal, trade_id: int, maker: bool
    ) -> Trade:
        login, symbol, side = _held(order)
        self._count(order)
        signed = qty if order.side is Side.BUY else -qty
        profit = self.accounts.fill(login, symbol, side, qty=signed, price=price)
        owner = self.venue.logins.get(login)
        fee = cut(price * qty * (owner.linear_maker if maker else owner.linear_taker))
        self.accounts.pay(login, Income.REALIZED_PNL, profit, symbol=symbol, trade_id=trade_id)
        self.accounts.pay(login, Income.COMMISSION, -fee, symbol=symbol, trade_id=trade_id)
        self._moved.add(_held(order))
        self.reports.touch(login, "ORDER", symbol, side)
        return Trade(
            market=self.name,
            symbol=symbol,
            trade_id=trade_id,
            order_id=order.order_id,
            login=login,
            client_id=order.client_id,
            side=order.side,
            price=price,
            qty=qty,
            fee=fee,
            fee_asset=USDT,
            maker=maker,
            time_ms=order.updated_ms,
            extra={"realised": str(profit), "position_side": side},
        )

    def matched(self, symbol: str) -> None:
        """No closing order stays larger than its position: the oldest give way first."""
        while self._moved:
            login, held_symbol, side = self._moved.pop()
            left = self.accounts.position(login, held_symbol, side).qty
            closing = [
                order
                for order in self.open.of_login(login, held_symbol)
                if order.extra["closes"] and _held(order)[2] is side
            ]
            for order in reversed(closing):
                fits = left < 0 if order.side is Side.BUY else left > 0
                kept = min(order.left, abs(left)) if fits else ZERO
                if kept < order.left:
                    self._shrink(order, kept)
                left += kept if order.side is Side.BUY else -kept

    def change_order(self, order: Order, *, qty: Decimal, price: Decimal) -> None:
        """Give an open limit order another total quantity and price; ids stay.

        A smaller quantity at the same price keeps the order's place, anything else matches anew.
        A post-only order that would now take is cancelled instead, as is one already filled.

        Raises:
            VenueError: no margin for it; nothing was changed.
        """
        if qty <= order.filled or (order.tif == "GTX" and crosses(self, order, price)):
            self.cancel(order)
            return
        if price == order.price and qty < order.qty:
            self.amend(order, qty)
        else:
            self._rework(order, qty=qty, price=price)
        self.store.journal("amend", order.login, self.name, order.updated_ms, to_row(order))
        self.fire(order.symbol)

    # Events.

    def announce(self, order: Order, execution: Execution, trade: Trade | None = None) -> None:
        self.reports.order(order, execution, trade)

    def printed(self, symbol: str, trade: Print) -> None:
        self.streams.printed(symbol, trade)

    def stepped(self) -> None:
        self.clock.stepped()
        self.streams.stepped()

    def ended(self, order: Order) -> None:
        self.algos.order_ended(order)

    def changed(self) -> None:
        self.reports.accounts_changed()
        self.streams.books_changed()

    def fire(self, symbol: str) -> None:
        self.matched(symbol)
        while due := next(filter(self.is_due, self.waiting[symbol].values()), None):
            self.algos.trigger(due)

    def watched_price(self, order: Order) -> Decimal:
        if order.extra["working_type"] == "MARK_PRICE":
            return self.accounts.mark(order.symbol)
        return self.last[order.symbol]

    # The steps of the above.

    def _count(self, order: Order) -> None:
        """Count what an order's open part may still add to its position."""
        counts = order.open and order.price and not order.extra["closes"]
        worth = order.left * order.price if counts else ZERO
        login, symbol, side = _held(order)
        if worth != order.locked:
            self.accounts.rest(
                login, symbol, side, order_side=order.side, worth=worth - order.locked
            )
            order.locked = worth

    def _shrink(self, order: Order, kept: Decimal) -> None:
        if kept:
            self.amend(order, order.filled + kept)
        else:
            self.end(order, Status.EXPIRED, Execution.EXPIRED)

    def _rework(self, order: Order, *, qty: Decimal, price: Decimal) -> None:
        """Take an order from the book and let it match with other terms."""
        more = (qty - order.filled) * price - order.locked
        self.check_margin(order, max(ZERO, more))
        self.books[order.symbol].drop(order.order_id)
        self.open.remove(order)
        self.open.add(order)  # It is the youngest now.
        order.qty, order.price = qty, price
        order.updated_ms = order.working_ms = self.venue.now_ms()
        self._count(order)
        self._moved.add(_held(order))
        self.store.put_order(order)
        self.announce(order, Execution.REPLACED)
        self._work(order)


def _held(order: Order) -> Held:
    """The position that an order moves."""
    return order.login, order.symbol, PositionSide(order.extra["position_side"])
