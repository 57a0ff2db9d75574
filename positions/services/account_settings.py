"""What of an account may change, and when?"""

from collections.abc import Mapping
from typing import Any

from accounts import services as account_services
from accounts.audit import Actor
from accounts.models import Account
from accounts.selectors import account_by_id
from oms_project.errors import Conflict
from positions.models import Order, Position
from positions.outbox import holding

# Settings by which fills were booked: they change only while there is nothing to book on.
FLAT_ONLY = ("position_mode", "reversal")


def change_account(
    *,
    account_id: int,
    changes: Mapping[str, Any],
    by: Actor,
    login: Mapping[str, Any] | None = None,
) -> Account:
    """The given settings are the account's, and its login if one is given; the rest stays.

    Under the account's lane, so that no order is accepted between the look and the change.

    Raises:
        AccountNotFound: there is no such account.
        Conflict: ``position_mode`` or ``reversal`` would change while there are open orders or
            positions.
        Invalid: a value that is not acceptable.
    """
    account_by_id(account_id)  # Before the lane, which would be made for it.
    with holding(account_id):
        account = account_by_id(account_id)
        for name in FLAT_ONLY:
            if name in changes and changes[name] != getattr(account, name):
                _require_flat(account_id, name)
        if changes:
            account_services.update_account(account=account, changes=changes, by=by)
        if login:
            account_services.upsert_credentials(account=account, **login, by=by)
        return account


def _require_flat(account_id: int, name: str) -> None:
    for word, rows in (("orders", Order.objects.open()), ("positions", Position.objects.open())):
        if rows.filter(account_id=account_id).exists():
            raise Conflict(
                f"{name} changes only while the account is flat; there are open {word}.",
                field=name,
                limit="flat",
            )
