"""Which strategies do orders belong to?"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.callers.authentication import forget
from accounts.models import Account, KeyPermission, KeyStrategy, Strategy
from accounts.ports import making_desk
from accounts.rights.families import line_of
from accounts.rights.permissions import Caller, readable_strategies, require_trade_of_new_strategy
from accounts.selectors import forget_client_ids
from accounts.services.own_keys import require_free
from accounts.validation import require_valid, require_word
from accounts.words import StrategyStatus
from oms_project.errors import AccountNotFound, Invalid

# What a signed 64-bit column holds.
CLIENT_STRATEGY_ID_LIMIT = 2**63 - 1


@transaction.atomic
def create_strategy(
    *,
    name: str,
    account_ids: Iterable[int],
    by: Actor,
    client_strategy_id: int | None = None,
) -> Strategy:
    """A new active strategy, linked to the accounts. The first of an install has the id 1.

    Raises:
        AccountNotFound: one of the accounts does not exist.
        Invalid: the name or the client's number does not fit.
        RiskBlocked: ``by`` or one of the accounts is held back.
    """
    numbers = sorted(set(account_ids))
    if by.user_id is not None:
        making_desk().require_open(by.user_id, numbers)
    _require_client_strategy_id(client_strategy_id)
    strategy = Strategy(name=name.strip(), client_strategy_id=client_strategy_id)
    require_valid(strategy)
    _require_accounts(numbers)
    if not Strategy.objects.exists():
        # Said outright, since a rolled back insert would have used the number up.
        strategy.pk = 1
    strategy.save(force_insert=True)
    strategy.accounts.set(numbers)
    audit.record(
        by=by,
        action="strategy_created",
        object_type="strategy",
        object_id=strategy.pk,
        after={
            "name": strategy.name,
            "client_strategy_id": client_strategy_id,
            "account_ids": numbers,
        },
    )
    return strategy


@transaction.atomic
def create_own_strategy(
    *,
    caller: Caller,
    name: str,
    account_ids: Iterable[int],
    by: Actor,
    client_strategy_id: int | None = None,
) -> Strategy:
    """As ``create_strategy``; where the caller's key is restricted, it gets the new strategy.

    So do its makers that are restricted there: no key is wider than its maker. The strategy takes
    the tightest limits of those that the key had before.

    Raises:
        AdminReadOnly, AccountNotFound, PermissionDenied: the caller may not trade an account.
        RiskBlocked: something is held back there.
        Invalid: no account, or a value that does not fit.
    """
    numbers = sorted(set(account_ids))
    if not numbers:
        raise Invalid("Name at least one account.", field="account_ids", limit=1, value=numbers)
    for account_id in numbers:
        require_trade_of_new_strategy(caller, account_id)
    require_free(caller, numbers)
    strategy = create_strategy(
        name=name, account_ids=numbers, by=by, client_strategy_id=client_strategy_id
    )
    restricted = KeyPermission.objects.filter(
        api_key_id__in=line_of(caller.api_key_id),
        account_id__in=numbers,
        restrict_to_strategies=True,
    )
    KeyStrategy.objects.bulk_create(
        KeyStrategy(permission=permission, strategy=strategy) for permission in restricted
    )
    for account_id in numbers:
        if earlier := readable_strategies(caller, account_id):
            making_desk().hand_down(strategy.pk, account_id, earlier)
    # So that the caller can use it at once, and not after what was read of their key is too old.
    transaction.on_commit(forget)
    return strategy


@transaction.atomic
def link_strategy(*, strategy: Strategy, account_id: int, by: Actor) -> bool:
    """Orders of the strategy are accepted on the account; returns whether that is new.

    Raises:
        AccountNotFound: the account does not exist.
    """
    _require_accounts([account_id])
    if strategy.accounts.filter(pk=account_id).exists():
        return False
    strategy.accounts.add(account_id)
    audit.record(
        by=by,
        action="strategy_linked",
        object_type="strategy",
        object_id=strategy.pk,
        after={"account_id": account_id},
    )
    return True


@transaction.atomic
def update_strategy(*, strategy: Strategy, changes: Mapping[str, Any], by: Actor) -> Strategy:
    """Name, client's number, status and accounts are changed where given; the rest stays.

    Orders of a strategy are no longer accepted on an account it is not linked to any more.

    Raises:
        Invalid: a value that does not fit.
        AccountNotFound: one of the accounts does not exist.
    """
    wanted = dict(changes)
    numbers = wanted.pop("account_ids", None)
    _require_client_strategy_id(wanted.get("client_strategy_id"))
    before: dict[str, Any] = {name: getattr(strategy, name) for name in wanted}
    for name, value in wanted.items():
        setattr(strategy, name, value)
    require_valid(strategy)
    strategy.save()
    transaction.on_commit(forget_client_ids)
    if numbers is not None:
        wanted["account_ids"] = sorted(set(numbers))
        before["account_ids"] = linked_account_ids(strategy)
        _require_accounts(wanted["account_ids"])
        strategy.accounts.set(wanted["account_ids"])
    audit.record(
        by=by,
        action="strategy_changed",
        object_type="strategy",
        object_id=strategy.pk,
        before=before,
        after=wanted,
    )
    return strategy


def linked_account_ids(strategy: Strategy) -> list[int]:
    """The accounts that orders of the strategy are accepted on."""
    return sorted(strategy.accounts.values_list("pk", flat=True))


@transaction.atomic
def set_strategy_status(*, strategy: Strategy, status: str, by: Actor) -> str:
    """The strategy is active or disabled; returns what it was.

    Raises:
        Invalid: another status.
    """
    before = strategy.status
    strategy.status = require_word(StrategyStatus, status, field="status").value
    strategy.save(update_fields=["status"])
    audit.record(
        by=by,
        action="strategy_status_set",
        object_type="strategy",
        object_id=strategy.pk,
        before={"status": before},
        after={"status": status},
    )
    return before


def _require_accounts(account_ids: list[int]) -> None:
    known = set(Account.objects.filter(pk__in=account_ids).values_list("pk", flat=True))
    for account_id in account_ids:
        if account_id not in known:
            raise AccountNotFound(account_id=account_id)


def _require_client_strategy_id(number: int | None) -> None:
    if number is not None and not 0 <= number <= CLIENT_STRATEGY_ID_LIMIT:
        raise Invalid(
            "client_strategy_id is a whole number of 63 bits.",
            field="client_strategy_id",
            limit=CLIENT_STRATEGY_ID_LIMIT,
            value=number,
        )
