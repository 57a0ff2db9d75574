"""Who did what?

One function writes the trail, one dataclass names the actor. Secrets never come here: what is
recorded about credentials is that they were set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accounts.models import AuditEntry
from accounts.permissions import Caller


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for the audit trail; ``user_id`` is None where no user does."""

    user_id: int | None
    user_name: str
    api_key_id: int | None = None
    request_id: str = ""

    @classmethod
    def from_caller(cls, caller: Caller, request_id: str = "") -> "Actor":
        """The caller of a request."""
        return cls(caller.user_id, caller.user_name, caller.api_key_id, request_id)


# Whoever has a shell on the machine.
OPERATOR = Actor(user_id=None, user_name="manage.py")
# The system itself: tasks, streams, reconciliation.
SYSTEM = Actor(user_id=None, user_name="system")


def record(
    *,
    by: Actor,
    action: str,
    object_type: str,
    object_id: int | str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    comment: str = "",
) -> AuditEntry:
    """Append one entry; it is committed or rolled back together with what it tells about."""
    return AuditEntry.objects.create(
        user_id=by.user_id,
        user_name=by.user_name,
        api_key_id=by.api_key_id,
        request_id=by.request_id,
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        before=before,
        after=after,
        comment=comment,
    )
