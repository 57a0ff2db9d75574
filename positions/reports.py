"""What can an exchange tell us, in our own words?

``gateway.evidence.normalize`` writes these, ``positions.projector`` reads them. Quantities are in
base units (contracts on derivatives), prices in the quote currency, times aware UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from positions.engine.types import OrderStatus, OrderType, Reason, Side, TimeInForce


@dataclass(frozen=True, slots=True)
class OrderReport:
    """One order as the exchange describes it at one moment; ``None`` means it did not say.

    ``client_order_id`` is the id that we gave the exchange, never the caller's own.
    ``filled_qty`` is cumulative for this order at the exchange. ``order_type``, ``trigger_price``
    and ``time_in_force`` describe an order that is not ours when it is adopted; ``note`` is why,
    where no exchange told of it. ``ended_by``: why the exchange ended it by itself, where it says.
    ``average``: the price of what is filled, all fills together. ``placed_at``: when it came there.

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
    order_type: OrderType | None = None
    trigger_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    note: str = ""
    ended_by: str = ""
    average: Decimal | None = None
    placed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TradeReport:
    """One fill as the exchange describes it.

    ``fee`` is positive when paid, negative for a rebate, ``None`` when the exchange did not say;
    ``other_fees`` are what it was charged beside, per further currency. ``fee_rates``: what one
    unit of a third currency was worth in the quote then; one that is missing is unknown.
    The same ``exchange_trade_id`` may come twice, for two orders of one self-trade. ``forced`` is
    ``liquidation`` or ``adl`` where the exchange closed by force what no order of ours asked for.
    ``provisional``: no exchange listed it, it stands for trades that one reported.
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
    forced: Reason | None = None
    other_fees: tuple[tuple[str, Decimal], ...] = ()
    fee_rates: Mapping[str, Decimal] = field(default_factory=dict)
    provisional: bool = False

    @property
    def fees(self) -> tuple[tuple[str, Decimal], ...]:
        """Every fee with its currency, the first one first; none where the exchange said none."""
        if self.fee is None or self.fee_currency is None:
            return ()
        return ((self.fee_currency, self.fee), *self.other_fees)


@dataclass(frozen=True, slots=True)
class FundingReport:
    """One funding payment of a symbol: ``amount`` of ``currency``, positive = received.

    ``exchange_funding_id`` is unique per account and symbol; the payment is booked once.
    """

    symbol: str
    exchange_funding_id: str
    amount: Decimal
    currency: str
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Reports:
    """Everything one answer or event said."""

    orders: tuple[OrderReport, ...] = ()
    trades: tuple[TradeReport, ...] = ()
    fundings: tuple[FundingReport, ...] = ()

    def __add__(self, other: "Reports") -> "Reports":
        return Reports(
            self.orders + other.orders,
            self.trades + other.trades,
            self.fundings + other.fundings,
        )
