"""With which login, and which settings that decide a session, is an account to be served now?

A login has a version: when it was set, and what else a session is made of. Every process compares
the versions of the sessions that it has open with the rows, twice a second, one query for all of
them; who finds another version opens anew, and lets the calls that are under way end first.
"""

import json
from collections.abc import Iterable
from datetime import datetime

from accounts.models import Account

LOOK_EVERY_S = 0.5

Version = tuple[str, bool, str, datetime | None]

_FIELDS = ("exchange_id", "is_testnet", "extra_config", "credentials__updated_at")


def versions(account_ids: Iterable[int]) -> dict[int, Version]:
    """The version of each account's login, by account; those that are gone are left out."""
    rows = Account.objects.filter(pk__in=list(account_ids)).values_list("pk", *_FIELDS)
    return {
        pk: (exchange_id, is_testnet, json.dumps(extra, sort_keys=True, default=str), set_at)
        for pk, exchange_id, is_testnet, extra, set_at in rows
    }
