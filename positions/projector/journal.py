"""How is something booked that is no execution?"""

from decimal import Decimal
from typing import Any

from positions.engine.money import plain
from positions.models import Command, JournalEntry, JournalKind
from positions.outbox import HeldLane


def record(
    lane: HeldLane, kind: JournalKind, *, command: Command | None = None, **facts: Any
) -> JournalEntry:
    """Append an entry to the account's journal; its deals take the booking numbers after it.

    ``facts`` is all that a replay needs; decimals become exact text.
    """
    return JournalEntry.objects.create(
        account_id=lane.account_id,
        booking_no=lane.next_booking_no(),
        kind=kind,
        command=command,
        facts={name: _json(fact) for name, fact in facts.items()},
        created_at=lane.now,
    )


def _json(fact: Any) -> Any:
    return plain(fact) if isinstance(fact, Decimal) else fact
