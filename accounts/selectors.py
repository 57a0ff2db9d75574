"""What can be read about keys, accounts and strategies?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from accounts.models import Account, ApiKey, Credentials, KeyPermission, Strategy, User
from accounts.permissions import AccountRights, Caller, readable_strategies
from accounts.words import Right, StrategyStatus
from oms_project.errors import AccountNotFound, NotFound


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
    """Accounts with ``has_login`` and ``has_passphrase``, found out without decrypting anything."""
    login = Credentials.objects.filter(account=OuterRef("pk"))
    return Account.objects.annotate(
        has_login=Exists(login), has_passphrase=Exists(login.filter(passphrase__isnull=False))
    )


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
    """The caller's own keys, newest first, revoked ones included."""
    return ApiKey.objects.filter(user_id=caller.user_id).order_by("-id")


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


def active_strategy(*, account_id: int, strategy_id: int) -> Strategy | None:
    """The strategy if it is active and linked to the account; orders are accepted for no other."""
    return Strategy.objects.filter(
        Q(accounts=account_id), pk=strategy_id, status=StrategyStatus.ACTIVE
    ).first()


def _readable(caller: Caller) -> Mapping[int, frozenset[int] | None]:
    return {number: readable_strategies(caller, number) for number in caller.account_ids()}
