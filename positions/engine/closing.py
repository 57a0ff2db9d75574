"""How much of a position may still be closed, and what becomes of what is left?

Contract section 5 (free volume, reduce-only, closing everything) and section 6 (dust).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from positions.engine.errors import CloseInProgress, ValidationError
from positions.engine.holding import Holding
from positions.engine.market import Market
from positions.engine.money import ZERO, exact, floor_to_step
from positions.engine.types import Side


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """A non-final order that names a position; ``protection`` marks its stop or take-profit leg."""

    side: Side
    qty: Decimal
    filled_qty: Decimal = ZERO
    protection: bool = False


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
    """The market's limits on one order; None where it has none."""

    qty_step: Decimal | None = None
    min_qty: Decimal | None = None
    min_notional: Decimal | None = None


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


@exact
def free_volume(holding: Holding, pending: Iterable[PendingOrder]) -> Decimal:
    """Return the volume that no pending close has been promised, never below zero.

    Contract section 5: volume - sum(qty - filled_qty) of the non-final opposite-side orders that
    name the position, ``UNKNOWN`` included, protection legs not.
    """
    promised = sum(
        (
            order.qty - order.filled_qty
            for order in pending
            if order.side is not holding.side and not order.protection
        ),
        ZERO,
    )
    return max(holding.qty - promised, ZERO)


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
def plan_full_close(free: Decimal, *, steps: Steps, held: Decimal | None = None) -> FullClose:
    """Return how to close all that is ``free`` when no quantity was given.

    Contract section 5: rounded down to the step and, on spot, to what is ``held`` (None on
    derivatives); below the minimum it goes to dust at once and no order is sent.

    Raises:
        CloseInProgress: nothing is free.
        ValidationError: enough is free, but too little of it is held to send an order.
    """
    if free <= ZERO:
        raise CloseInProgress("Nothing is free to close.", field="qty", limit=ZERO, value=free)
    if _too_small(floor_to_step(free, steps.qty_step), steps):
        return FullClose(send=ZERO, to_dust=free)
    send = floor_to_step(free if held is None else min(free, max(held, ZERO)), steps.qty_step)
    if _too_small(send, steps):
        raise ValidationError("Too little is held to close.", field="qty", limit=held, value=free)
    return FullClose(send)


@exact
def remainder_of_close(qty: Decimal, *, notional: Decimal | None, steps: Steps) -> Remainder:
    """Return what becomes of ``qty`` left by a close that asked for everything.

    Contract section 6, Dust: below the minimum amount or step it is written off; below the minimum
    ``notional`` only (its worth at the mark, None when unknown), it stays open and is flagged.
    """
    if qty <= ZERO:
        return Remainder.NOTHING
    if _too_small(floor_to_step(qty, steps.qty_step), steps):
        return Remainder.DUST
    if steps.min_notional and notional is not None and notional < steps.min_notional:
        return Remainder.UNCLOSABLE
    return Remainder.KEPT


def _too_small(qty: Decimal, steps: Steps) -> bool:
    return qty <= ZERO or (steps.min_qty is not None and qty < steps.min_qty)
