"""How does an order of ours become the one that was imported as somebody's?

What that one did is booked anew as ours, by the code of a reassign; what comes of it at the
exchange is ours from then on. Its row stays, empty, and says whose it is.
"""

from decimal import Decimal

from oms_project.errors import Conflict
from positions import rows
from positions.engine.money import ZERO
from positions.engine.types import OrderStatus, PositionMode
from positions.models import ExchangeOrder, Order
from positions.outbox import HeldLane
from positions.projector.orders.progress import move
from positions.projector.reassign.rebooking import Target, book_reassign

_MOVED_OF_LEG = ("reported_status", "reported_filled", "booked_filled", "reported_average")
_EMPTY = {
    "filled_qty": ZERO,
    "filled_value": ZERO,
    "avg_fill_price": None,
    "fee": None,
    "fee_currency": None,
    "fees_by_currency": {},
}


def take_over(
    lane: HeldLane, order: Order, leg: ExchangeOrder, theirs: ExchangeOrder, *, mode: PositionMode
) -> None:
    """``order``, in doubt, is the imported one that ``theirs`` stands for at the exchange.

    Raises:
        Conflict: its fills are booked provisionally, or something lies in what would be booked
            anew.
    """
    imported: Order = theirs.order
    if theirs.provisional_filled:
        raise Conflict("Its fills are booked provisionally; wait for the trades.",
                       order_id=imported.pk)  # fmt: skip
    position = order.position if order.closes_position else None
    target = Target(order.strategy_id, position)
    outcome = book_reassign(lane, [imported], target, mode=mode, taken_by=order)
    if (landed := outcome.landed.get(order.pk)) is not None and not order.closes_position:
        order.previous_position_id, order.position_id = order.position_id, landed
    _move_leg(leg, theirs)
    imported = Order.objects.get(pk=imported.pk)
    for name, nothing in _EMPTY.items():
        setattr(order, name, getattr(imported, name))
        setattr(imported, name, nothing)
    order.save()
    imported.note = f"It is order {order.pk}, which was in doubt."
    imported.next_check_at = None
    if imported.is_open:
        move(lane, imported, OrderStatus.CANCELED)
    else:
        imported.save()
        lane.tell("order_updated", rows.order_row(imported), strategy_id=imported.strategy_id)


def _move_leg(leg: ExchangeOrder, theirs: ExchangeOrder) -> None:
    """The exchange's id, and what was reported under it, is the other order's."""
    leg.exchange_order_id, theirs.exchange_order_id = theirs.exchange_order_id, None
    for name in _MOVED_OF_LEG:
        setattr(leg, name, getattr(theirs, name))
    theirs.reported_filled = theirs.booked_filled = Decimal(0)
    theirs.owes_since = None
    theirs.save()
    leg.save()
