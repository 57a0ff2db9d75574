"""Orders and trades as the venue remembers them, and which orders are open."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import StrEnum

from gateway.paper.matching.amounts import ZERO
from gateway.paper.matching.book import SelfTrade, Side


class Status(StrEnum):
    """Where an order is in its life, in the wire's words."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


OPEN = frozenset({Status.NEW, Status.PARTIALLY_FILLED})


@dataclass(slots=True)
class Order:
    """One order of one login. ``extra`` holds what only one market knows (reduce-only, list id).

    ``qty`` is in base units and zero for a market order by ``budget`` (quote units) until it is
    filled. ``locked`` is what is still set aside for the order, in the asset it spends. ``working``
    is false for a conditional order that waits for its trigger.
    """

    market: str
    symbol: str
    order_id: int
    login: str
    client_id: str
    side: Side
    kind: str
    created_ms: int
    updated_ms: int
    tif: str = "GTC"
    qty: Decimal = ZERO
    price: Decimal = ZERO
    budget: Decimal = ZERO
    stop_price: Decimal = ZERO
    self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER
    status: Status = Status.NEW
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    prevented: Decimal = ZERO
    locked: Decimal = ZERO
    working: bool = True
    working_ms: int = 0
    extra: dict = field(default_factory=dict)

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def left(self) -> Decimal:
        """Base units still to fill."""
        return self.qty - self.filled - self.prevented


@dataclass(frozen=True, slots=True)
class Trade:
    """One login's side of one trade. ``fee`` is positive when paid, negative for a rebate.

    With self-trade mode NONE both sides may be one login's: two rows, one ``trade_id``.
    """

    market: str
    symbol: str
    trade_id: int
    order_id: int
    login: str
    client_id: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    time_ms: int
    extra: dict = field(default_factory=dict)

    @property
    def cost(self) -> Decimal:
        return self.price * self.qty


def to_row(record: Order | Trade) -> dict:
    """A record as JSON values; amounts become text and keep every digit."""
    row = {}
    for name in _NAMES[type(record)]:
        value = getattr(record, name)
        row[name] = str(value) if isinstance(value, Decimal) else value
    return row


def order_from_row(row: dict) -> Order:
    """The order that ``to_row`` wrote."""
    return Order(**{name: _ORDER_TYPES.get(name, _same)(value) for name, value in row.items()})


def trade_from_row(row: dict) -> Trade:
    """The trade that ``to_row`` wrote."""
    return Trade(**{name: _TRADE_TYPES.get(name, _same)(value) for name, value in row.items()})


class OpenOrders:
    """The orders of one market that are open, found by their id or by the client's."""

    def __init__(self) -> None:
        self._by_id: dict[tuple[str, int], Order] = {}
        self._by_client: dict[tuple[str, str, str], Order] = {}
        self._of_login: dict[str, dict[str, dict[int, Order]]] = {}

    def add(self, order: Order) -> None:
        self._by_id[order.symbol, order.order_id] = order
        self._by_client[order.login, order.symbol, order.client_id] = order
        symbols = self._of_login.setdefault(order.login, {})
        symbols.setdefault(order.symbol, {})[order.order_id] = order

    def remove(self, order: Order) -> None:
        if self._by_id.pop((order.symbol, order.order_id), None) is not None:
            del self._by_client[order.login, order.symbol, order.client_id]
            del self._of_login[order.login][order.symbol][order.order_id]

    def by_id(self, symbol: str, order_id: int) -> Order | None:
        return self._by_id.get((symbol, order_id))

    def by_client_id(self, login: str, symbol: str, client_id: str) -> Order | None:
        return self._by_client.get((login, symbol, client_id))

    def of_login(self, login: str, symbol: str | None = None) -> list[Order]:
        """A login's open orders, oldest first within a symbol."""
        symbols = self._of_login.get(login, {})
        wanted = symbols.values() if symbol is None else [symbols.get(symbol, {})]
        return [order for orders in wanted for order in orders.values()]

    def count(self, login: str, symbol: str) -> int:
        """How many orders a login has open in a symbol."""
        return len(self._of_login.get(login, {}).get(symbol, ()))

    def __iter__(self) -> Iterator[Order]:
        return iter(self._by_id.values())


def _same(value: object) -> object:
    return value


_NAMES = {kind: tuple(f.name for f in fields(kind)) for kind in (Order, Trade)}
_READERS = {Decimal: Decimal, Side: Side, SelfTrade: SelfTrade, Status: Status}
_ORDER_TYPES = {f.name: _READERS[f.type] for f in fields(Order) if f.type in _READERS}
_TRADE_TYPES = {f.name: _READERS[f.type] for f in fields(Trade) if f.type in _READERS}
