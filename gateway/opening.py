"""With what did an account begin at its exchange?

Recorded once, at the first successful connection, and asked for twice: only a balance that did not
move in between, with nothing booked meanwhile, is of one moment with our books.
"""

import logging

from gateway import sessions, truth
from gateway.loop import db
from positions.models import AccountLane
from positions.projector import opening

log = logging.getLogger(__name__)


async def record(account_id: int) -> None:
    """Record the opening balances unless that was done; where anything moves, the next time.

    Raises:
        CallFailed, EngineUnavailable: there is no session.
    """
    if await db(opening.has_opening, account_id):
        return
    session = await sessions.open_for(account_id)
    booked = await db(_last_booking_no, account_id)
    first, second = await truth.look(session), await truth.look(session)
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
