"""When does the OMS end an order whose exchange keeps no expiry?

At ``expires_at`` the order is cancelled like by anybody else; once the exchange confirms, it is
``EXPIRED``, its fills kept. What was never sent expires where it waits (``claims``).
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from positions.engine.types import Expiry, OrderStatus
from positions.models import Order
from positions.outbox import holding
from positions.projector.orders.cancelling import request_cancel
from positions.projector.orders.claims import LIVE_AT_EXCHANGE
from positions.querysets import OrderQuerySet

log = logging.getLogger(__name__)

AT_ONCE = 200
AGAIN_AFTER = timedelta(seconds=5)
"""A cancel that the exchange refused is sent again after that long."""
_CANCELLABLE = (*LIVE_AT_EXCHANGE, OrderStatus.SENDING, OrderStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Soon:
    """An order that expires in a moment."""

    order_id: int
    expires_at: datetime


def sweep(now: datetime, *, ahead: timedelta = timedelta(0)) -> list[Soon]:
    """Begin to end what has expired; returns what will have within ``ahead``."""
    kept = Order.objects.open().filter(
        expiry=Expiry.OMS, expires_at__lte=now + ahead, status__in=_CANCELLABLE
    )
    soon = []
    for order_id, expires_at in _not_begun(kept, now)[:AT_ONCE]:
        if expires_at > now:
            soon.append(Soon(order_id, expires_at))
        else:
            _expire_apart(order_id)
    return soon


def _expire_apart(order_id: int) -> None:
    """One that cannot be ended keeps no other from it; it is tried again at the next sweep."""
    try:
        expire(order_id)
    except Exception:
        log.exception("expiring.one_failed", extra={"order_id": order_id})


def expire(order_id: int) -> None:
    """Cancel the order if its time has come and nobody has asked for that yet."""
    account_id = Order.objects.values_list("account_id", flat=True).get(pk=order_id)
    with holding(account_id) as lane:
        due = Order.objects.open().filter(
            pk=order_id, expiry=Expiry.OMS, expires_at__lte=lane.now, status__in=_CANCELLABLE
        )
        if not _not_begun(due, lane.now).exists():
            return
        order = Order.objects.get(pk=order_id)
        order.expired_at = lane.now
        order.save(update_fields=["expired_at"])
        request_cancel(lane, order)


def _not_begun(orders: OrderQuerySet, now: datetime) -> OrderQuerySet:
    """Those that nobody is cancelling, each with its time, the earliest first."""
    begun = orders.filter(expired_at__gt=now - AGAIN_AFTER).values("pk")
    waiting = orders.filter(cancel_requested_at=None).exclude(pk__in=begun)
    return waiting.order_by("expires_at").values_list("pk", "expires_at")
