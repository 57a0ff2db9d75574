"""Which exchange accounts are there, and with which login?"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.credentials import CredentialsState, state_of
from accounts.models import Account, Credentials
from accounts.validation import (
    needed_parts,
    require_exchange_id,
    require_extra_config,
    require_provisional_after,
    require_reconcile_policy,
    require_valid,
    require_word,
)
from accounts.words import LoginPart, PositionMode, Protection, RawStorage, Reversal
from oms_project.errors import Invalid
from oms_project.secrecy import hide


def _word(words: type[StrEnum], field: str) -> Callable[[Any], str]:
    return lambda value: require_word(words, value, field=field).value


def _as_is(value: Any) -> Any:
    return value


# What of an account can change, each with the check that its value has to pass.
CHANGEABLE: Mapping[str, Callable[[Any], Any]] = {
    "label": _as_is,
    "is_testnet": _as_is,
    "position_mode": _word(PositionMode, "position_mode"),
    "reversal": _word(Reversal, "reversal"),
    "protection": _word(Protection, "protection"),
    "keep_stops": _as_is,
    "provisional_after_s": require_provisional_after,
    "reconcile_policy": require_reconcile_policy,
    "extra_config": require_extra_config,
}


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
    provisional_after_s: int | None = None,
    raw_storage: str = RawStorage.SHARED,
    reconcile_policy: Mapping[str, Any] | None = None,
    extra_config: Mapping[str, Any] | None = None,
    login: Mapping[str, Any] | None = None,
) -> Account:
    """A new active account that no key may use yet, with ``login`` if it is given.

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
        provisional_after_s=require_provisional_after(provisional_after_s),
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
    if login:
        upsert_credentials(account=account, **login, by=by)
    return account


@transaction.atomic
def update_account(*, account: Account, changes: Mapping[str, Any], by: Actor) -> Account:
    """The given ones of ``CHANGEABLE`` are changed; what is not given stays.

    ``position_mode`` and ``reversal`` only where the caller has made sure that the account is flat.

    Raises:
        Invalid: another field, or a value that is not acceptable.
    """
    for name in changes:
        if name not in CHANGEABLE:
            raise Invalid("This never changes.", field=name, limit=sorted(CHANGEABLE))
    wanted = {name: CHANGEABLE[name](value) for name, value in changes.items()}
    before = {name: getattr(account, name) for name in wanted}
    for name, value in wanted.items():
        setattr(account, name, value)
    require_valid(account)
    account.save(update_fields=[*wanted, "updated_at"])
    audit.record(
        by=by,
        action="account_changed",
        object_type="account",
        object_id=account.pk,
        before=before,
        after=wanted,
    )
    return account


@transaction.atomic
def upsert_credentials(*, account: Account, by: Actor, **parts: str | None) -> CredentialsState:
    """The account's login is exactly these ``LoginPart``, encrypted; what is not given is not set.

    White space around the values is dropped, since pasting and piping add it.

    Raises:
        Invalid: a part that the account's exchange wants is empty, or all are.
    """
    hide(*parts.values())
    before = state_of(account)
    login = {part: (parts.pop(part, None) or "").strip() or None for part in LoginPart}
    if parts:
        raise TypeError(f"not parts of a login: {sorted(parts)}")
    _require_what_is_needed(account.exchange_id, login)
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


def _require_what_is_needed(exchange_id: str, login: Mapping[LoginPart, str | None]) -> None:
    needed = needed_parts(exchange_id)
    for part in needed:
        if login[part] is None:
            raise Invalid(
                f"{part} is empty; {exchange_id} wants {', '.join(needed)}.",
                field=str(part),
                limit="at least 1 character",
                value="",
            )
    if not any(login.values()):
        raise Invalid("The login is empty.", field="credentials", limit=[*LoginPart], value="")
