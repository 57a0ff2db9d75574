"""On which accounts does an act of this caller fall, and may they do it there?

A halt names a strategy, a symbol or a key, not an account: it falls on every account of the
caller's key where that thing is and where the key may manage risk. A kill switch stops a user, or
everybody, everywhere: only who is responsible for all of it may pull it.
"""

from collections.abc import Callable, Iterable

from accounts.models import Account, KeyPermission, Strategy
from accounts.permissions import Caller, require_risk_manage
from oms_project.errors import AccountNotFound, NotFound, OmsError, PermissionDenied
from riskdesk.services.kill import touched_accounts
from riskdesk.words import KillScope, Scope


def halted_accounts(caller: Caller, scope: Scope, name: str) -> list[int]:
    """The accounts that a halt of ``name`` by this caller falls on.

    Raises:
        AccountNotFound, NotFound: the caller's key has no such account, strategy or key on any.
        PermissionDenied, StrategyPermissionDenied: it has, and may not manage its risk anywhere.
    """
    match scope:
        case Scope.ACCOUNT:
            require_risk_manage(caller, int(name))
            return [int(name)]
        case Scope.STRATEGY:
            strategy_id = int(name)
            links = Strategy.accounts.through.objects.filter(strategy_id=strategy_id)
            found = set(links.values_list("account_id", flat=True))
            return _managed(caller, found, lambda each: _strategy(caller, each, strategy_id))
        case Scope.SYMBOL:
            return _managed(caller, caller.rights, lambda each: require_risk_manage(caller, each))
        case Scope.KEY:
            rows = KeyPermission.objects.filter(api_key_id=int(name))
            found = set(rows.values_list("account_id", flat=True))
            return _managed(caller, found, lambda each: require_risk_manage(caller, each))


def require_kill(caller: Caller, scope: KillScope, target_id: int | None) -> None:
    """The caller may manage the risk of everything that the switch stops.

    Raises:
        AccountNotFound, NotFound: nothing of it is on an account of the caller's key.
        PermissionDenied, StrategyPermissionDenied: some of it is, and not all is theirs to manage.
    """
    accounts = touched_accounts(scope, target_id)
    if scope is KillScope.ACCOUNT and target_id not in accounts:
        raise AccountNotFound(account_id=target_id)
    if scope is KillScope.USER and not caller.rights.keys() & set(accounts):
        raise NotFound("There is no such user here.", scope=scope, id=target_id)
    for account_id in accounts:
        if scope is not KillScope.ACCOUNT and account_id not in caller.rights:
            raise PermissionDenied("This reaches accounts beyond the key's.", scope=scope)
        require_risk_manage(caller, account_id)


def existing_account(account_id: int) -> Account:
    """The account, which a permission check has let pass.

    Raises:
        AccountNotFound: there is none any more.
    """
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise AccountNotFound(account_id=account_id)
    return account


def linked_strategy(account_id: int, strategy_id: int) -> Strategy:
    """The strategy, linked to the account.

    Raises:
        NotFound: it is not.
    """
    found = Strategy.objects.filter(pk=strategy_id, accounts=account_id).first()
    if found is None:
        raise NotFound("The account has no such strategy.", strategy_id=strategy_id)
    return found


def _strategy(caller: Caller, account_id: int, strategy_id: int) -> None:
    require_risk_manage(caller, account_id, strategy_id)


def _managed(
    caller: Caller, account_ids: Iterable[int], require: Callable[[int], None]
) -> list[int]:
    """Of these accounts, those of the caller's key that ``require`` lets pass; never none."""
    allowed, refusal = [], None
    for account_id in sorted(caller.rights.keys() & set(account_ids)):
        try:
            require(account_id)
        except OmsError as error:
            refusal = refusal or error
        else:
            allowed.append(account_id)
    if not allowed:
        raise refusal or NotFound("There is no such thing on the accounts of this key.")
    return allowed
