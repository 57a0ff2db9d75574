"""Which keys are there, and what may each do?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.callers.authentication import forget, rights_of
from accounts.callers.key_text import digest_of, new_key_text
from accounts.models import Account, ApiKey, KeyPermission, KeyStrategy, Strategy, User
from accounts.ports import making_desk
from accounts.rights import bounds
from accounts.rights.families import family_of, rights_in
from accounts.rights.permissions import KEY_TEMPLATES, AccountRights, StrategyRights, is_within
from accounts.validation import require_future, require_ip_allow_list, require_valid
from accounts.words import KeyStatus, Right, Role
from oms_project.errors import AccountNotFound, Conflict, InvalidStrategyId

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
    maker: ApiKey | None = None,
) -> IssuedKey:
    """A new active key of ``user`` with ``grants``, account id → rights; see ``template_grants``.

    ``maker``: the key that makes it, which binds it for good. Without one it is the back office.

    Raises:
        AccountNotFound, InvalidStrategyId: a grant names what does not exist.
        Invalid: the label, the expiry or the allow-list is not acceptable.
        PermissionDenied: an admin's key gives more than the template of the user's role.
        RiskBlocked: it could trade, and the user, a key of theirs or an account is held back.
    """
    if maker is None:
        _require_template(user, grants, by)
        _require_open(user, grants, by)
    prefix, plain = new_key_text()
    row = ApiKey(
        user=user,
        lineage="/" if maker is None else f"{maker.lineage}{maker.pk}/",
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
            "made_by": row.made_by,
            "expires_at": row.expires_at,
            "ip_allow_list": row.ip_allow_list,
            "grants": {str(number): as_facts(rights) for number, rights in grants.items()},
        },
    )
    return IssuedKey(row, plain)


@transaction.atomic
def grant(*, api_key: ApiKey, account_id: int, rights: AccountRights, by: Actor) -> KeyPermission:
    """The key may do exactly ``rights`` on the account, whatever it could do before.

    Raises:
        AccountNotFound, InvalidStrategyId: what does not exist.
        PermissionDenied: it is more than before, and ``by`` acts through a key only.
    """
    earlier = rights_of(api_key).get(account_id, AccountRights())
    if not is_within(rights, earlier):
        by.require_log_in(api_key_id=api_key.pk, account_id=account_id)
    row = _write_grant(api_key, account_id, rights)
    transaction.on_commit(forget)
    audit.record(
        by=by,
        action="permissions_changed",
        object_type="api_key",
        object_id=api_key.pk,
        before={"account_id": account_id, **as_facts(earlier)},
        after={"account_id": account_id, **as_facts(rights)},
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
    """The key and all that descend from it open nothing any more, nor do log-ins that act through
    them: within a second in every process. Returns whether the key was active until now."""
    family = family_of(api_key.pk).filter(status=KeyStatus.ACTIVE).order_by("pk")
    ended = [row.pk for row in family if _revoke(row, api_key, by=by, comment=comment)]
    api_key.status = KeyStatus.REVOKED
    transaction.on_commit(forget)
    return api_key.pk in ended


def _revoke(row: ApiKey, named: ApiKey, *, by: Actor, comment: str) -> bool:
    active = ApiKey.objects.filter(pk=row.pk, status=KeyStatus.ACTIVE)
    if not active.update(status=KeyStatus.REVOKED):
        return False
    after: dict[str, Any] = {"status": KeyStatus.REVOKED}
    audit.record(
        by=by,
        action="api_key_revoked",
        object_type="api_key",
        object_id=row.pk,
        before={"status": KeyStatus.ACTIVE},
        after=after if row.pk == named.pk else after | {"with": named.pk},
        comment=comment,
    )
    return True


@transaction.atomic
def update_api_key(
    *, api_key: ApiKey, changes: Mapping[str, Any], by: Actor, comment: str = ""
) -> ApiKey:
    """The given ones of ``OWN_KEY_FIELDS`` are changed; ``status`` only ever to revoked.

    Raises:
        Conflict: the key is revoked, and the change is not that.
        Invalid: a value that is not acceptable, or wider than that of the key's maker.
        PermissionDenied: it gets wider, and ``by`` acts through a key only.
    """
    wanted = dict(changes)
    if wanted.pop("status", api_key.status) != api_key.status:
        if api_key.status == KeyStatus.REVOKED:
            raise Conflict("A revoked key stays revoked.", api_key_id=api_key.pk)
        revoke_api_key(api_key=api_key, by=by, comment=comment)
    elif wanted and api_key.status == KeyStatus.REVOKED:
        raise Conflict("The key is revoked.", api_key_id=api_key.pk)
    if wanted:
        _change_key(api_key, wanted, by=by, comment=comment)
    return api_key


@transaction.atomic
def set_permissions(*, api_key: ApiKey, grants: Mapping[int, AccountRights], by: Actor) -> None:
    """The key may do exactly what ``grants`` say, and nothing on any other account.

    Raises:
        AccountNotFound, InvalidStrategyId: a grant names what does not exist.
    """
    others = KeyPermission.objects.filter(api_key=api_key).exclude(account_id__in=grants)
    for row in others.prefetch_related("strategies"):
        audit.record(
            by=by,
            action="permissions_withdrawn",
            object_type="api_key",
            object_id=api_key.pk,
            before={"account_id": row.account_id, **as_facts(rights_in(row))},
            after={"account_id": row.account_id, **as_facts(AccountRights())},
        )
    others.delete()
    for account_id, rights in grants.items():
        grant(api_key=api_key, account_id=account_id, rights=rights, by=by)
    transaction.on_commit(forget)


def _change_key(key: ApiKey, wanted: dict[str, Any], *, by: Actor, comment: str) -> None:
    maker = ApiKey.objects.filter(pk=key.made_by).first() if key.made_by else None
    if "expires_at" in wanted:
        require_future(wanted["expires_at"], field="expires_at")
        bounds.require_no_longer_life(maker, wanted["expires_at"])
        if bounds.outlives(wanted["expires_at"], key.expires_at):
            by.require_log_in(api_key_id=key.pk, field="expires_at")
    if "ip_allow_list" in wanted:
        wanted["ip_allow_list"] = require_ip_allow_list(wanted["ip_allow_list"])
        bounds.require_no_wider_network(maker, wanted["ip_allow_list"])
        if bounds.reaches_beyond(wanted["ip_allow_list"], key.ip_allow_list):
            by.require_log_in(api_key_id=key.pk, field="ip_allow_list")
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
        comment=comment,
    )


def _require_template(user: User, grants: Mapping[int, AccountRights], by: Actor) -> None:
    """A key of an admin makes what the role's template says, and no more."""
    template = KEY_TEMPLATES[Role(user.role)]
    bound = AccountRights(template.rights)
    for account_id, rights in grants.items():
        is_open = template.restricted and not rights.is_restricted
        if is_open or not is_within(rights, bound):
            by.require_log_in(user_id=user.pk, account_id=account_id)


def _require_open(user: User, grants: Mapping[int, AccountRights], by: Actor) -> None:
    """What could trade is not made around a halt; a shell on the machine stands above that."""
    trades = any(Right.TRADE in rights.granted for rights in grants.values())
    if trades and by.user_id is not None:
        making_desk().require_open(user.pk, grants)


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
            raise InvalidStrategyId(
                "There is no such strategy.",
                field="strategies",
                limit="ids of strategies",
                value=strategy_id,
                strategy_id=strategy_id,
            )
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


def as_facts(rights: AccountRights) -> dict[str, Any]:
    """Rights as the audit trail keeps them, strategies included."""
    return {
        "granted": sorted(rights.granted),
        "strategies": None
        if rights.strategies is None
        else {
            str(number): {"can_read": each.can_read, "can_trade": each.can_trade}
            for number, each in sorted(rights.strategies.items())
        },
    }
