"""The spot market: what an order locks, what a fill moves and what it costs."""

from collections import defaultdict
from decimal import Decimal

from gateway.paper.calls import Route
from gateway.paper.errors import insufficient_balance
from gateway.paper.logins import FeeMode, InsufficientBalance, Login
from gateway.paper.market.ground import Ground
from gateway.paper.market.market import Execution, Market, Print
from gateway.paper.market.symbols import SPOT
from gateway.paper.matching.amounts import ONE, ZERO, cut
from gateway.paper.matching.book import Side
from gateway.paper.matching.orders import Order, Status, Trade
from gateway.paper.spot.account import SpotAccount
from gateway.paper.spot.lists import OrderLists
from gateway.paper.spot.orders import SpotOrders
from gateway.paper.spot.public import SpotPublic
from gateway.paper.spot.streams import SpotStreams

BNB = "BNB"


class SpotMarket(Market):
    """Binance spot: buys spend quote, sells spend base, both at once and in full."""

    name = "spot"

    def __init__(self, venue: Ground) -> None:
        self.streams = SpotStreams(self, venue)
        self.lists = OrderLists(self, venue.store, streams=self.streams, needed=self.needed)
        super().__init__(venue, SPOT)

    def routes(self) -> list[Route]:
        return [
            *SpotPublic(self).routes(),
            *SpotOrders(self).routes(),
            *self.lists.routes(),
            *SpotAccount(self).routes(),
        ]

    def load(self) -> None:
        super().load()
        self._touched: dict[str, set[str]] = defaultdict(set)

    # Money.

    def lock(self, order: Order) -> None:
        needed = self.needed(order) if order.price or not order.working else self._cost_now(order)
        if order.extra.get("shares_lock"):
            needed = ZERO  # The other order of its list has set it aside for both.
        elif reserve := order.extra.pop("list_reserve", None):
            needed = max(needed, Decimal(reserve))
        try:
            self._move(order.login, self._spends(order), free=-needed, locked=needed)
        except InsufficientBalance:
            raise insufficient_balance() from None
        order.locked = needed

    def fund(self, order: Order) -> bool:
        self.lists.triggered(order)
        needed = self.needed(order) if order.price else self._cost_now(order)
        more = needed - order.locked
        try:
            self._move(order.login, self._spends(order), free=-more, locked=more)
        except InsufficientBalance:
            return False
        order.locked = needed
        return True

    def relock(self, order: Order) -> None:
        freed = order.locked - min(order.locked, self.needed(order))
        self._move(order.login, self._spends(order), free=freed, locked=-freed)
        order.locked -= freed

    def unlock(self, order: Order) -> None:
        if order.locked:
            self._move(order.login, self._spends(order), free=order.locked, locked=-order.locked)
            order.locked = ZERO

    def settle(
        self, order: Order, *, price: Decimal, qty: Decimal, trade_id: int, maker: bool
    ) -> Trade:
        spec = self.specs[order.symbol]
        cost = price * qty
        buys = order.side is Side.BUY
        spent, spent_asset = (cost, spec.quote) if buys else (qty, spec.base)
        gained, gained_asset = (qty, spec.base) if buys else (cost, spec.quote)
        login = self.venue.logins.get(order.login)
        fee, fee_asset = self._fee(login, order, cost=cost, gained=gained, maker=maker)

        keep = self._keep_locked(order, login, cost=cost, spent=spent)
        free: dict[str, Decimal] = defaultdict(lambda: ZERO)
        free[spent_asset] += order.locked - spent - keep
        free[gained_asset] += gained
        free[fee_asset] -= fee
        for asset, amount in free.items():
            locked = keep - order.locked if asset == spent_asset else ZERO
            self._move(order.login, asset, free=amount, locked=locked)
        order.locked = keep
        if order.extra.get("list_id"):
            self.lists.traded(order)
        return Trade(
            market=self.name,
            symbol=order.symbol,
            trade_id=trade_id,
            order_id=order.order_id,
            login=order.login,
            client_id=order.client_id,
            side=order.side,
            price=price,
            qty=qty,
            fee=fee,
            fee_asset=fee_asset,
            maker=maker,
            time_ms=order.updated_ms,
            extra={"list_id": order.extra["list_id"]} if "list_id" in order.extra else {},
        )

    # Events.

    def announce(self, order: Order, execution: Execution, trade: Trade | None = None) -> None:
        self.streams.execution(order, execution, trade)

    def printed(self, symbol: str, trade: Print) -> None:
        self.streams.printed(symbol, trade)

    def stepped(self) -> None:
        self.streams.stepped()

    def ended(self, order: Order) -> None:
        if order.extra.get("list_id"):
            self.lists.ended(order)

    def changed(self) -> None:
        for login, assets in self._touched.items():
            self.streams.account(login, self.venue.ledger.of(login, self.name), assets)
        self._touched.clear()
        self.streams.books_changed()

    # Arithmetic of money.

    def _spends(self, order: Order) -> str:
        spec = self.specs[order.symbol]
        return spec.quote if order.side is Side.BUY else spec.base

    def _fee_lock(self, login: Login, order: Order) -> Decimal:
        """What a buy sets aside for its fee, as part of its cost: only when paid in quote."""
        if order.side is Side.BUY and login.fee_mode is FeeMode.QUOTE:
            return max(login.maker, login.taker, ZERO)
        return ZERO

    def needed(self, order: Order) -> Decimal:
        """What the open part of an order may spend; a market order counts at its trigger."""
        if order.side is Side.SELL:
            return order.left
        price = order.price or order.stop_price or self.last[order.symbol]
        login = self.venue.logins.get(order.login)
        return order.left * price * (ONE + self._fee_lock(login, order))

    def _cost_now(self, order: Order) -> Decimal:
        """What a market order spends if it takes now."""
        taken = self.preview(order)
        if order.side is Side.SELL:
            return order.left
        login = self.venue.logins.get(order.login)
        return taken.cost * (ONE + self._fee_lock(login, order))

    def _keep_locked(self, order: Order, login: Login, *, cost: Decimal, spent: Decimal) -> Decimal:
        """What stays locked after a fill: enough for the rest, and nothing after the last."""
        if order.status is Status.FILLED:
            return ZERO
        if order.price:
            return min(self.needed(order), order.locked - spent)
        return order.locked - spent - cost * self._fee_lock(login, order)

    def _fee(
        self, login: Login, order: Order, *, cost: Decimal, gained: Decimal, maker: bool
    ) -> tuple[Decimal, str]:
        """The fee of one fill and its asset, cut to 8 decimals; negative for a rebate."""
        spec = self.specs[order.symbol]
        rate = login.maker if maker else login.taker
        if login.fee_mode is FeeMode.BNB:
            fee = cut(cost * rate / self._bnb_price(spec.quote))
            if self.venue.ledger.get(login.api_key, self.name, BNB).free >= fee:
                return fee, BNB
        if login.fee_mode is FeeMode.QUOTE:
            return cut(cost * rate), spec.quote
        return cut(gained * rate), spec.base if order.side is Side.BUY else spec.quote

    def _bnb_price(self, quote: str) -> Decimal:
        """What one BNB costs in ``quote``; dollars of all kinds count the same."""
        symbol = BNB + quote
        return self.venue.prices.mid(symbol if symbol in self.specs else "BNBUSDT")

    def _move(self, login: str, asset: str, *, free: Decimal, locked: Decimal = ZERO) -> None:
        self.venue.ledger.move(login, self.name, asset, free=free, locked=locked)
        self._touched[login].add(asset)
