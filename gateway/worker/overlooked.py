"""What was overlooked, or is due, among the accounts that a process serves?

Everything waits in rows, so a sweep finds what no bell told.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from gateway import runs
from positions import projector
from positions.models import Instruction, InstructionState, Order
from positions.projector.booking import closable
from positions.projector.orders import expiring
from positions.projector.orders.expiring import Soon
from positions.projector.protection import following
from positions.projector.unclear import missing

log = logging.getLogger(__name__)

OVERLOOKED_AFTER = timedelta(seconds=1)
DUE_AT_ONCE = 100
SILENT_AFTER = 3  # intervals without a sweep, then a process sweeps by itself


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """Accounts with something that was not sent or not answered, those whose stops wait for a
    price, and those on which a reconciliation was asked for; orders to ask about; and orders that
    expire before the next sweep.
    """

    account_ids: list[int]
    watching_ids: list[int]
    asked_ids: list[int]
    order_ids: list[int]
    expiring: list[Soon]


def left_behind(served: list[int], now: datetime) -> LeftBehind:
    """What has to be looked at now; overdue sends are turned into doubt on the way, and stops that
    wait to be tried again are.
    """
    waiting = Instruction.objects.filter(
        state=InstructionState.PENDING, created_at__lte=now - OVERLOOKED_AFTER
    )
    overlooked = waiting.values_list("account_id", flat=True).distinct()
    account_ids = {*projector.expire_overdue(now), *overlooked}
    due = Order.objects.open().filter(next_check_at__lte=now, account__in=served)
    order_ids = due.order_by("next_check_at").values_list("pk", flat=True)[:DUE_AT_ONCE]
    _apart(following.sweep, now)
    _apart(closable.sweep, served)
    _apart(missing.sweep, now, served)
    ahead = timedelta(seconds=settings.OMS_SWEEP_S * SILENT_AFTER)
    soon = _apart(expiring.sweep, now, ahead=ahead) or []
    watching = {*following.accounts_watching()} & {*served}
    asked = runs.accounts_waiting(served)
    return LeftBehind(sorted(account_ids), sorted(watching), asked, list(order_ids), soon)


def _apart(sweep: Callable[..., Any], *args: Any, **facts: Any) -> Any:
    """What one of the sweeps finds; where it breaks, the others go on, and it does at the next."""
    try:
        return sweep(*args, **facts)
    except Exception:
        log.exception("sweep.one_failed", extra={"of": sweep.__module__})
        return None
