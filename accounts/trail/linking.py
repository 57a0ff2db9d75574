"""How do committed entries of the trail become a chain, and is it whole?

An entry is inserted in the transaction that it tells about, so no writer waits for another. A sweep
links what is committed, in the order in which it finds it: the hash of an entry covers its number,
all it says and the hash before it. Entries that are not linked yet are the tail.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import AuditEntry
from accounts.trail.models import AuditHead

BATCH = 500
_TOLD = (
    "at",
    "user_id",
    "user_name",
    "api_key_id",
    "address",
    "action",
    "object_type",
    "object_id",
    "before",
    "after",
    "comment",
    "request_id",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ``verify`` found; ``broken_at`` is the first link that does not hold."""

    linked: int
    unlinked: int
    oldest_unlinked: datetime | None
    broken_at: int | None


def link() -> int:
    """Link what is committed and not linked; returns how many entries. One sweep at a time."""
    if not _unlinked().exists():
        return 0
    with transaction.atomic():
        AuditHead.objects.get_or_create(pk=1)
        head = AuditHead.objects.select_for_update().get(pk=1)
        rows = list(_unlinked()[:BATCH])
        for row in rows:
            head.link_no += 1
            head.link_hash = _hash(row, head.link_no, head.link_hash)
            # The one write to an entry after its insert: past the model, which allows none.
            QuerySet(AuditEntry).filter(pk=row.pk, link_no=None).update(
                link_no=head.link_no, link_hash=head.link_hash
            )
        head.save()
    return len(rows)


def verify() -> Verdict:
    """Compute every link anew, up to the head as it is now."""
    head = AuditHead.objects.filter(pk=1).first() or AuditHead()
    before, number = "", 0
    for row in _linked(head.link_no):
        number += 1
        if row.link_no != number or row.link_hash != _hash(row, number, before):
            return _verdict(head, broken_at=number)
        before = row.link_hash
    is_whole = (number, before) == (head.link_no, head.link_hash)
    return _verdict(head, broken_at=None if is_whole else number + 1)


def _verdict(head: AuditHead, *, broken_at: int | None) -> Verdict:
    oldest = _unlinked().order_by("at").first()
    return Verdict(head.link_no, _unlinked().count(), oldest and oldest.at, broken_at)


def _unlinked() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(link_no=None).order_by("id")


def _linked(up_to: int) -> Iterator[AuditEntry]:
    rows = AuditEntry.objects.filter(link_no__lte=up_to).order_by("link_no")
    return rows.iterator(chunk_size=BATCH)


def _hash(row: AuditEntry, link_no: int, before: str) -> str:
    said = [before, link_no, row.pk, *(getattr(row, name) for name in _TOLD)]
    text = json.dumps(said, cls=DjangoJSONEncoder, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
