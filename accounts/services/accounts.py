"""Which exchange accounts are there, and with which login?"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.credentials import CredentialsState, state_of
from accounts.models import Account, Credentials
from accounts.validation import (
    require_exchange_id,
    require_extra_config,
    require_reconcile_policy,
    require_valid,
    require_word,
)
from accounts.words import PositionMode, Protection, RawStorage, Reversal
from oms_project.errors import Invalid


@transaction.atomic
def add_account(
    *,
    exchange_id: str,
    label: str,
    by: Actor,
    is_testnet: bool = False,
    position_mode: str = PositionMode.NETTING,
    reversal: str = Reversal.SPLIT,
    protection: str = Protection.OMS,
    keep_stops: bool = True,
    raw_storage: str = RawStorage.SHARED,
    reconcile_policy: Mapping[str, Any] | None = None,
    extra_config: Mapping[str, Any] | None = None,
) -> Account:
    """A new active account without credentials and without any key that may use it.

    Raises:
        UnsupportedEngine: ``exchange_id`` is not ``ccxt.<id>`` or ``ccxtpro.<id>``.
        EngineUnavailable: the installed ccxt lacks it.
        Invalid: any other value is not acceptable.
    """
    account = Account(
        exchange_id=require_exchange_id(exchange_id),
        label=label,
        is_testnet=is_testnet,
        position_mode=require_word(PositionMode, position_mode, field="position_mode").value,
        reversal=require_word(Reversal, reversal, field="reversal").value,
        protection=require_word(Protection, protection, field="protection").value,
        keep_stops=keep_stops,
        raw_storage=require_word(RawStorage, raw_storage, field="raw_storage").value,
        reconcile_policy=require_reconcile_policy(reconcile_policy or {}),
        extra_config=require_extra_config(extra_config or {}),
    )
    require_valid(account)
    account.save(force_insert=True)
    audit.record(
        by=by,
        action="account_added",
        object_type="account",
        object_id=account.pk,
        after={
            "exchange_id": exchange_id,
            "label": label,
            "is_testnet": is_testnet,
            "position_mode": account.position_mode,
            "reversal": account.reversal,
        },
    )
    return account


@transaction.atomic
def upsert_credentials(
    *, account: Account, api_key: str, secret: str, passphrase: str | None = None, by: Actor
) -> CredentialsState:
    """The account's login is exactly this one, encrypted; a passphrase not given is not set.

    White space around the values is dropped, since pasting and piping add it.

    Raises:
        Invalid: the key or the secret is empty.
    """
    before = state_of(account)
    login = {
        "api_key": _required(api_key, field="api_key"),
        "secret": _required(secret, field="secret"),
        "passphrase": (passphrase or "").strip() or None,
    }
    Credentials.objects.update_or_create(account=account, defaults=login)
    after = state_of(account)
    audit.record(
        by=by,
        action="credentials_set",
        object_type="account",
        object_id=account.pk,
        before=before.as_words(),
        after=after.as_words(),
    )
    return after


@transaction.atomic
def set_testnet(*, account: Account, is_testnet: bool, by: Actor) -> bool:
    """The account speaks to the exchange's test net, or to the real one; returns what it did."""
    before = account.is_testnet
    account.is_testnet = is_testnet
    account.save(update_fields=["is_testnet", "updated_at"])
    audit.record(
        by=by,
        action="testnet_set",
        object_type="account",
        object_id=account.pk,
        before={"is_testnet": before},
        after={"is_testnet": is_testnet},
    )
    return before


def _required(value: str, *, field: str) -> str:
    stripped = value.strip()
    if not stripped:
        raise Invalid(f"{field} is empty.", field=field, limit="at least 1 character")
    return stripped
