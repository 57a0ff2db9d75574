"""What can a client ask for?

Frozen values, parsed and typed, with nothing looked up yet. ``None`` means the field was left out.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from positions.engine.stops import TrailingDistance
from positions.engine.types import OrderType, Reason, Side, TimeInForce, TriggerBy

CANCEL_ALL = "cancel_all_orders"
CLOSE_ALL = "close_all_positions"
GONE_IS_DONE = frozenset({CANCEL_ALL})
"""Commands that an order's end satisfies, however it came."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a command is for and how it is recognised when it comes again.

    ``fingerprint`` is the SHA-256 of the canonical body; ``after_id`` the command of the same batch
    that has to be answered before this one starts.
    """

    account_id: int
    command: str
    request_id: str | None
    fingerprint: str
    payload: dict[str, Any]
    after_id: int | None = None


@dataclass(frozen=True, slots=True)
class SendOrder:
    """Open, increase, reduce or close by an order at the exchange."""

    symbol: str
    side: Side
    order_type: OrderType
    qty: Decimal
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    trigger_by: TriggerBy | None = None
    trailing_amount: Decimal | None = None
    trailing_percent: Decimal | None = None
    time_in_force: TimeInForce | None = None
    expires_at: datetime | None = None
    stop_loss: Decimal | None = None
    stop_gain: Decimal | None = None
    reduce_only: bool = False
    strategy_id: int = 0
    position_id: int = 0
    reason: Reason | None = None
    comment: str = ""
    client_order_id: str | None = None
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Take orders off the exchange."""

    order_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CancelAllOrders:
    """Take all open orders off, optionally of some strategies or one symbol only.

    The risk desk asks for ``openings_only``, and for those that one user gave: closes and
    protection stay. Clients cannot ask for that.
    """

    strategy_ids: tuple[int, ...] | None = None
    symbol: str | None = None
    openings_only: bool = False
    given_by: int | None = None


@dataclass(frozen=True, slots=True)
class ChangeOrder:
    """Change price, trigger or total quantity of a live order; ``None`` keeps what is."""

    order_id: int
    new_price: Decimal | None = None
    new_qty: Decimal | None = None
    new_trigger_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Close all that is free of a position, or ``qty`` of it."""

    position_id: int
    qty: Decimal | None = None
    order_type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    expires_at: datetime | None = None
    strategy_id: int | None = None
    override_unknown: bool = False
    reason: Reason | None = None
    comment: str = ""
    client_order_id: str | None = None
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CloseAllPositions:
    """Close every open position, optionally of some strategies, one symbol or one side only.

    ``percent`` of what each holds, 1 to 100; resting closes of it are cancelled first.
    """

    symbol: str | None = None
    strategy_ids: tuple[int, ...] | None = None
    side: Side | None = None
    percent: Decimal = Decimal(100)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class CloseBy:
    """Close two opposite positions against each other, by ``qty`` or by the smaller of them."""

    position_id_a: int
    position_id_b: int
    qty: Decimal | None = None
    comment: str = ""


class StopMode(StrEnum):
    """What becomes of the target's stops in a merge; the source's go with it."""

    KEEP = "keep"
    CLEAR = "clear"
    SET = "set"


@dataclass(frozen=True, slots=True)
class MergePositions:
    """Carry a position into another; the stops belong to ``stop_mode`` set."""

    source_position_id: int
    target_position_id: int
    stop_mode: StopMode = StopMode.KEEP
    stop_loss: Decimal | None = None
    stop_gain: Decimal | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Orders by what the lists filter by; the days are UTC, inclusive, of created_at."""

    account_ids: tuple[int, ...]
    symbol: str | None = None
    strategy_id: int | None = None
    start_date: date | None = None
    end_date: date | None = None


@dataclass(frozen=True, slots=True)
class Reassign:
    """Give orders with all they did to a strategy; by their ids, or all unassigned of a filter.

    ``preview`` changes nothing; ``override`` takes orders that are somebody's already.
    """

    target_strategy_id: int
    order_ids: tuple[int, ...] = ()
    filters: OrderFilter | None = None
    target_position_id: int = 0
    preview: bool = False
    override: bool = False


@dataclass(frozen=True, slots=True)
class PositionChange:
    """Set, replace or clear a position's stops; ``given`` names what is to change.

    A field that is given as ``None`` is cleared; one that is not given stays.
    """

    position_id: int
    given: frozenset[str]
    stop_loss: Decimal | None = None
    stop_gain: Decimal | None = None
    trailing: TrailingDistance | None = None
    trigger_by: TriggerBy | None = None
    comment: str | None = None


Command = (
    SendOrder
    | CancelOrder
    | CancelAllOrders
    | ChangeOrder
    | ClosePosition
    | CloseAllPositions
    | CloseBy
    | MergePositions
    | PositionChange
)
