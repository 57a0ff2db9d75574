"""Whom does it concern that a stop cannot be placed, taken back or executed?"""

from datetime import timedelta
from decimal import Decimal

from positions.engine.types import CaseKind, OrderStatus
from positions.models import Order, Position, Trigger
from positions.outbox import HeldLane
from positions.projector.cases import open_case, resolve_case, subject_of

SAYS_REACHED = "OrderImmediatelyFillable"
"""ccxt's class for "this stop would trigger at once", in whatever words an exchange says it."""
UNANSWERED_AFTER = timedelta(seconds=3)
_OF_STOPS = (CaseKind.PROTECTION_BLOCKED, CaseKind.CLOSED_ELSEWHERE)


def open_blocked(
    lane: HeldLane,
    trigger: Trigger,
    position: Position,
    *,
    sold: Decimal,
    why: str = "",
    order: Order | None = None,
) -> None:
    """A person has to look: a trigger cannot be placed, or cannot close all of its position."""
    open_case(
        lane,
        CaseKind.PROTECTION_BLOCKED,
        subject_of(position),
        symbol=position.symbol,
        strategy_id=position.strategy_id,
        position=position,
        order=order,
        facts={
            "role": str(trigger.role),
            "volume": position.qty,
            "sold": sold,
            "failures": trigger.failures,
            "refusals": trigger.refusals,
            "why": why or "less is held than the position's volume",
        },
        proposal="Retried until it passes; the OMS watches the price meanwhile.",
    )


def resolve_blocked(lane: HeldLane, position: Position) -> None:
    """Nothing stands in the way of its stops any more."""
    for kind in _OF_STOPS:
        resolve_case(lane, kind, subject_of(position))


def says_reached(leg: Order, *, rested: bool) -> bool:
    """Whether the end of a leg that filled nothing says that the price was there.

    It would have triggered at once; or it had been confirmed and was refused when it did; or it
    triggered, and what it placed came to nothing.
    """
    if leg.status == OrderStatus.REJECTED and (rested or leg.note.startswith(SAYS_REACHED)):
        return True
    current = leg.exchange_orders.filter(is_current=True).first()
    return current is not None and current.has_placed


def is_overdue(lane: HeldLane, leg: Order) -> bool:
    """Whether the exchange should have said by now that the leg is gone."""
    asked_at = leg.cancel_requested_at
    return asked_at is not None and lane.now - asked_at >= UNANSWERED_AFTER
