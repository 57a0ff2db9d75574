"""Who did what?

One function writes the trail, one dataclass names the actor. Secrets never come here: what is
recorded about credentials is that they were set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.models import AuditEntry
from accounts.rights.acts import Act
from accounts.rights.permissions import Caller, require
from oms_project.errors import PermissionDenied


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for rights and trail; ``user_id`` is None where no user does.

    ``caller``: with which rights; None where it is not through a key: the admin site's pages, a
    shell on the machine, the system itself. ``comment``: why, for whatever is done now.
    """

    user_id: int | None
    user_name: str
    api_key_id: int | None = None
    request_id: str = ""
    caller: Caller | None = field(default=None, repr=False, compare=False)
    address: str | None = None
    comment: str = ""

    @classmethod
    def from_caller(cls, caller: Caller, request_id: str = "", comment: str = "") -> "Actor":
        """The caller of a request."""
        return cls(
            caller.user_id,
            caller.user_name,
            caller.api_key_id,
            request_id,
            caller,
            caller.address,
            comment,
        )

    def require(self, act: Act, account_id: int, strategy_id: int | None = None) -> None:
        """Whoever acts through a key may do that; the back office and a shell were let in before.

        Raises:
            OmsError: as ``permissions.require``.
        """
        if self.caller is not None:
            require(self.caller, act, account_id, strategy_id)

    def require_log_in(self, **about: Any) -> None:
        """A person acts who has shown password and second factor, and not only a key.

        Raises:
            PermissionDenied: a key acts.
        """
        if self.caller is not None and not self.caller.has_logged_in:
            raise PermissionDenied("This takes a log-in, not a key.", **about)


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
        address=by.address or "",
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        before=before,
        after=after,
        comment=comment or by.comment,
    )
