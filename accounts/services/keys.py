"""Which keys are there, and what may each do?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.authentication import forget, rights_of
from accounts.key_text import digest_of, new_key_text
from accounts.models import Account, ApiKey, KeyPermission, KeyStrategy, Strategy, User
from accounts.permissions import KEY_TEMPLATES, AccountRights, Caller, StrategyRights
from accounts.validation import require_future, require_ip_allow_list, require_valid
from accounts.words import KeyStatus, Right, Role
from oms_project.errors import (
    AccountNotFound,
    Conflict,
    Invalid,
    InvalidStrategyId,
    NotFound,
    PermissionDenied,
    StrategyPermissionDenied,
)

OWN_KEY_FIELDS = ("label", "expires_at", "ip_allow_list", "status")


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A fresh key; ``plain`` is shown once and stored nowhere."""

    row: ApiKey
    plain: str = field(repr=False)


def template_grants(
    role: str, account_ids: Iterable[int], strategy_ids: Iterable[int] = ()
) -> dict[int, AccountRights]:
    """What a new key of a user with this role may do on the accounts (contract, section 3).

    Naming strategies restricts the key to them; a robot's key is restricted even if none is named.
    """
    template = KEY_TEMPLATES[Role(role)]
    named = {number: StrategyRights() for number in strategy_ids}
    restricted = template.restricted or bool(named)
    rights = AccountRights(template.rights, named if restricted else None)
    return dict.fromkeys(account_ids, rights) if template.rights else {}


@transaction.atomic
def create_api_key(
    *,
    user: User,
    grants: Mapping[int, AccountRights],
    by: Actor,
    label: str = "",
    expires_at: datetime | None = None,
    ip_allow_list: Iterable[str] = (),
) -> IssuedKey:
    """A new active key of ``user`` with ``grants``, account id → rights; see ``template_grants``.

    Raises:
        AccountNotFound, InvalidStrategyId: a grant names what does not exist.
        Invalid: the label, the expiry or the allow-list is not acceptable.
    """
    prefix, plain = new_key_text()
    row = ApiKey(
        user=user,
        prefix=prefix,
        digest=digest_of(plain),
        label=label,
        expires_at=require_future(expires_at, field="expires_at"),
        ip_allow_list=require_ip_allow_list(ip_allow_list),
    )
    require_valid(row)
    row.save(force_insert=True)
    for account_id, rights in grants.items():
        _write_grant(row, account_id, rights)
    audit.record(
        by=by,
        action="api_key_created",
        object_type="api_key",
        object_id=row.pk,
        after={
            "user_id": user.pk,
            "prefix": prefix,
            "label": label,
            "grants": {str(number): _as_facts(rights) for number, rights in grants.items()},
        },
    )
    return IssuedKey(row, plain)


@transaction.atomic
def grant(*, api_key: ApiKey, account_id: int, rights: AccountRights, by: Actor) -> KeyPermission:
    """The key may do exactly ``rights`` on the account, whatever it could do before.

    Raises:
        AccountNotFound, InvalidStrategyId: what does not exist.
    """
    earlier = KeyPermission.objects.filter(api_key=api_key, account_id=account_id).first()
    before = None if earlier is None else {"granted": sorted(earlier.granted())}
    row = _write_grant(api_key, account_id, rights)
    transaction.on_commit(forget)
    audit.record(
        by=by,
        action="permissions_changed",
        object_type="api_key",
        object_id=api_key.pk,
        before=before,
        after={"account_id": account_id, **_as_facts(rights)},
    )
    return row


@transaction.atomic
def change_permissions(*, api_key: ApiKey, changes: Iterable[Mapping[str, Any]], by: Actor) -> None:
    """Rights named in ``changes`` are as they say, on the accounts they name; all else stays.

    Each change holds ``account_id`` and any of the rights, ``restrict_to_strategies`` and
    ``strategies`` (strategy id → rights).

    Raises:
        AccountNotFound, InvalidStrategyId: what does not exist.
    """
    held = rights_of(api_key)
    for change in changes:
        account_id = change["account_id"]
        held[account_id] = _changed(held.get(account_id, AccountRights()), change)
        grant(api_key=api_key, account_id=account_id, rights=held[account_id], by=by)


def _changed(held: AccountRights, change: Mapping[str, Any]) -> AccountRights:
    granted = frozenset(right for right in Right if change.get(right, right in held.granted))
    if not change.get("restrict_to_strategies", held.is_restricted):
        return AccountRights(granted)
    return AccountRights(granted, change.get("strategies", held.strategies or {}))


@transaction.atomic
def revoke_api_key(*, api_key: ApiKey, by: Actor, comment: str = "") -> bool:
    """The key opens nothing any more, nor do log-ins that act through it: within a second in every
    process. Returns whether it was active until now."""
    revoked = ApiKey.objects.filter(pk=api_key.pk, status=KeyStatus.ACTIVE).update(
        status=KeyStatus.REVOKED
    )
    api_key.status = KeyStatus.REVOKED
    transaction.on_commit(forget)
    if revoked:
        audit.record(
            by=by,
            action="api_key_revoked",
            object_type="api_key",
            object_id=api_key.pk,
            before={"status": KeyStatus.ACTIVE},
            after={"status": KeyStatus.REVOKED},
            comment=comment,
        )
    return bool(revoked)


@transaction.atomic
def create_own_api_key(
    *,
    caller: Caller,
    by: Actor,
    grants: Mapping[int, AccountRights] | None = None,
    label: str = "",
    expires_at: datetime | None = None,
    ip_allow_list: Iterable[str] | None = None,
) -> IssuedKey:
    """A new key of the caller that can do nothing the caller's own key cannot.

    What is not given is taken over from the caller's key: rights, expiry, allow-list.

    Raises:
        AccountNotFound, PermissionDenied, StrategyPermissionDenied: a grant beyond the caller's.
        Invalid: an expiry or an allow-list beyond those of the caller's key, or not acceptable.
    """
    acting = ApiKey.objects.filter(pk=caller.api_key_id).first()
    grants = caller.rights if grants is None else grants
    _require_within(caller, grants)
    if acting is not None:
        expires_at = expires_at or acting.expires_at
        ip_allow_list = acting.ip_allow_list if ip_allow_list is None else ip_allow_list
        _require_no_longer_life(acting, expires_at)
        _require_no_wider_network(acting, require_ip_allow_list(ip_allow_list))
    return create_api_key(
        user=User.objects.get(pk=caller.user_id),
        grants=grants,
        by=by,
        label=label,
        expires_at=expires_at,
        ip_allow_list=ip_allow_list or (),
    )


@transaction.atomic
def update_own_api_key(
    *, caller: Caller, api_key_id: int, changes: Mapping[str, Any], by: Actor
) -> ApiKey:
    """The given ones of ``OWN_KEY_FIELDS`` are changed; ``status`` only ever to revoked.

    Raises:
        NotFound: the caller has no such key.
        Conflict: the key is revoked, and the change is not that.
        Invalid: a value that is not acceptable, or wider than the acting key's.
    """
    key = ApiKey.objects.filter(pk=api_key_id, user_id=caller.user_id).first()
    if key is None:
        raise NotFound("There is no such key.", api_key_id=api_key_id)
    acting = ApiKey.objects.filter(pk=caller.api_key_id).first()
    return update_api_key(api_key=key, changes=changes, acting=acting, by=by)


@transaction.atomic
def update_api_key(
    *, api_key: ApiKey, changes: Mapping[str, Any], by: Actor, acting: ApiKey | None = None
) -> ApiKey:
    """The given ones of ``OWN_KEY_FIELDS`` are changed; ``status`` only ever to revoked.

    With ``acting``, nothing may become wider than that key's own.

    Raises:
        Conflict: the key is revoked, and the change is not that.
        Invalid: a value that is not acceptable, or wider than the acting key's.
    """
    wanted = dict(changes)
    if wanted.pop("status", api_key.status) != api_key.status:
        if api_key.status == KeyStatus.REVOKED:
            raise Conflict("A revoked key stays revoked.", api_key_id=api_key.pk)
        revoke_api_key(api_key=api_key, by=by)
    elif wanted and api_key.status == KeyStatus.REVOKED:
        raise Conflict("The key is revoked.", api_key_id=api_key.pk)
    if wanted:
        _change_key(api_key, wanted, acting=acting, by=by)
    return api_key


@transaction.atomic
def set_permissions(*, api_key: ApiKey, grants: Mapping[int, AccountRights], by: Actor) -> None:
    """The key may do exactly what ``grants`` say, and nothing on any other account.

    Raises:
        AccountNotFound, InvalidStrategyId: a grant names what does not exist.
    """
    others = KeyPermission.objects.filter(api_key=api_key).exclude(account_id__in=grants)
    for row in others:
        audit.record(
            by=by,
            action="permissions_withdrawn",
            object_type="api_key",
            object_id=api_key.pk,
            before={"account_id": row.account_id, "granted": sorted(row.granted())},
        )
    others.delete()
    for account_id, rights in grants.items():
        grant(api_key=api_key, account_id=account_id, rights=rights, by=by)
    transaction.on_commit(forget)


def _change_key(key: ApiKey, wanted: dict[str, Any], *, acting: ApiKey | None, by: Actor) -> None:
    if "expires_at" in wanted:
        require_future(wanted["expires_at"], field="expires_at")
        _require_no_longer_life(acting, wanted["expires_at"])
    if "ip_allow_list" in wanted:
        wanted["ip_allow_list"] = require_ip_allow_list(wanted["ip_allow_list"])
        _require_no_wider_network(acting, wanted["ip_allow_list"])
    before = {name: getattr(key, name) for name in wanted}
    for name, value in wanted.items():
        setattr(key, name, value)
    require_valid(key)
    key.save(update_fields=list(wanted))
    transaction.on_commit(forget)
    audit.record(
        by=by,
        action="api_key_changed",
        object_type="api_key",
        object_id=key.pk,
        before=before,
        after=wanted,
    )


def _write_grant(key: ApiKey, account_id: int, rights: AccountRights) -> KeyPermission:
    if not Account.objects.filter(pk=account_id).exists():
        raise AccountNotFound(account_id=account_id)
    row, _ = KeyPermission.objects.update_or_create(
        api_key=key,
        account_id=account_id,
        defaults={
            **{right.value: right in rights.granted for right in Right},
            "restrict_to_strategies": rights.is_restricted,
        },
    )
    _write_strategies(row, rights.strategies or {})
    return row


def _write_strategies(row: KeyPermission, strategies: Mapping[int, StrategyRights]) -> None:
    known = set(Strategy.objects.filter(pk__in=strategies).values_list("pk", flat=True))
    for strategy_id in strategies:
        if strategy_id not in known:
            raise InvalidStrategyId("There is no such strategy.", strategy_id=strategy_id)
    row.strategies.all().delete()
    KeyStrategy.objects.bulk_create(
        KeyStrategy(
            permission=row,
            strategy_id=strategy_id,
            can_read=rights.can_read,
            can_trade=rights.can_trade,
        )
        for strategy_id, rights in strategies.items()
    )


def _require_within(caller: Caller, grants: Mapping[int, AccountRights]) -> None:
    """Nothing in ``grants`` goes beyond what the caller's own key says."""
    for account_id, wanted in grants.items():
        own = caller.rights.get(account_id)
        if own is None:
            raise AccountNotFound(account_id=account_id)
        if beyond := wanted.granted - own.granted:
            raise PermissionDenied(
                "A key cannot give more than it has.",
                account_id=account_id,
                right=min(beyond),
            )
        _require_strategies_within(account_id, own, wanted)


def _require_strategies_within(account_id: int, own: AccountRights, wanted: AccountRights) -> None:
    if own.strategies is None:
        return
    if wanted.strategies is None:
        raise StrategyPermissionDenied(
            "A restricted key can only give a restricted one.", account_id=account_id
        )
    nothing = StrategyRights(can_read=False, can_trade=False)
    for strategy_id, rights in wanted.strategies.items():
        held = own.strategies.get(strategy_id, nothing)
        if (rights.can_read and not held.can_read) or (rights.can_trade and not held.can_trade):
            raise StrategyPermissionDenied(account_id=account_id, strategy_id=strategy_id)


def _require_no_longer_life(acting: ApiKey | None, expires_at: datetime | None) -> None:
    limit = acting.expires_at if acting else None
    if limit is not None and (expires_at is None or expires_at > limit):
        raise Invalid(
            "A key cannot outlive the one it is made with.",
            field="expires_at",
            limit=limit,
            value=expires_at,
        )


def _require_no_wider_network(acting: ApiKey | None, entries: list[str]) -> None:
    limits = [ip_network(entry) for entry in acting.ip_allow_list] if acting else []
    if limits and not (entries and all(_lies_within(entry, limits) for entry in entries)):
        raise Invalid(
            "A key cannot be used from more addresses than the one it is made with.",
            field="ip_allow_list",
            limit=[str(entry) for entry in limits],
            value=entries,
        )


def _lies_within(entry: str, limits: list[IPv4Network | IPv6Network]) -> bool:
    network = ip_network(entry)
    return any(
        network.version == limit.version and network.subnet_of(limit)  # type: ignore[arg-type]
        for limit in limits
    )


def _as_facts(rights: AccountRights) -> dict[str, Any]:
    return {
        "granted": sorted(rights.granted),
        "strategies": None if rights.strategies is None else sorted(rights.strategies),
    }
