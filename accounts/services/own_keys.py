"""What can somebody do with their own keys?

A key makes keys no wider than itself and changes itself and those it made, never to more. What else
changes keys takes a log-in: there a person showed the password, and the second factor where one is
on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.audit import Actor
from accounts.models import ApiKey, User
from accounts.ports import making_desk
from accounts.rights import bounds
from accounts.rights.families import MOST_GENERATIONS
from accounts.rights.permissions import AccountRights, Caller, StrategyRights, readable_strategies
from accounts.selectors import keys_of
from accounts.services.keys import IssuedKey, create_api_key, update_api_key
from accounts.validation import require_ip_allow_list
from oms_project.errors import (
    AccountNotFound,
    Conflict,
    NotFound,
    PermissionDenied,
    StrategyPermissionDenied,
)


def require_free(caller: Caller, account_ids: Iterable[int] | None = None) -> None:
    """The caller is under no halt, and may make keys and strategies.

    ``account_ids``: where it concerns only some of the key's accounts.

    Raises:
        RiskBlocked: naming what holds the caller back.
    """
    concerned = caller.rights if account_ids is None else account_ids
    reach = {number: readable_strategies(caller, number) for number in concerned}
    making_desk().require_free(caller.user_id, reach)


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
    """A new key of the caller that can do nothing the caller's own key cannot, now or later.

    What is not given is taken over from the caller's key: rights, expiry, allow-list.

    Raises:
        AccountNotFound, PermissionDenied, StrategyPermissionDenied: a grant beyond the caller's.
        RiskBlocked: something is held back.
        Conflict: the caller's key descends from too many others.
        Invalid: an expiry or an allow-list beyond those of the caller's key, or not acceptable.
    """
    acting = ApiKey.objects.filter(pk=caller.api_key_id).first()
    grants = caller.rights if grants is None else grants
    _require_within(caller, grants)
    require_free(caller)
    if acting is not None:
        _require_generation(acting)
        expires_at = expires_at or acting.expires_at
        ip_allow_list = acting.ip_allow_list if ip_allow_list is None else ip_allow_list
        bounds.require_no_longer_life(acting, expires_at)
        bounds.require_no_wider_network(acting, require_ip_allow_list(ip_allow_list))
    return create_api_key(
        user=User.objects.get(pk=caller.user_id),
        grants=grants,
        by=by,
        label=label,
        expires_at=expires_at,
        ip_allow_list=ip_allow_list or (),
        maker=acting,
    )


def update_own_api_key(
    *, caller: Caller, api_key_id: int, changes: Mapping[str, Any], by: Actor
) -> ApiKey:
    """The given ones of ``OWN_KEY_FIELDS`` are changed; ``status`` only ever to revoked.

    Raises:
        NotFound: the caller has no such key.
        PermissionDenied: it is another key than the caller's and those it made, or it gets wider,
            and nobody has logged in.
        Conflict: the key is revoked, and the change is not that.
        Invalid: a value that is not acceptable, or wider than that of the key's maker.
    """
    key = keys_of(caller).filter(pk=api_key_id).first()
    if key is None:
        raise NotFound("There is no such key.", api_key_id=api_key_id)
    acting = replace(by, caller=caller)
    if caller.api_key_id not in (key.pk, *key.maker_ids):
        acting.require_log_in(api_key_id=api_key_id)
    return update_api_key(api_key=key, changes=changes, by=acting)


def _require_generation(acting: ApiKey) -> None:
    if len(acting.maker_ids) >= MOST_GENERATIONS:
        raise Conflict(
            "This key descends from too many others to make one more.",
            api_key_id=acting.pk,
            limit=MOST_GENERATIONS,
        )


def _require_within(caller: Caller, grants: Mapping[int, AccountRights]) -> None:
    """Nothing in ``grants`` goes beyond what the caller's own key says."""
    for account_id, wanted in grants.items():
        own = caller.rights.get(account_id)
        if own is None:
            raise AccountNotFound(account_id=account_id)
        if beyond := wanted.granted - own.implied:
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
