"""On which accounts does an act of the desk fall, and may it be done there?

A halt names a strategy or a symbol, not an account: it falls on every account of the caller's key
where that thing is and where the key may halt it. A halt of a key falls on all accounts of that
key, and a kill switch stops a user, or everybody, everywhere: only who is responsible for all of it
may do that.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from django.db.models import Q

from accounts.audit import Actor
from accounts.models import Account, KeyPermission, Strategy
from accounts.rights.acts import Act
from accounts.rights.permissions import Caller, require
from oms_project.errors import AccountNotFound, Invalid, NotFound, OmsError, PermissionDenied
from positions.models import Order, Position
from positions.ports import exchange
from riskdesk.models import Control
from riskdesk.targets import Target
from riskdesk.words import KillScope, Scope


def halted_accounts(by: Actor, target: Target, account_id: int | None = None) -> list[int]:
    """The accounts that a halt of the target falls on: of a key, all of its accounts.

    ``account_id``: the one that the back office names, which acts without a key.

    Raises:
        AccountNotFound, NotFound: the caller's key has no such account, strategy or key on any.
        PermissionDenied, StrategyPermissionDenied: it has, and may not halt it.
    """
    if by.caller is None:
        return [] if account_id is None else [account_id]
    caller = by.caller
    match target.scope:
        case Scope.ACCOUNT:
            number = account_id or 0
            require(caller, Act.HALT_ACCOUNT, number)
            return [number]
        case Scope.STRATEGY:
            _require_anywhere(caller, Act.HALT_STRATEGY, target.strategy_id)
            links = Strategy.accounts.through.objects.filter(strategy_id=target.strategy_id)
            found = set(links.values_list("account_id", flat=True))
            return _managed(
                caller,
                found,
                lambda each: require(caller, Act.HALT_STRATEGY, each, target.strategy_id),
            )
        case Scope.SYMBOL:
            return _managed(
                caller, caller.rights, lambda each: require(caller, Act.HALT_SYMBOL, each)
            )
        case Scope.KEY:
            _require_anywhere(caller, Act.HALT_KEY)
            return _all_of_key(caller, int(target.name))


def targets_on(account_ids: Iterable[int], target: Target) -> list[tuple[int, Target]]:
    """What ``target`` means on each of the accounts; those that have no such symbol are left out.

    A symbol may be named as the exchange itself does. Where an account's markets were never loaded,
    a name is taken as it is: a halt must not wait for an exchange.

    Raises:
        Invalid: a symbol that none of the accounts has.
    """
    if target.scope is not Scope.SYMBOL:
        return [(account_id, target) for account_id in account_ids]
    found = [
        (account_id, replace(target, name=symbol))
        for account_id in account_ids
        for symbol in _symbols(account_id, target.name)
    ]
    if not found:
        raise Invalid(
            "No account of this key has such a market.",
            field="id",
            limit="a symbol, or an id of the exchange",
            value=target.name,
        )
    return found


def _symbols(account_id: int, name: str) -> list[str]:
    """What the name means, and what was halted by that very name before."""
    known = exchange().symbols_named(account_id, name)
    controls = Control.objects.filter(account_id=account_id, scope=Scope.SYMBOL, target=name)
    halted = {*controls.values_list("target", flat=True)}
    return sorted({name} if known is None else {*known} | halted)


def touched_accounts(scope: KillScope, target_id: int | None) -> list[int]:
    """The accounts on which a switch stops something.

    A user's are those of their keys, and those where an order or a position of theirs is open.
    """
    match scope:
        case KillScope.ACCOUNT:
            wanted = Q(pk=target_id)
        case KillScope.USER:
            keys = KeyPermission.objects.filter(api_key__user_id=target_id)
            live = Position.objects.open().values("opening_order_id")
            orders = Order.objects.filter(Q(is_open__in=[True]) | Q(pk__in=live))
            orders = orders.filter(command__user_id=target_id)
            wanted = Q(pk__in=keys.values("account_id")) | Q(pk__in=orders.values("account_id"))
        case KillScope.ALL:
            wanted = Q()
    return list(Account.objects.filter(wanted).order_by("id").values_list("pk", flat=True))


def require_kill(by: Actor, act: Act, scope: KillScope, target_id: int | None) -> None:
    """The actor may do that (kill, flatten, release) to everything that the switch stops.

    Raises:
        AccountNotFound, NotFound: nothing of it is on an account of the caller's key.
        PermissionDenied, StrategyPermissionDenied: some of it is, and not all is theirs to stop.
    """
    caller, accounts = by.caller, touched_accounts(scope, target_id)
    if caller is None:
        return
    if scope is KillScope.ACCOUNT and target_id not in accounts:
        raise AccountNotFound(account_id=target_id)
    if scope is KillScope.USER:
        _require_anywhere(caller, act)
    if scope is KillScope.USER and not caller.rights.keys() & set(accounts):
        raise NotFound("There is no such user here.", scope=scope, id=target_id)
    for account_id in accounts:
        if scope is not KillScope.ACCOUNT and account_id not in caller.rights:
            raise PermissionDenied("This reaches accounts beyond the key's.", scope=scope)
        require(caller, act, account_id)


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


def require_key_on(account_id: int, api_key_id: int) -> None:
    """The key has rights on the account.

    Raises:
        NotFound: it has none, or there is no such key.
    """
    if not KeyPermission.objects.filter(api_key_id=api_key_id, account_id=account_id).exists():
        raise NotFound("The account has no such key.", api_key_id=api_key_id)


def _require_anywhere(caller: Caller, act: Act, strategy_id: int | None = None) -> None:
    """The caller may do that on one account at least; who may not is told nothing of what exists.

    Raises:
        NotFound: the key has no account.
        PermissionDenied, StrategyPermissionDenied: it may do it on none.
    """
    _managed(caller, caller.rights, lambda each: require(caller, act, each, strategy_id))


def _all_of_key(caller: Caller, api_key_id: int) -> list[int]:
    """A key is halted everywhere or not at all: what it still may is no halt."""
    rows = KeyPermission.objects.filter(api_key_id=api_key_id)
    found = sorted(row.account_id for row in rows if row.granted())
    if not caller.rights.keys() & set(found):
        raise NotFound("There is no such thing on the accounts of this key.")
    for account_id in found:
        if account_id not in caller.rights:
            raise PermissionDenied("This reaches accounts beyond the key's.", scope=Scope.KEY)
        require(caller, Act.HALT_KEY, account_id)
    return found


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
