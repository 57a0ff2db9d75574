"""What can be read about keys, accounts and strategies?"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from time import monotonic
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from accounts.credentials import is_set
from accounts.models import Account, ApiKey, KeyPermission, Strategy, User
from accounts.rights.families import family_of
from accounts.rights.permissions import AccountRights, Caller, readable_strategies
from accounts.words import KeyStatus, Right
from oms_project.errors import AccountNotFound, NotFound

CLIENT_IDS_KEPT_S = 5.0

_client_ids: dict[int, tuple[float, int | None]] = {}  # Until when it counts, by strategy.


def user_of(caller: Caller) -> User:
    """The caller's row."""
    return User.objects.get(pk=caller.user_id)


def user_by_name(user_name: str) -> User:
    """The user with this name.

    Raises:
        NotFound: there is none.
    """
    user = User.objects.filter(username=user_name).first()
    if user is None:
        raise NotFound("There is no such user.", field="user_name", value=user_name)
    return user


def accounts_of(caller: Caller) -> QuerySet[Account]:
    """The accounts the caller may read."""
    return Account.objects.filter(pk__in=caller.account_ids())


def account_by_id(account_id: int) -> Account:
    """The account.

    Raises:
        AccountNotFound: there is none.
    """
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise AccountNotFound(account_id=account_id)
    return account


def accounts_with_state() -> QuerySet[Account]:
    """Accounts with ``has_<part>`` of their login, found out without decrypting anything."""
    return Account.objects.annotate(**is_set("credentials__"))


def found(rows: QuerySet[Any], number: int) -> Any:
    """The row with this id.

    Raises:
        NotFound: there is none.
    """
    row = rows.filter(pk=number).first()
    if row is None:
        raise NotFound(f"There is no such {rows.model._meta.verbose_name}.", id=number)
    return row


def reading_everything(caller: Caller) -> Caller:
    """An admin as the back office sees them: every account to read, none to touch."""
    rights = AccountRights(frozenset({Right.READ}))
    numbers = Account.objects.values_list("pk", flat=True)
    return replace(caller, rights=dict.fromkeys(numbers, rights))


def keys_of(caller: Caller) -> QuerySet[ApiKey]:
    """The caller's own keys, newest first, revoked ones included.

    A restricted key sees itself and those it made: what others are for is not its business.
    """
    rows = ApiKey.objects.filter(user_id=caller.user_id)
    if caller.is_restricted and not caller.has_logged_in:
        rows = family_of(caller.api_key_id or 0).filter(user_id=caller.user_id)
    return rows.order_by("-id")


def live_keys_of_user(user_id: int) -> list[ApiKey]:
    """The keys that a user's log-ins may act through, oldest first."""
    rows = ApiKey.objects.filter(user_id=user_id, status=KeyStatus.ACTIVE).order_by("id")
    return [key for key in rows if key.is_live()]


def permissions_of_own_key(caller: Caller, api_key_id: int) -> QuerySet[KeyPermission]:
    """What one of the caller's own keys may do, by account.

    Raises:
        NotFound: the caller has no such key.
    """
    if not keys_of(caller).filter(pk=api_key_id).exists():
        raise NotFound("There is no such key.", api_key_id=api_key_id)
    rows = KeyPermission.objects.filter(api_key_id=api_key_id)
    return rows.prefetch_related("strategies").order_by("account_id")


def strategies_visible_to(caller: Caller) -> QuerySet[Strategy]:
    """The strategies linked to accounts the caller may read, newest first.

    Where a key is restricted, only those of its list. ``visible_account_ids`` needs these rows.
    """
    seen = Q(pk__in=())
    for account_id, allowed in _readable(caller).items():
        here = Q(account_id=account_id)
        seen |= here if allowed is None else here & Q(strategy_id__in=allowed)
    links = Strategy.accounts.through.objects.filter(seen)
    linked = Prefetch("accounts", accounts_of(caller).order_by("id"), to_attr="linked_accounts")
    rows = Strategy.objects.filter(pk__in=links.values("strategy_id"))
    return rows.order_by("-id").prefetch_related(linked)


def visible_account_ids(caller: Caller, strategy: Strategy) -> list[int]:
    """Of a row of ``strategies_visible_to``: the accounts on which the caller sees it."""
    readable = _readable(caller)
    linked: list[Account] = strategy.linked_accounts  # type: ignore[attr-defined]
    return [
        account.pk
        for account in linked
        if (allowed := readable[account.pk]) is None or strategy.pk in allowed
    ]


def _readable(caller: Caller) -> Mapping[int, frozenset[int] | None]:
    return {number: readable_strategies(caller, number) for number in caller.account_ids()}


def client_strategy_ids(strategy_ids: Iterable[int]) -> dict[int, int | None]:
    """The client's own numbers of strategies, as they were at most ``CLIENT_IDS_KEPT_S`` ago.

    One question for all that are not known: positions are shown far more often than strategies
    change.
    """
    wanted, now_s = {*strategy_ids} - {0}, monotonic()
    known = {each: _client_ids.get(each, (0.0, None)) for each in wanted}
    if old := [each for each, (until_s, _) in known.items() if until_s <= now_s]:
        rows = Strategy.objects.filter(pk__in=old).values_list("pk", "client_strategy_id")
        told, until_s = dict(rows), now_s + CLIENT_IDS_KEPT_S
        fresh = {each: (until_s, told.get(each)) for each in old}
        _client_ids.update(fresh)
        known |= fresh
    return {0: None} | {each: number for each, (_, number) in known.items()}


def forget_client_ids() -> None:
    """Ask again: a strategy was changed here."""
    _client_ids.clear()
