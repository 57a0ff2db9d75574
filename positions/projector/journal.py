"""How is something booked that is no execution?"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from positions import rows
from positions.engine.money import plain
from positions.models import Command, JournalEntry, JournalKind
from positions.outbox import HeldLane


def record(
    lane: HeldLane, kind: JournalKind, *, command: Command | None = None, **facts: Any
) -> JournalEntry:
    """Append an entry to the account's journal; its deals take the booking numbers after it.

    ``facts`` is all that a replay needs; decimals and times become exact text.
    """
    return JournalEntry.objects.create(
        account_id=lane.account_id,
        booking_no=lane.next_booking_no(),
        kind=kind,
        command=command,
        facts=exact_json(facts),
        created_at=lane.now,
    )


def exact_json(fact: Any) -> Any:
    """``fact`` with every decimal and time in it, at any depth, as the text that clients read."""
    match fact:
        case Decimal():
            return plain(fact)
        case datetime():
            return rows.time_text(fact)
        case dict():
            return {name: exact_json(item) for name, item in fact.items()}
        case list() | tuple():
            return [exact_json(item) for item in fact]
        case _:
            return fact
