"""How long is the event log kept?"""

from datetime import datetime
from itertools import takewhile

from django.db import transaction

from positions.models import AccountLane, Event
from positions.outbox import turn

BATCH = 500


def prune_events(*, before: datetime) -> int:
    """Of every account, the oldest events that were told before then are gone; returns how many.

    Always from the oldest on, so that what is left has no hole. The newest one stays: who resumes
    from it has missed nothing.
    """
    account_ids = AccountLane.objects.order_by("pk").values_list("pk", flat=True)
    return sum(_prune_account(account_id, before) for account_id in list(account_ids))


def _prune_account(account_id: int, before: datetime) -> int:
    log = Event.objects.filter(account_id=account_id)
    newest = log.order_by("-seq").values_list("seq", flat=True).first() or 0
    gone = 0
    while True:
        oldest = list(log.since(0).values_list("seq", "created_at")[:BATCH])
        old = list(takewhile(lambda row: row[1] < before and row[0] < newest, oldest))
        if old:
            # In small bites: on SQLite nobody else writes meanwhile.
            with turn(), transaction.atomic():
                gone += log.filter(seq__lte=old[-1][0]).delete()[0]
        if len(old) < BATCH:
            return gone
