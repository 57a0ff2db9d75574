"""Which moves may an order make, and where does a report of the exchange leave it?

Contract section 5. The table below is the whole life of an order; everything else asks it.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from positions.engine.errors import InvalidOrderState
from positions.engine.money import ZERO
from positions.engine.types import OrderStatus

PENDING_SUBMIT = OrderStatus.PENDING_SUBMIT
SENDING = OrderStatus.SENDING
SUBMITTED = OrderStatus.SUBMITTED
PARTIALLY_FILLED = OrderStatus.PARTIALLY_FILLED
FILLED = OrderStatus.FILLED
CANCELED = OrderStatus.CANCELED
REJECTED = OrderStatus.REJECTED
EXPIRED = OrderStatus.EXPIRED
UNKNOWN = OrderStatus.UNKNOWN

FINAL = frozenset({FILLED, CANCELED, REJECTED, EXPIRED})
OPEN = frozenset(OrderStatus) - FINAL


class Proof(StrEnum):
    """What a move must be justified with, beside the report itself.

    ``none``: nothing more. ``not_executed``: it is proven that the exchange executed nothing.
    ``adopted``: the exchange shows an order we believed never got there (sent before a restored
    backup, or presumed rejected). ``filled``: its fills add up to the whole quantity.
    """

    NONE = "none"
    NOT_EXECUTED = "not_executed"
    ADOPTED = "adopted"
    FILLED = "filled"


_FREE, _NOT_EXECUTED = Proof.NONE, Proof.NOT_EXECUTED
_ADOPTED, _FILLED = Proof.ADOPTED, Proof.FILLED

MOVES: dict[OrderStatus, dict[OrderStatus, Proof]] = {
    PENDING_SUBMIT: {
        SENDING: _FREE,
        CANCELED: _FREE,  # Locally: it never left the house.
        EXPIRED: _FREE,
        REJECTED: _FREE,
        SUBMITTED: _ADOPTED,
        PARTIALLY_FILLED: _ADOPTED,
        FILLED: _ADOPTED,
    },
    SENDING: {
        PENDING_SUBMIT: _NOT_EXECUTED,
        SUBMITTED: _FREE,
        PARTIALLY_FILLED: _FREE,
        FILLED: _FREE,
        CANCELED: _FREE,
        REJECTED: _FREE,
        EXPIRED: _FREE,
        UNKNOWN: _FREE,
    },
    SUBMITTED: {
        PARTIALLY_FILLED: _FREE,
        FILLED: _FREE,
        CANCELED: _FREE,
        REJECTED: _FREE,
        EXPIRED: _FREE,
        UNKNOWN: _FREE,
    },
    PARTIALLY_FILLED: {
        FILLED: _FREE,
        CANCELED: _FREE,
        EXPIRED: _FREE,
        UNKNOWN: _FREE,
    },
    UNKNOWN: {
        SUBMITTED: _FREE,
        PARTIALLY_FILLED: _FREE,
        FILLED: _FREE,
        CANCELED: _FREE,
        REJECTED: _FREE,
        EXPIRED: _FREE,
    },
    FILLED: {},
    CANCELED: {FILLED: _FILLED},
    EXPIRED: {FILLED: _FILLED},
    REJECTED: {  # Only where the rejection was presumed from silence; see contract section 5.
        SUBMITTED: _ADOPTED,
        PARTIALLY_FILLED: _ADOPTED,
        FILLED: _ADOPTED,
        CANCELED: _ADOPTED,
        EXPIRED: _ADOPTED,
    },
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an order is; ``proof`` is what justified its last move."""

    status: OrderStatus
    filled_qty: Decimal
    proof: Proof = Proof.NONE


class CancelStep(StrEnum):
    """What cancelling means for an order now.

    ``locally``: it was never sent. ``at_venue``: ask the exchange to cancel. ``wish``: store the
    wish and look the order up by client id first, for the exchange's answer is in doubt.
    ``already``: it is cancelled, which is what was wanted.
    """

    LOCALLY = "locally"
    AT_VENUE = "at_venue"
    WISH = "wish"
    ALREADY = "already"


_CANCEL_STEPS: dict[OrderStatus, CancelStep] = {
    PENDING_SUBMIT: CancelStep.LOCALLY,
    SENDING: CancelStep.WISH,
    UNKNOWN: CancelStep.WISH,
    SUBMITTED: CancelStep.AT_VENUE,
    PARTIALLY_FILLED: CancelStep.AT_VENUE,
    CANCELED: CancelStep.ALREADY,
}


def may_move(old: OrderStatus, new: OrderStatus, proof: Proof = Proof.NONE) -> bool:
    """Whether the life cycle allows ``old`` → ``new`` on this proof; staying is no move."""
    needed = MOVES[old].get(new)
    return needed is not None and needed in (Proof.NONE, proof)


def cancel_step(status: OrderStatus) -> CancelStep:
    """Return what a cancel of an order in ``status`` has to do (contract section 5, Cancel).

    Raises:
        InvalidOrderState: it is final otherwise than by a cancel.
    """
    step = _CANCEL_STEPS.get(status)
    if step is None:
        raise InvalidOrderState(f"A {status} order cannot be cancelled.", status=status)
    return step


def status_after(
    held: Progress,
    *,
    qty: Decimal,
    reported: OrderStatus | None,
    reported_filled: Decimal = ZERO,
    presumed: bool = False,
) -> Progress:
    """Merge what the exchange reports with what we hold; reports may come late or out of order.

    ``qty`` is the order's whole quantity; ``reported`` is None where the report is only a fill;
    ``presumed`` says that a held REJECTED was concluded from silence. Contract section 5:

    - fills never go down;
    - an order whose fills reach its quantity is FILLED, whatever else was said of it;
    - a final state is otherwise never left, unless a presumed rejection proves wrong;
    - cancelled, expired or refused after some fills keeps them: CANCELED (or EXPIRED) with fills;
    - reported FILLED is believed before the fills themselves have arrived.
    """
    filled = max(held.filled_qty, reported_filled)
    partly = filled > ZERO or held.status is PARTIALLY_FILLED
    said = _said(reported, partly)
    if filled >= qty > ZERO:
        status = FILLED
    elif held.status in FINAL and not (held.status is REJECTED and presumed):
        status = held.status
    elif said in FINAL:
        status = said
    elif said is None and filled == held.filled_qty:
        status = held.status  # Nothing new.
    else:
        status = PARTIALLY_FILLED if partly else SUBMITTED
    proof = Proof.NONE if status is held.status else MOVES[held.status][status]
    return Progress(status, filled, proof)


def _said(reported: OrderStatus | None, partly: bool) -> OrderStatus | None:
    """Reduce a report to what an exchange can know: nothing, that it lives, or how it ended."""
    match reported:
        case OrderStatus.SUBMITTED | OrderStatus.PARTIALLY_FILLED:
            return SUBMITTED
        case OrderStatus.REJECTED:
            return CANCELED if partly else REJECTED
        case OrderStatus.FILLED | OrderStatus.CANCELED | OrderStatus.EXPIRED:
            return reported
        case _:  # None, or our own words, which say nothing about the exchange.
            return None
