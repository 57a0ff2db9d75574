"""What can an exchange tell us, in our own words?

``gateway.normalize`` writes these, ``positions.projector`` reads them. Quantities are in base units
(contracts on derivatives), prices in the quote currency, times aware UTC.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from positions.engine.types import OrderStatus, Side


@dataclass(frozen=True, slots=True)
class OrderReport:
    """One order as the exchange describes it at one moment; ``None`` means it did not say.

    ``client_order_id`` is the id that we gave the exchange, never the caller's own.
    ``filled_qty`` is cumulative for this order at the exchange.

    With a ``conditional_order_id`` it describes a trigger that the exchange keeps apart, under an
    id of its own; ``exchange_order_id`` is then the order that it has placed, if it has.
    """

    symbol: str
    exchange_order_id: str | None
    client_order_id: str | None
    status: OrderStatus | None
    side: Side | None = None
    qty: Decimal | None = None
    price: Decimal | None = None
    filled_qty: Decimal | None = None
    reported_at: datetime | None = None
    conditional_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class TradeReport:
    """One fill as the exchange describes it.

    ``fee`` is positive when paid, negative for a rebate, ``None`` when the exchange did not say.
    The same ``exchange_trade_id`` may come twice, for two orders of one self-trade.
    """

    symbol: str
    exchange_trade_id: str
    exchange_order_id: str
    side: Side
    qty: Decimal
    price: Decimal
    executed_at: datetime
    fee: Decimal | None = None
    fee_currency: str | None = None
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reports:
    """Everything one answer or event said."""

    orders: tuple[OrderReport, ...] = ()
    trades: tuple[TradeReport, ...] = ()

    def __add__(self, other: "Reports") -> "Reports":
        return Reports(self.orders + other.orders, self.trades + other.trades)
