"""Which keys descend from which, and what does a key amount to under its makers?

A key that another one made remembers the whole line (``ApiKey.lineage``). It opens nothing that one
of its makers does not open: their rights, expiry, addresses and revocation bind it, as they are now
and not as they were when it was made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.models import ApiKey, KeyPermission
from accounts.rights.permissions import AccountRights, StrategyRights

MOST_GENERATIONS = 8

AllowLists = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a key opens under its makers; each of ``allow_lists`` has to let an address pass."""

    is_live: bool
    rights: Mapping[int, AccountRights]
    allow_lists: AllowLists
    expires_at: datetime | None


def standings(keys: Iterable[ApiKey], *, at: datetime) -> dict[int, Standing]:
    """Each key as it stands at ``at``. Three queries, and one more where a key has makers."""
    keys = tuple(keys)
    wanted = {maker_id for key in keys for maker_id in key.maker_ids}
    makers = ApiKey.objects.in_bulk(wanted) if wanted else {}
    rights = rights_by_key({key.pk for key in keys} | wanted)
    return {key.pk: _standing(key, makers, rights, at) for key in keys}


def _standing(
    key: ApiKey,
    makers: Mapping[int, ApiKey],
    rights: Mapping[int, dict[int, AccountRights]],
    at: datetime,
) -> Standing:
    line = [key, *(makers[number] for number in key.maker_ids if number in makers)]
    held: Mapping[int, AccountRights] = rights.get(key.pk, {})
    for maker_id in key.maker_ids:
        held = common_rights(held, rights.get(maker_id, {}))
    return Standing(
        is_live=len(line) == 1 + len(key.maker_ids) and all(each.is_live(at=at) for each in line),
        rights=held,
        allow_lists=tuple(tuple(each.ip_allow_list) for each in line if each.ip_allow_list),
        expires_at=min((each.expires_at for each in line if each.expires_at), default=None),
    )


def rights_by_key(key_ids: Iterable[int]) -> dict[int, dict[int, AccountRights]]:
    """What each key says for itself, by account; what allows nothing is no permission."""
    rows = KeyPermission.objects.filter(api_key__in=list(key_ids)).prefetch_related("strategies")
    found: dict[int, dict[int, AccountRights]] = {}
    for row in rows:
        if row.granted():
            found.setdefault(row.api_key_id, {})[row.account_id] = rights_in(row)
    return found


def rights_in(row: KeyPermission) -> AccountRights:
    """One permission as the checks read it."""
    if not row.restrict_to_strategies:
        return AccountRights(row.granted())
    return AccountRights(
        row.granted(),
        {
            item.strategy_id: StrategyRights(can_read=item.can_read, can_trade=item.can_trade)
            for item in row.strategies.all()
        },
    )


def common_rights(
    one: Mapping[int, AccountRights], other: Mapping[int, AccountRights]
) -> dict[int, AccountRights]:
    """What both allow, account by account."""
    both = {
        number: _common(rights, other[number]) for number, rights in one.items() if number in other
    }
    return {number: rights for number, rights in both.items() if rights.granted}


def _common(one: AccountRights, other: AccountRights) -> AccountRights:
    granted = one.granted & other.implied
    if one.strategies is None or other.strategies is None:
        return AccountRights(
            granted, other.strategies if one.strategies is None else one.strategies
        )
    return AccountRights(
        granted,
        {
            number: StrategyRights(
                can_read=rights.can_read and other.strategies[number].can_read,
                can_trade=rights.can_trade and other.strategies[number].can_trade,
            )
            for number, rights in one.strategies.items()
            if number in other.strategies
        },
    )


def line_of(api_key_id: int | None) -> frozenset[int]:
    """The key and its makers; the key alone where it is not known (any more)."""
    if api_key_id is None:
        return frozenset()
    return lines_of([api_key_id])[api_key_id]


def lines_of(api_key_ids: Iterable[int]) -> dict[int, frozenset[int]]:
    """The same for several keys. One query."""
    ids = set(api_key_ids)
    rows = ApiKey.objects.filter(pk__in=ids).only("lineage")
    makers = {row.pk: row.maker_ids for row in rows}
    return {number: frozenset({number, *makers.get(number, ())}) for number in ids}


def family_of(api_key_id: int) -> QuerySet[ApiKey]:
    """The key and every one that descends from it."""
    return ApiKey.objects.filter(Q(pk=api_key_id) | Q(lineage__contains=f"/{api_key_id}/"))
