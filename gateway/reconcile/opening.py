"""With what did an account begin at its exchange?

Recorded once, at the first successful connection. The balance is looked at twice, and between the
looks everything is brought in that the exchange lists by then: only a balance that did not move,
with nothing booked meanwhile, is of one moment with our books. A stranger's trade that is in the
balance and not yet in the books would be counted twice, once it is brought in.
"""

import asyncio
import logging

from django.conf import settings

from gateway.loop import db
from gateway.reconcile import importing, truth
from gateway.sessions import kept as sessions
from positions.models import AccountLane
from positions.projector.booking import opening

log = logging.getLogger(__name__)


async def record(account_id: int) -> None:
    """Record the opening balances unless that was done; where anything moves, the next time.

    Raises:
        CallFailed, EngineUnavailable: the exchange could not be asked.
    """
    if await db(opening.has_opening, account_id):
        return
    session = await sessions.open_for(account_id)
    booked = await db(_last_booking_no, account_id)
    first = await truth.look(session)
    await asyncio.sleep(settings.OMS_LISTED_WITHIN_S)
    # Orders at rest move no balance.
    await importing.bring_in(account_id, everything=True, with_orders=False)
    second = await truth.look(session)
    about = {"account_id": account_id}
    if first.balances is None or second.balances is None:
        log.warning("opening.not_told", extra=about | dict(second.why or first.why))
    elif first.balances != second.balances:
        log.info("opening.moving", extra=about)
    elif await db(opening.record_opening, account_id, second.balances, booked_before=booked):
        log.info("opening.recorded", extra=about | {"currencies": len(second.balances)})


def _last_booking_no(account_id: int) -> int:
    numbers = AccountLane.objects.filter(pk=account_id).values_list("last_booking_no", flat=True)
    return numbers.first() or 0
