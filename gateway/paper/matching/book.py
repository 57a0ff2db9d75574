"""Who trades with whom: price-time matching of users' orders and a deep synthetic ladder.

Pure: no clock, no network, no storage. Quantities are base units, prices quote units, all
``Decimal``. At one price users go before the ladder, because the ladder is quoted anew at every
step and so is always the younger; among users the older order goes first.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from gateway.paper.matching.amounts import ZERO, floor_to
from gateway.paper.matching.ladder import Ladder


class Side(StrEnum):
    """The side of an order, in the wire's words."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


class SelfTrade(StrEnum):
    """What happens when two orders of one login would trade with each other."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"


@dataclass(slots=True)
class Resting:
    """A user's order in the book; ``qty`` is what is still open."""

    order_id: int
    owner: str
    side: Side
    price: Decimal
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Taker:
    """An order that takes now: ``qty`` in base units, or ``budget`` in quote units.

    ``limit`` is the worst price it accepts (``None``: any). ``owner`` is ``None`` for the flow of
    trades that the venue makes up itself.
    """

    owner: str | None
    side: Side
    step: Decimal
    qty: Decimal | None = None
    budget: Decimal | None = None
    limit: Decimal | None = None
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER


@dataclass(frozen=True, slots=True)
class Match:
    """A trade at the maker's price; ``maker_id`` is ``None`` when the ladder was the maker."""

    price: Decimal
    qty: Decimal
    maker_id: int | None


@dataclass(frozen=True, slots=True)
class Prevented:
    """A meeting of two orders of one login that did not become a trade."""

    maker_id: int
    qty: Decimal
    maker_ends: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What a taker got. ``left`` is the open quantity (zero for a budget)."""

    matches: tuple[Match, ...]
    prevented: tuple[Prevented, ...]
    left: Decimal
    taker_ends: bool

    @property
    def filled(self) -> Decimal:
        return sum((match.qty for match in self.matches), ZERO)

    @property
    def cost(self) -> Decimal:
        """Sum of price times quantity, in quote units."""
        return sum((match.price * match.qty for match in self.matches), ZERO)


class Book:
    """The two sides of one symbol. ``update_id`` grows with every visible change."""

    def __init__(self, ladder: Ladder, *, update_id: int = 1) -> None:
        self.ladder = ladder
        self.update_id = update_id
        self._sides = {Side.BUY: _Queue(best_first=-1), Side.SELL: _Queue(best_first=1)}
        self._orders: dict[int, Resting] = {}

    def __contains__(self, order_id: int) -> bool:
        return order_id in self._orders

    def rest(self, order: Resting) -> None:
        """Put an order at the end of its price's queue."""
        self._orders[order.order_id] = order
        self._sides[order.side].add(order)
        self.update_id += 1

    def drop(self, order_id: int) -> Resting | None:
        """Take an order out; ``None`` when it is not in the book."""
        order = self._orders.pop(order_id, None)
        if order is not None:
            self._sides[order.side].remove(order)
            self.update_id += 1
        return order

    def shrink(self, order_id: int, qty: Decimal) -> None:
        """Set an order's open quantity to less than it was; it keeps its place in the queue."""
        self._orders[order_id].qty = qty
        self.update_id += 1

    def quote(self, mid: Decimal, step_no: int) -> None:
        """Quote the ladder anew around ``mid``."""
        self.ladder.quote(mid, step_no)
        self.update_id += 1

    def preview(self, taker: Taker) -> Taken:
        """What ``take`` would do now; changes nothing."""
        matches: list[Match] = []
        prevented: list[Prevented] = []
        left, budget = taker.qty, taker.budget
        taker_ends = False
        for price, offered, maker in self._offers(taker.side):
            if taker.limit is not None and _worse(taker.side, price, taker.limit):
                break
            wanted = left if left is not None else floor_to(budget / price, taker.step)
            if wanted <= 0:
                break
            if maker is not None and maker.owner == taker.owner and taker.self_trade != "NONE":
                meeting = _prevent(taker.self_trade, maker, wanted)
                if meeting is not None:
                    prevented.append(meeting)
                    if taker.self_trade is SelfTrade.DECREMENT and left is not None:
                        left -= meeting.qty
                        taker_ends = left == 0
                if taker.self_trade in (SelfTrade.EXPIRE_TAKER, SelfTrade.EXPIRE_BOTH):
                    taker_ends = True
                if taker_ends:
                    break
                continue
            qty = min(wanted, offered)
            matches.append(Match(price, qty, maker.order_id if maker else None))
            if left is not None:
                left -= qty
            else:
                budget -= qty * price
        return Taken(tuple(matches), tuple(prevented), left or ZERO, taker_ends)

    def take(self, taker: Taker) -> Taken:
        """Match ``taker`` and change the book accordingly; what is left does not rest by itself."""
        taken = self.preview(taker)
        for match in taken.matches:
            if match.maker_id is None:
                self.ladder.take(taker.side is Side.BUY, match.price, match.qty)
            else:
                self._reduce(match.maker_id, match.qty)
        for meeting in taken.prevented:
            if meeting.maker_ends:
                self.drop(meeting.maker_id)
            else:
                self._reduce(meeting.maker_id, meeting.qty)
        if taken.matches or taken.prevented:
            self.update_id += 1
        return taken

    def sweep(self) -> Iterator[Match]:
        """Fill the users' orders that the ladder has moved across, each at its own price.

        Only as much as the ladder offers at that price or better is filled, so a large order is
        filled in parts, step by step. One match is made at a time: what the caller does to the
        book because of it counts for the next.
        """
        for side in Side:
            while (best := self._sides[side].first()) is not None:
                top = self.ladder.top(side is Side.BUY)
                if top is None or _worse(side, top, best.price):
                    break
                qty = self._crossing(best)
                if qty == 0:
                    break
                self._reduce(best.order_id, qty)
                self.update_id += 1
                yield Match(best.price, qty, best.order_id)

    def has_users(self, side: Side) -> bool:
        """Does any user's order rest on this side?"""
        return self._sides[side].first() is not None

    def best(self, side: Side) -> tuple[Decimal, Decimal] | None:
        """Best price of one side of the book and the quantity there; ``None`` when empty."""
        levels = self.depth(side, 1)
        return levels[0] if levels else None

    def depth(self, side: Side, limit: int) -> list[tuple[Decimal, Decimal]]:
        """Up to ``limit`` levels of one side, best first, users and ladder added up."""
        levels: list[tuple[Decimal, Decimal]] = []
        for price, qty, _ in self._offers(side.opposite):
            if levels and levels[-1][0] == price:
                levels[-1] = (price, levels[-1][1] + qty)
            elif len(levels) == limit:
                break
            else:
                levels.append((price, qty))
        return levels

    def _offers(self, taker_side: Side) -> Iterator[tuple[Decimal, Decimal, Resting | None]]:
        """What a taker of that side meets, in order: (price, quantity, order or ladder)."""
        users = iter(self._sides[taker_side.opposite])
        levels = self.ladder.asks() if taker_side is Side.BUY else self.ladder.bids()
        user, level = next(users, None), next(levels, None)
        while user is not None or level is not None:
            if level is None or (user is not None and not _worse(taker_side, user.price, level[0])):
                yield user.price, user.qty, user
                user = next(users, None)
            else:
                yield level[0], level[1], None
                level = next(levels, None)

    def _crossing(self, order: Resting) -> Decimal:
        """Take from the ladder what crosses ``order``, at most its open quantity."""
        buys = order.side is Side.BUY
        filled = ZERO
        for price, qty in list(self._crossed_levels(order)):
            part = min(qty, order.qty - filled)
            self.ladder.take(buys, price, part)
            filled += part
            if filled == order.qty:
                break
        return filled

    def _crossed_levels(self, order: Resting) -> Iterator[tuple[Decimal, Decimal]]:
        for price, qty in self.ladder.asks() if order.side is Side.BUY else self.ladder.bids():
            if _worse(order.side, price, order.price):
                return
            yield price, qty

    def _reduce(self, order_id: int, qty: Decimal) -> None:
        order = self._orders[order_id]
        order.qty -= qty
        if order.qty == 0:
            self.drop(order_id)


class _Queue:
    """One side's orders: prices sorted best first, first come first served at each."""

    def __init__(self, *, best_first: int) -> None:
        self._sign = best_first
        self._keys: list[Decimal] = []
        self._levels: dict[Decimal, dict[int, Resting]] = {}

    def __iter__(self) -> Iterator[Resting]:
        for key in self._keys:
            yield from self._levels[key].values()

    def first(self) -> Resting | None:
        return next(iter(self), None)

    def add(self, order: Resting) -> None:
        key = order.price * self._sign
        if key not in self._levels:
            insort(self._keys, key)
            self._levels[key] = {}
        self._levels[key][order.order_id] = order

    def remove(self, order: Resting) -> None:
        key = order.price * self._sign
        del self._levels[key][order.order_id]
        if not self._levels[key]:
            del self._levels[key]
            del self._keys[bisect_left(self._keys, key)]


def _worse(side: Side, price: Decimal, limit: Decimal) -> bool:
    """Is ``price`` worse than ``limit`` for someone of ``side``?"""
    return price > limit if side is Side.BUY else price < limit


def _prevent(mode: SelfTrade, maker: Resting, wanted: Decimal) -> Prevented | None:
    """What the mode does to the maker; ``None`` when only the taker ends."""
    if mode is SelfTrade.EXPIRE_TAKER:
        return None
    if mode is SelfTrade.DECREMENT:
        qty = min(maker.qty, wanted)
        return Prevented(maker.order_id, qty, maker_ends=qty == maker.qty)
    return Prevented(maker.order_id, maker.qty, maker_ends=True)
