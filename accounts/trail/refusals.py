"""Who was refused, from where, and how often?"""

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.trail.models import Refusal

KEPT = timedelta(days=90)
_LONGEST_NAME, _LONGEST_ADDRESS = 150, 64

log = logging.getLogger(__name__)


def note(kind: str, *, user_name: str, address: str | None, api_key_id: int = 0) -> None:
    """One more refusal in this minute; a database in trouble refuses nobody who is good."""
    row = {
        "minute": timezone.now().replace(second=0, microsecond=0),
        "kind": kind,
        "user_name": user_name[:_LONGEST_NAME],
        "address": (address or "")[:_LONGEST_ADDRESS],
        "api_key_id": api_key_id,
    }
    try:
        with transaction.atomic():
            if _count(row) == 0:
                _begin(row)
    except DatabaseError:
        log.warning("refusal.not_written", extra={"kind": kind})


def prune(*, before: datetime) -> int:
    """Refusals older than that are gone; returns how many rows."""
    return Refusal.objects.filter(minute__lt=before).delete()[0]


def _begin(row: dict[str, object]) -> None:
    try:
        with transaction.atomic():
            Refusal.objects.create(**row, count=1)
    except IntegrityError:  # Another process was first.
        _count(row)


def _count(row: dict[str, object]) -> int:
    return Refusal.objects.filter(**row).update(count=F("count") + 1)
