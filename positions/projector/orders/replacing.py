"""How does an order change?

Where the exchange amends in place, the answer that shows the new values settles it. Elsewhere its
order at the exchange is cancelled with confirmation, then a new one is created for what is left of
the new quantity. A fill in between only makes the new one smaller, so the total never exceeds what
was intended. The OMS order keeps its id all the while.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction

from positions import rows
from positions.engine.types import EditReplaceState, OrderStatus
from positions.ids import new_exchange_client_order_id
from positions.models import (
    Command,
    ExchangeOrder,
    Instruction,
    InstructionKind,
    InstructionState,
    Order,
)
from positions.outbox import HeldLane
from positions.ports import exchange
from positions.projector.booking.closable import told_reduce_only
from positions.reports import OrderReport

REPLACE = "replace"
CUT = "cut"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order's values after a change; ``qty`` is the total, fills included."""

    qty: Decimal
    price: Decimal | None
    trigger_price: Decimal | None

    def as_payload(self) -> dict[str, str | None]:
        """The values as an instruction carries them."""
        return {
            "qty": rows.decimal_text(self.qty),
            "price": rows.decimal_text(self.price),
            "trigger_price": rows.decimal_text(self.trigger_price),
        }


def request_change(
    lane: HeldLane,
    order: Order,
    leg: ExchangeOrder,
    wanted: Wanted,
    *,
    in_place: bool,
    command: Command | None = None,
    cuts: bool = False,
) -> None:
    """Queue an amendment of ``leg``, or a cancel of it that a new order follows.

    ``cuts``: nobody asked for it, the order's position has shrunk. That is as urgent as a cancel.
    """
    if not in_place:
        order.edit_replace_state = EditReplaceState.CREATE_PENDING
        order.updated_at = lane.now
        order.save(update_fields=["edit_replace_state", "updated_at"])
        _tell(lane, "order_change_replace_pending", order)
    patience = timedelta(seconds=settings.OMS_SEND_WITHIN_S)
    Instruction.objects.create(
        account_id=order.account_id,
        order=order,
        exchange_order=leg,
        command=command,
        kind=InstructionKind.EDIT if in_place else InstructionKind.CANCEL,
        urgent=cuts,
        payload={REPLACE: wanted.as_payload()} | ({CUT: True} if cuts else {}),
        send_before=None if cuts else lane.now + patience,
        created_at=lane.now,
    )
    lane.wake_exchange()


def is_replacement(order: Order) -> bool:
    """Whether a change by cancel-and-replace is under way."""
    return order.edit_replace_state == EditReplaceState.CREATE_PENDING


def is_shown(leg: ExchangeOrder) -> bool:
    """Whether the exchange has shown that it took the leg, or refused it."""
    return leg.reported_status is not None or leg.booked_filled > 0


def waits(order: Order, leg: ExchangeOrder) -> bool:
    """Whether ``leg`` waits for its trigger still, as far as the exchange lets us know.

    Not where it was made without one, to go on with what an earlier leg's trigger had placed.
    """
    has_trigger = leg.trigger_price is not None or order.trailing is not None
    has_filled = max(leg.reported_filled, leg.booked_filled) > 0
    return has_trigger and not (leg.has_placed or has_filled)


def consolidate(lane: HeldLane, order: Order, current: ExchangeOrder) -> bool:
    """Take over the new values once the exchange shows the replacement; whether it did so."""
    if not is_replacement(order):
        return False
    wanted = _wanted(order, current)
    if _pending_replacement(order, current) is not None:
        return False  # It is being replaced itself: what it was created for is an earlier change.
    if wanted is None or not is_shown(current) or current.reported_status == OrderStatus.REJECTED:
        return False
    order.qty = Decimal(wanted["qty"])
    order.price = _decimal(wanted["price"])
    order.trigger_price = _decimal(wanted["trigger_price"])
    _consolidated(lane, order)
    return True


def amend(lane: HeldLane, order: Order, leg: ExchangeOrder, report: OrderReport) -> bool:
    """Take over values that the exchange amended in place; whether it did so."""
    edits = order.instructions.filter(
        kind=InstructionKind.EDIT,
        exchange_order=leg,
        state__in=(InstructionState.SENDING, InstructionState.DOUBTFUL),
    )
    edit = edits.order_by("id").first()
    if edit is None or not _shows(report, edit.payload[REPLACE]):
        return False
    leg.qty = order.qty = Decimal(edit.payload[REPLACE]["qty"])
    leg.price = order.price = _decimal(edit.payload[REPLACE]["price"])
    leg.save(update_fields=["qty", "price"])
    _settle(lane, edit)
    _tell(lane, "order_changed", order)
    return True


def _shows(report: OrderReport, wanted: dict[str, Any]) -> bool:
    price = _decimal(wanted["price"])
    return report.qty == Decimal(wanted["qty"]) and (price is None or report.price == price)


def continue_with_new_leg(lane: HeldLane, order: Order, current: ExchangeOrder) -> bool:
    """Queue the replacement of a leg whose cancel is confirmed; False where there is none to make.

    None is made when the leg ended otherwise, someone asked to cancel meanwhile, or the fills have
    reached the new quantity already: then the change is done.
    """
    cancel = _pending_replacement(order, current) if is_replacement(order) else None
    if cancel is None:
        return False
    remaining = Decimal(cancel.payload[REPLACE]["qty"]) - order.filled_qty
    gone = current.reported_status == OrderStatus.CANCELED
    if not gone or order.cancel_requested_at is not None:
        give_up(lane, order)
        return False
    _settle(lane, cancel)
    if remaining <= 0:
        order.qty = order.filled_qty
        _consolidated(lane, order)
        return False
    _create_leg(lane, order, current, cancel, remaining)
    return True


def _create_leg(
    lane: HeldLane,
    order: Order,
    current: ExchangeOrder,
    cancel: Instruction,
    remaining: Decimal,
) -> None:
    wanted = cancel.payload[REPLACE]
    current.is_current = False
    current.save(update_fields=["is_current"])
    leg = ExchangeOrder.objects.create(
        account_id=order.account_id,
        order=order,
        symbol=order.symbol,
        client_order_id=new_exchange_client_order_id(),
        qty=remaining,
        price=_decimal(wanted["price"]),
        # What has triggered does not wait again: what is left of it is a plain order.
        trigger_price=_decimal(wanted["trigger_price"]) if waits(order, current) else None,
        reduce_only=_told_reduce_only(order, current, remaining),
        created_at=lane.now,
    )
    order.exchange_client_order_id = leg.client_order_id
    order.exchange_order_id = None
    Instruction.objects.create(
        account_id=order.account_id,
        order=order,
        exchange_order=leg,
        command=cancel.command,
        kind=InstructionKind.CREATE,
        urgent=order.closes_position,
        payload=cancel.payload,
        send_before=lane.now + timedelta(seconds=settings.OMS_SEND_WITHIN_S),
        created_at=lane.now,
    )
    # Nothing rests at the exchange until it is sent, so it does not wait for the sweeper.
    transaction.on_commit(partial(exchange().wake, order.account_id))


def _told_reduce_only(order: Order, current: ExchangeOrder, qty: Decimal) -> bool:
    """Whether the exchange is told so of the new one: its net may have moved since the old one."""
    rules = exchange().known_market(order.account_id, order.symbol)
    if rules is None or not order.reduce_only or order.position is None:
        return current.reduce_only
    return told_reduce_only(order.position, rules, qty)


def fail_replacement(lane: HeldLane, order: Order) -> None:
    """The replacement did not come to be: what was cancelled stays cancelled."""
    order.edit_replace_state = EditReplaceState.CREATE_FAILED
    _tell(lane, "order_change_replace_failed", order)


def give_up(lane: HeldLane, order: Order) -> None:
    """The change did not begin, or the order ended first; it is as it would be without it."""
    if is_replacement(order):
        order.edit_replace_state = None
        _tell(lane, "order_change_replace_failed", order)


def _consolidated(lane: HeldLane, order: Order) -> None:
    order.edit_replace_state = EditReplaceState.CONSOLIDATED
    _tell(lane, "order_change_replace_consolidated", order)
    _tell(lane, "order_changed", order)


def _settle(lane: HeldLane, instruction: Instruction) -> None:
    instruction.state = InstructionState.SETTLED
    instruction.settled_at = lane.now
    instruction.save(update_fields=["state", "settled_at"])
    if instruction.order.closes_position:
        lane.touch(instruction.order.symbol)  # Its position may have shrunk meanwhile.


def _pending_replacement(order: Order, current: ExchangeOrder) -> Instruction | None:
    """The cancel of ``current`` that is to be followed by a new order."""
    cancels = order.instructions.filter(
        kind=InstructionKind.CANCEL, exchange_order=current, payload__has_key=REPLACE
    )
    return cancels.exclude(state=InstructionState.SETTLED).order_by("-id").first()


def _wanted(order: Order, current: ExchangeOrder) -> dict[str, Any] | None:
    """The new values that ``current`` was created for."""
    creates = order.instructions.filter(
        kind=InstructionKind.CREATE, exchange_order=current, payload__has_key=REPLACE
    )
    create = creates.first()
    return None if create is None else create.payload[REPLACE]


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _tell(lane: HeldLane, event: str, order: Order) -> None:
    lane.tell(event, rows.order_row(order), strategy_id=order.strategy_id)
