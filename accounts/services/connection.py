"""Can an account be traded through its login? Asked of whoever ``CONNECTION_TEST`` names."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from accounts import audit
from accounts.audit import Actor
from accounts.models import Account
from oms_project.errors import ExchangeTimeout

FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Tested:
    """The checks, each with ``name``, ``result`` and ``facts``; nothing secret is in them."""

    passed: bool
    checks: list[dict[str, Any]]


def test_connection(*, account: Account, by: Actor) -> Tested:
    """What the exchange says to the account's login; nothing is ordered or changed there.

    Takes as long as the exchange does, so it is never called inside a transaction.

    Raises:
        ExchangeTimeout: the exchange took too long.
    """
    try:
        found = import_string(settings.CONNECTION_TEST)(account.pk)
    except TimeoutError:
        raise ExchangeTimeout(account_id=account.pk) from None
    checks = [
        {"name": each.name, "result": str(each.result), "facts": dict(each.facts)} for each in found
    ]
    passed = all(check["result"] != FAILED for check in checks)
    audit.record(
        by=by,
        action="connection_tested",
        object_type="account",
        object_id=account.pk,
        after={"passed": passed},
    )
    return Tested(passed, checks)
