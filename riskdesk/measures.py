"""How much is at risk already, and how much would be with one more order?

Pure. Exposure is the worst that can still happen: positions, and every order that is not final, in
full for what is not filled yet, whether or not the exchange has confirmed it. Protection legs do
not count: they can only reduce. Values of linear and spot markets are qty × contract size × price,
of inverse ones qty × contract size: in the quote currency.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from positions.engine.market import Market
from positions.engine.money import ZERO, exact
from positions.engine.types import MarketKind, PositionMode, Side


@dataclass(frozen=True, slots=True)
class Asked:
    """The order that wants to pass; ``price`` is what it is expected to trade at, if known.

    ``is_change``: it would replace a live order, which ``Exposure`` leaves out.
    """

    market: Market
    side: Side
    qty: Decimal
    limit_price: Decimal | None
    price: Decimal | None
    last_price: Decimal | None
    book: int
    reduces: bool
    is_change: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """An open position. ``book`` tells which fills share one: positions of one book offset."""

    symbol: str
    book: int
    side: Side
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Working:
    """An order that is not final, for what is not filled of it; ``price`` as in ``Asked``.

    ``reduces``: it can do nothing but reduce a position.
    """

    symbol: str
    book: int
    side: Side
    qty: Decimal
    price: Decimal | None = None
    reduces: bool = False


@dataclass(frozen=True, slots=True)
class Recent:
    """An order accepted ``age_s`` seconds ago, as it was asked."""

    symbol: str
    side: Side
    qty: Decimal
    limit_price: Decimal | None
    age_s: Decimal


@dataclass(frozen=True, slots=True)
class Priced:
    """A market and the price that its quantities are valued at, ``None`` where none is known."""

    market: Market
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Exposure:
    """What counts against the limits already, without the order that asks.

    ``profit_today`` is realised, less fees, and ``turnover_today`` what was traded since midnight
    UTC, both in markets of the order's quote currency. ``recent`` reaches back as far as the limits
    look.
    """

    mode: PositionMode
    held: tuple[Held, ...] = ()
    working: tuple[Working, ...] = ()
    priced: Mapping[str, Priced] = field(default_factory=dict)
    profit_today: Decimal = ZERO
    turnover_today: Decimal = ZERO
    recent: tuple[Recent, ...] = ()


Measure = Callable[[Asked, Exposure], Decimal | None]


@exact
def closes_its_book(asked: Asked, exposure: Exposure) -> bool:
    """Whether a plain order can only close: its book holds enough that no other order will take.

    In hedge every opening order is a position of its own, so there only a named close is one.
    """
    if exposure.mode is PositionMode.HEDGE:
        return False
    book = {(asked.market.symbol, asked.book)}
    net = _net(held for held in exposure.held if (held.symbol, held.book) in book)
    promised = sum(
        (
            order.qty
            for order in exposure.working
            if (order.symbol, order.book) in book and order.side is asked.side
        ),
        ZERO,
    )
    return -asked.side.sign * net >= promised + asked.qty


def with_order(asked: Asked, exposure: Exposure) -> Exposure:
    """The positions and orders there would be with the order that asks."""
    order = Working(asked.market.symbol, asked.book, asked.side, asked.qty, asked.price)
    return Exposure(
        exposure.mode,
        exposure.held,
        (*exposure.working, order),
        {**exposure.priced, asked.market.symbol: priced_of(asked, exposure)},
    )


def priced_of(asked: Asked, exposure: Exposure) -> Priced:
    """The order's own market, at the last price: its own says nothing of what is held."""
    known = exposure.priced.get(asked.market.symbol)
    price = asked.last_price or (known.price if known else None)
    return Priced(asked.market, price)


def net_of_symbol(asked: Asked, exposure: Exposure) -> Decimal:
    """``net_qty`` of the order's symbol."""
    return net_qty(exposure, asked.market.symbol)


def gross_of_symbol(asked: Asked, exposure: Exposure) -> Decimal:
    """``gross_qty`` of the order's symbol."""
    return gross_qty(exposure, asked.market.symbol)


@exact
def net_qty(exposure: Exposure, symbol: str) -> Decimal:
    """The farthest from flat that the symbol's net can come, whichever of the orders fill."""
    held = [each for each in exposure.held if each.symbol == symbol]
    return _farthest(held, [each for each in exposure.working if each.symbol == symbol])


@exact
def gross_qty(exposure: Exposure, symbol: str) -> Decimal:
    """The most that can be open in the symbol, positions that do not offset added up."""
    held = [each for each in exposure.held if each.symbol == symbol]
    working = [each for each in exposure.working if each.symbol == symbol]
    if exposure.mode is PositionMode.HEDGE:
        opening = [each for each in working if not each.reduces]
        volume = sum((each.qty for each in held), ZERO)
        return sum((each.qty for each in opening), volume)
    books = {each.book for each in held} | {each.book for each in working}
    return sum(
        (
            _farthest(
                [each for each in held if each.book == book],
                [each for each in working if each.book == book],
            )
            for book in books
        ),
        ZERO,
    )


def _farthest(held: Iterable[Held], working: Iterable[Working]) -> Decimal:
    net, orders = _net(held), list(working)
    buys = sum((order.qty for order in orders if order.side is Side.BUY), ZERO)
    sells = sum((order.qty for order in orders if order.side is Side.SELL), ZERO)
    return max(net + buys, sells - net)


def _net(held: Iterable[Held]) -> Decimal:
    return sum((each.side.sign * each.qty for each in held), ZERO)


def total_of(qty_of: Callable[[Exposure, str], Decimal]) -> Measure:
    """The value of ``qty_of`` every symbol in the order's quote currency; None: a price lacks."""

    def measure(asked: Asked, exposure: Exposure) -> Decimal | None:
        own = priced_of(asked, exposure)
        total = ZERO
        held = {each.symbol for each in exposure.held}
        for symbol in held | {each.symbol for each in exposure.working}:
            is_own = symbol == asked.market.symbol
            priced = own if is_own else exposure.priced.get(symbol)
            if priced is None:
                return None
            if priced.market.quote != asked.market.quote:
                continue
            value = notional(qty_of(exposure, symbol), priced.price, priced.market)
            if value is None:
                return None
            total += value
        return total

    return measure


@exact
def notional(qty: Decimal, price: Decimal | None, market: Market) -> Decimal | None:
    """What ``qty`` is worth in the quote currency; ``None`` where that needs a price."""
    if market.kind is MarketKind.INVERSE:
        return qty * market.contract_size
    return None if price is None else qty * market.contract_size * price
