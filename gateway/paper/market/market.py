"""One market's orders from acceptance to their end; what money does is up to each market.

``Market`` is the same for spot and for contracts: it matches, keeps the books, fires conditional
orders, writes orders, trades and the journal, and moves on with the prices. A subclass says what
an order sets aside (``lock``, ``fund``, ``unlock``), what a fill moves (``settle``) and how events
look on the wire (``announce``, ``printed``, ``stepped``). Everything here runs inside a store
transaction that ``Venue.change`` opens.
"""

import time
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from random import Random

from gateway.paper.calls import Route
from gateway.paper.market.candles import Candles
from gateway.paper.market.ground import Ground
from gateway.paper.market.symbols import Spec
from gateway.paper.matching.amounts import ONE, floor_to
from gateway.paper.matching.book import (
    Book,
    Match,
    Prevented,
    Resting,
    SelfTrade,
    Side,
    Taken,
    Taker,
)
from gateway.paper.matching.ladder import Ladder
from gateway.paper.matching.orders import OpenOrders, Order, Status, Trade, to_row

TAPE_LENGTH = 1000


class Execution(StrEnum):
    """What just happened to an order."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"


@dataclass(frozen=True, slots=True)
class Print:
    """A trade as the public sees it."""

    trade_id: int
    price: Decimal
    qty: Decimal
    time_ms: int
    buyer_maker: bool


class Market(ABC):
    """The symbols of one market, its books and its open orders."""

    name: str

    def __init__(self, venue: Ground, specs: dict[str, Spec]) -> None:
        self.venue = venue
        self.store = venue.store
        self.specs = specs
        self.candles = Candles(
            self.name, venue.store, specs,
            born_ms=venue.born_ms, speed=venue.options.candle_speed,
        )  # fmt: skip
        for spec in specs.values():
            venue.prices.add(spec.symbol, spec.start)
        self.load()

    # What a market adds.

    @abstractmethod
    def routes(self) -> list[Route]:
        """The REST routes this market answers."""

    @abstractmethod
    def lock(self, order: Order) -> None:
        """Set aside what a new order may spend.

        Raises:
            VenueError: the login does not have it; nothing was moved.
        """

    @abstractmethod
    def fund(self, order: Order) -> bool:
        """A conditional order was triggered and is about to match: is there money for it?"""

    @abstractmethod
    def relock(self, order: Order) -> None:
        """An open order became smaller: give back what it no longer needs."""

    @abstractmethod
    def unlock(self, order: Order) -> None:
        """Give back what an order that is over still set aside."""

    @abstractmethod
    def settle(
        self, order: Order, *, price: Decimal, qty: Decimal, trade_id: int, maker: bool
    ) -> Trade:
        """Move the money of one fill; ``order`` already counts it."""

    @abstractmethod
    def announce(self, order: Order, execution: Execution, trade: Trade | None = None) -> None:
        """Tell the login's stream."""

    def printed(self, symbol: str, trade: Print) -> None:
        """A trade happened in public."""

    def stepped(self) -> None:
        """Prices moved one step; every order that this fills is filled."""

    def ended(self, order: Order) -> None:
        """An order of a user is over."""

    def matched(self, symbol: str) -> None:
        """What had to be matched is booked; put right what depends on it."""

    def watched_price(self, order: Order) -> Decimal:
        """The price that triggers a conditional order."""
        return self.last[order.symbol]

    def changed(self) -> None:
        """A change of any kind is about to be committed."""

    # The life of an order.

    def next_order_id(self, symbol: str) -> int:
        """Order ids are per symbol, from 1."""
        return self.store.next_id(f"{self.name}:{symbol}:order")

    def taker(self, order: Order) -> Taker:
        """``order`` as the book sees it when it takes."""
        return Taker(
            owner=order.login,
            side=order.side,
            step=self.specs[order.symbol].step,
            qty=order.left if order.qty else None,
            budget=None if order.qty else order.budget,
            limit=order.price or None,
            self_trade=order.self_trade,
        )

    def preview(self, order: Order) -> Taken:
        """What the order would get if it took now."""
        return self.books[order.symbol].preview(self.taker(order))

    def accept(self, order: Order) -> None:
        """Take a valid new order: from here on it is in the journal and runs its course.

        Raises:
            VenueError: no money for it; nothing happened.
        """
        self.lock(order)
        self.open.add(order)
        self.store.journal("order", order.login, self.name, order.created_ms, to_row(order))
        self.announce(order, Execution.NEW)
        if order.working:
            order.working_ms = order.created_ms
            self._work(order)
        else:
            self.waiting[order.symbol][order.order_id] = order
            self.store.put_order(order)
        self.fire(order.symbol)

    def end(self, order: Order, status: Status, execution: Execution) -> None:
        """Take an open order off the book for a reason other than a fill."""
        self.books[order.symbol].drop(order.order_id)
        order.status = status
        order.updated_ms = self.venue.now_ms()
        self._close(order)
        self.store.put_order(order)
        self.announce(order, execution)

    def cancel(self, order: Order) -> None:
        """The login takes its order back."""
        self.end(order, Status.CANCELED, Execution.CANCELED)

    def amend(self, order: Order, qty: Decimal) -> None:
        """Make an open order smaller; it keeps its place in the queue."""
        order.qty = qty
        order.updated_ms = self.venue.now_ms()
        if order.working:
            self.books[order.symbol].shrink(order.order_id, order.left)
        self.relock(order)
        self.store.put_order(order)
        self.announce(order, Execution.REPLACED)

    def fire(self, symbol: str) -> None:
        """Put the conditional orders to work whose trigger the last price has reached."""
        while due := next(filter(self.is_due, self.waiting[symbol].values()), None):
            del self.waiting[symbol][due.order_id]
            due.working = True
            due.working_ms = due.updated_ms = self.venue.now_ms()
            if self.fund(due):
                self.announce(due, Execution.NEW)
                self._work(due)
            else:
                self.end(due, Status.EXPIRED, Execution.EXPIRED)

    def step(self, rng: Random) -> None:
        """Follow the prices one step, in every symbol."""
        for symbol in self.books:
            self.follow(symbol, rng)
        self.stepped()

    def follow(self, symbol: str, rng: Random) -> None:
        """Follow a symbol's price: quote, fill what was crossed, trade a little, fire."""
        book = self.books[symbol]
        self.quote(symbol)
        for match in book.sweep():
            buys = self.open.by_id(symbol, match.maker_id).side is Side.BUY
            self._match(symbol, match, taker=None, buyer_maker=buys)
            self.matched(symbol)
        self._flow(symbol, book, rng)
        self.fire(symbol)

    def quote(self, symbol: str) -> None:
        """Move one ladder to the price now."""
        self.books[symbol].quote(self.venue.prices.mid(symbol), self.venue.prices.step)

    def load(self) -> None:
        """Everything that is open, from the store; also after a change that failed half-way."""
        self.open = OpenOrders()
        self.books: dict[str, Book] = {}
        self.waiting: dict[str, dict[int, Order]] = defaultdict(dict)
        self.last: dict[str, Decimal] = {}
        self.tape: dict[str, deque[Print]] = {}
        first_update_id = time.time_ns() // 1_000_000  # above all ids of an earlier process
        for symbol, spec in self.specs.items():
            ladder = Ladder(
                tick=spec.tick,
                step=spec.step,
                level_notional=spec.level_notional,
                seed=f"{self.venue.options.seed}:{self.name}:{symbol}",
            )
            self.books[symbol] = Book(ladder, update_id=first_update_id)
            self.quote(symbol)
            self.last[symbol] = floor_to(self.venue.prices.mid(symbol), spec.tick)
            self.tape[symbol] = deque(maxlen=TAPE_LENGTH)
        by_priority = sorted(
            self.store.open_orders(self.name), key=lambda order: (order.working_ms, order.order_id)
        )
        for order in by_priority:
            self.open.add(order)
            if order.working:
                self._rest(order)
            else:
                self.waiting[order.symbol][order.order_id] = order

    def _work(self, order: Order) -> None:
        """Match an order now; what is left rests or ends, as its kind and time in force say."""
        book = self.books[order.symbol]
        taker = self.taker(order)
        if order.tif == "FOK" and book.preview(taker).left > 0:
            self.end(order, Status.EXPIRED, Execution.EXPIRED)
            return
        taken = book.take(taker)
        for match in taken.matches:
            self._match(order.symbol, match, taker=order, buyer_maker=order.side is Side.SELL)
        for meeting in taken.prevented:
            self._prevent(order, meeting)
        self.matched(order.symbol)
        if not order.open:
            return
        if taken.taker_ends or order.left == 0:
            self.end(order, Status.EXPIRED_IN_MATCH, Execution.TRADE_PREVENTION)
        elif order.price and order.tif not in ("IOC", "FOK"):
            self._rest(order)
            self.store.put_order(order)
        else:
            self.end(order, Status.EXPIRED, Execution.EXPIRED)

    def _rest(self, order: Order) -> None:
        self.books[order.symbol].rest(
            Resting(order.order_id, order.login, order.side, order.price, order.left)
        )

    def _match(self, symbol: str, match: Match, *, taker: Order | None, buyer_maker: bool) -> None:
        """Book both sides of one trade, under one trade id."""
        trade_id = self.store.next_id(f"{self.name}:{symbol}:trade")
        if taker is not None:
            self._fill(taker, match, trade_id, maker=False)
        if match.maker_id is not None:
            self._fill(self.open.by_id(symbol, match.maker_id), match, trade_id, maker=True)
        self._print(symbol, trade_id, match.price, match.qty, buyer_maker)

    def _fill(self, order: Order, match: Match, trade_id: int, *, maker: bool) -> None:
        order.filled += match.qty
        order.cost += match.price * match.qty
        order.status = Status.FILLED if order.left == 0 else Status.PARTIALLY_FILLED
        order.updated_ms = self.venue.now_ms()
        trade = self.settle(order, price=match.price, qty=match.qty, trade_id=trade_id, maker=maker)
        self.store.put_trade(trade)
        self.store.journal("trade", order.login, self.name, trade.time_ms, to_row(trade))
        if order.status is Status.FILLED:
            self._close(order)
        self.store.put_order(order)
        self.announce(order, Execution.TRADE, trade)

    def _prevent(self, taker: Order, meeting: Prevented) -> None:
        """Two orders of one login met and did not trade: reduce or end them."""
        maker = self.open.by_id(taker.symbol, meeting.maker_id)
        decrements = taker.self_trade is SelfTrade.DECREMENT
        if decrements:
            for order in (taker, maker):
                order.prevented += meeting.qty
        if meeting.maker_ends:
            self.end(maker, Status.EXPIRED_IN_MATCH, Execution.TRADE_PREVENTION)
        else:
            self.store.put_order(maker)

    def _close(self, order: Order) -> None:
        """An order is over: its money is free again and it leaves the open ones."""
        self.waiting[order.symbol].pop(order.order_id, None)
        self.unlock(order)
        self.open.remove(order)
        self.store.journal("end", order.login, self.name, order.updated_ms, to_row(order))
        self.ended(order)

    def _flow(self, symbol: str, book: Book, rng: Random) -> None:
        """One trade of the rest of the world, so that the last price follows the walk."""
        if not self.venue.options.flow:
            self.last[symbol] = floor_to(self.venue.prices.mid(symbol), self.specs[symbol].tick)
            return
        side = rng.choice((Side.BUY, Side.SELL))
        spec = self.specs[symbol]
        worth = spec.level_notional * rng.randint(1, 20) / 100
        qty = max(spec.step, floor_to(worth / self.venue.prices.mid(symbol), spec.step))
        if book.has_users(side.opposite):
            taker = Taker(owner=None, side=side, step=spec.step, qty=qty)
            matches = book.take(taker).matches
        else:
            matches = (Match(book.ladder.top(side is Side.BUY), qty, None),)
        for match in matches:
            self._match(symbol, match, taker=None, buyer_maker=side is Side.SELL)
        self.matched(symbol)

    def _print(
        self, symbol: str, trade_id: int, price: Decimal, qty: Decimal, buyer_maker: bool
    ) -> None:
        self.last[symbol] = price
        trade = Print(trade_id, price, qty, self.venue.now_ms(), buyer_maker)
        self.tape[symbol].append(trade)
        self.candles.add(symbol, trade.time_ms, price, qty, taker_buys=not buyer_maker)
        self.printed(symbol, trade)

    def is_due(self, order: Order) -> bool:
        """Has the watched price reached the trigger? A trailing one first follows the price.

        Stops trigger against the holder (a sell when the price falls), take-profits in favour.
        """
        last = self.watched_price(order)
        falls = (order.side is Side.SELL) == ("STOP" in order.kind)
        trigger = self._trailed(order, last, falls=falls)
        return last <= trigger if falls else last >= trigger

    def _trailed(self, order: Order, last: Decimal, *, falls: bool) -> Decimal:
        """The trigger price now. ``trailingDelta`` is in basis points of the price's extreme.

        A trailing order with a stop price begins to follow once that price is reached.
        """
        delta = order.extra.get("trailing_delta")
        if delta is None:
            return order.stop_price
        never = -ONE if falls else Decimal("Infinity")
        if not order.extra.get("trailing"):
            if order.stop_price and (last < order.stop_price if falls else last > order.stop_price):
                return never
            order.extra |= {"trailing": True, "extreme": str(last)}
        pick = max if falls else min
        extreme = pick(Decimal(order.extra["extreme"]), last)
        if order.extra["extreme"] != str(extreme):
            order.extra["extreme"] = str(extreme)
            self.store.put_order(order)
        sign = -1 if falls else 1
        return extreme * (1 + sign * Decimal(delta) / 10_000)
