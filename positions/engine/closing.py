"""How much of a position may still be closed, and what becomes of what is left?

Contract section 5 (free volume, reduce-only, closing everything) and section 6 (dust).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from positions.engine.errors import CloseInProgress, ValidationError
from positions.engine.holding import Holding
from positions.engine.market import Market
from positions.engine.money import ZERO, exact, floor_to_step
from positions.engine.types import GroupRole, OrderType, Side

_STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
_TAKE_PROFITS = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """A non-final order that names a position; ``protection`` marks its stop or take-profit leg.

    ``half``: see ``half_of``.
    """

    side: Side
    qty: Decimal
    filled_qty: Decimal = ZERO
    protection: bool = False
    half: GroupRole | None = None


@dataclass(frozen=True, slots=True)
class RestingClose:
    """A live order that may only reduce its position.

    ``left`` is what it would still fill once every change on its way is done. Only a ``movable``
    one can be cut or cancelled now. ``half``: see ``half_of``.
    """

    order_id: int
    left: Decimal
    movable: bool = True
    half: GroupRole | None = None


@dataclass(frozen=True, slots=True)
class PositionFacts:
    """A position as closing, close-by and merge see it; ``free`` is its ``free_volume``.

    ``dedicated`` means that it belongs to an external order nobody has taken over yet.
    """

    position_id: int
    account_id: int
    symbol: str
    strategy_id: int
    holding: Holding
    free: Decimal
    dedicated: bool = False


@dataclass(frozen=True, slots=True)
class Steps:
    """The market's limits on the quantity of one order; None where it has none."""

    qty_step: Decimal | None = None
    min_qty: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FullClose:
    """How to close all that is free: send an order for ``send``, write ``to_dust`` off at once."""

    send: Decimal
    to_dust: Decimal = ZERO


class Remainder(StrEnum):
    """What becomes of what a full close left: nothing left, dust, ``unclosable``, or it is kept."""

    NOTHING = "nothing"
    DUST = "dust"
    UNCLOSABLE = "unclosable"
    KEPT = "kept"


def half_of(order_type: OrderType, *, capped: bool) -> GroupRole | None:
    """Which half of a stop and take-profit pair a reduce-only order is; ``None``: it is neither.

    Contract section 5: where the exchange caps them (``capped``) such a pair counts once.
    """
    if not capped:
        return None
    if order_type in _STOPS:
        return GroupRole.STOP_LOSS
    return GroupRole.TAKE_PROFIT if order_type in _TAKE_PROFITS else None


@exact
def free_volume(
    holding: Holding, pending: Iterable[PendingOrder], *, asking: GroupRole | None = None
) -> Decimal:
    """Return what may still be closed: the volume minus what pending closes have been promised.

    Contract section 5: every non-final order on the other side counts (``UNKNOWN`` included, the
    caller gives them all), protection legs not. ``asking`` is the half of a pair that asks.
    """
    promised = _Promised()
    for order in pending:
        if order.side is not holding.side and not order.protection:
            promised.add(order.qty - order.filled_qty, order.half)
    return max(holding.qty - promised.beside(asking), ZERO)


@exact
def fit_closes(room: Decimal, closes: Sequence[RestingClose]) -> dict[int, Decimal]:
    """Return what each order may still fill so that together they close no more than ``room``.

    Contract section 5: the newest are cut first. What cannot be changed now keeps what it has.
    """
    promised = _Promised()
    allowed: dict[int, Decimal] = {}
    for order in sorted(closes, key=lambda each: (each.movable, each.order_id)):
        most = max(room - promised.beside(order.half), ZERO)
        allowed[order.order_id] = min(order.left, most) if order.movable else order.left
        promised.add(allowed[order.order_id], order.half)
    return allowed


class _Promised:
    """Volume promised to closes; the two halves of a pair take the same volume."""

    def __init__(self) -> None:
        self._sums: dict[GroupRole | None, Decimal] = {}

    def add(self, qty: Decimal, half: GroupRole | None) -> None:
        self._sums[half] = self._sums.get(half, ZERO) + qty

    def beside(self, half: GroupRole | None) -> Decimal:
        """What is not there any more for an order of this half."""
        alone = self._sums.get(None, ZERO)
        if half is not None:
            return alone + self._sums.get(half, ZERO)
        pairs = (GroupRole.STOP_LOSS, GroupRole.TAKE_PROFIT)
        return alone + max(self._sums.get(each, ZERO) for each in pairs)


def check_close(qty: Decimal, *, volume: Decimal, free: Decimal) -> None:
    """Let a close of ``qty`` pass, or say why not (contract section 5).

    Raises:
        ValidationError: it is not above zero, or above the position's volume.
        CloseInProgress: within the volume, but above what pending closes leave free.
    """
    if qty <= ZERO:
        raise ValidationError("A close needs a quantity.", field="qty", limit=ZERO, value=qty)
    if qty > volume:
        raise ValidationError(
            "The close is larger than the position.", field="qty", limit=volume, value=qty
        )
    if qty > free:
        raise CloseInProgress(
            "Pending closes leave less than this free.", field="qty", limit=free, value=qty
        )


def check_reduce_only(side: Side, qty: Decimal, *, position: Holding | None, free: Decimal) -> None:
    """Let a reduce-only order pass only if it can do nothing but reduce ``position``.

    Contract section 5: verified against our own positions, never believed.

    Raises:
        ValidationError: there is no position, it is on the order's side, or it is smaller.
        CloseInProgress: pending closes leave less free.
    """
    if position is None or not position.qty or position.side is side:
        raise ValidationError(
            "A reduce-only order needs a position on the other side.",
            field="reduce_only",
            limit=ZERO,
            value=qty,
        )
    check_close(qty, volume=position.qty, free=free)


def exchange_may_reduce_only(
    side: Side, qty: Decimal, *, exchange_net: Decimal, market: Market
) -> bool:
    """Whether the exchange itself can be told ``reduce only`` for this close.

    Contract section 5: only on derivatives and only where the exchange's net (signed) allows it;
    where strategies offset each other the net is smaller than the position, and we guard alone.
    """
    return not market.is_spot and -side.sign * exchange_net >= qty


@exact
def plan_full_close(
    free: Decimal, *, volume: Decimal, steps: Steps, held: Decimal | None = None
) -> FullClose:
    """Return how to close all that is ``free`` of ``volume`` when no quantity was given.

    Contract section 5: rounded down to the step and, on spot, to what is ``held`` (None on
    derivatives). A position below the minimum goes to dust at once and no order is sent; what other
    closes leave free of a larger one does not.

    Raises:
        CloseInProgress: nothing is free, or too little beside other closes.
        ValidationError: enough is free, but too little of it is held to send an order.
    """
    too_small = _too_small(floor_to_step(free, steps.qty_step), steps)
    if free <= ZERO or (too_small and free < volume):
        raise CloseInProgress(
            "Other closes hold the volume.", field="qty", limit=max(free, ZERO), value=volume
        )
    if too_small:
        return FullClose(send=ZERO, to_dust=free)
    send = floor_to_step(free if held is None else min(free, max(held, ZERO)), steps.qty_step)
    if _too_small(send, steps):
        most = None if held is None else max(held, ZERO)
        raise ValidationError("Too little is held to close.", field="qty", limit=most, value=free)
    return FullClose(send)


@exact
def remainder_of_close(qty: Decimal, *, worth_too_little: bool, steps: Steps) -> Remainder:
    """Return what becomes of ``qty`` left by a close that asked for everything.

    Contract section 6, Dust: below the minimum amount or step it is written off. What is only
    ``worth_too_little`` stays open and is flagged.
    """
    if qty <= ZERO:
        return Remainder.NOTHING
    if _too_small(floor_to_step(qty, steps.qty_step), steps):
        return Remainder.DUST
    return Remainder.UNCLOSABLE if worth_too_little else Remainder.KEPT


def _too_small(qty: Decimal, steps: Steps) -> bool:
    return qty <= ZERO or (steps.min_qty is not None and qty < steps.min_qty)
