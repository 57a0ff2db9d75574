"""What do an order's stops mean for the position that it fills into?"""

from positions.engine.holding import Booking, Target
from positions.engine.types import Entry
from positions.models import Deal, Execution, Order, Position


def take_over_stops(
    execution: Execution, position: Position, booking: Booking, target: Target
) -> None:
    """Give a position that an order opens, raises or reverses the stops it is to have.

    Called before the position's row is stored. A stop that the order carries replaces the
    position's; one that it does not carry is kept or cleared as the account says (``keep_stops``).
    On a reversal the old side's stops go in any case. Only an order's first fill into a position
    counts, so that a change in between lasts.
    """
    order = execution.order
    entries = {leg.entry for leg in booking.legs if leg.target is target}
    if not entries & {Entry.IN, Entry.INOUT} or not _matters(order, position, entries):
        return
    if Entry.INOUT not in entries and _has_raised(execution, position):
        return
    keeps = order.account.keep_stops and Entry.INOUT not in entries
    position.stop_loss = order.stop_loss or (position.stop_loss if keeps else None)
    position.stop_gain = order.stop_gain or (position.stop_gain if keeps else None)
    position.trailing = position.trailing if keeps else None
    if order.group_id is not None:
        order.group_id = position.ticket


def _matters(order: Order, position: Position, entries: set[Entry]) -> bool:
    """Whether order and position disagree at all."""
    carries = not (order.stop_loss is order.stop_gain is None)
    clears = not order.account.keep_stops or Entry.INOUT in entries
    return carries or (clears and position.has_stops)


def _has_raised(execution: Execution, position: Position) -> bool:
    """Whether an earlier fill of the order went into the position."""
    earlier = Deal.objects.filter(order_id=execution.order_id, position=position)
    earlier = earlier.exclude(execution=execution)
    return earlier.filter(entry__in=(Entry.IN, Entry.INOUT)).exists()
