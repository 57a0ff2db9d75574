"""May this caller do that?

The one place of object-level checks, used by REST, WebSocket and commands alike. Both the role
and the key must allow an act; ``rights.acts`` is the table of what each takes. What is someone
else's does not exist (404); what is the key's own but not allowed is refused (403). A key that is
restricted to strategies sees and touches only those, and strategy 0 (none) is never one of them.

    require_trade(caller, command.account_id, command.strategy_id)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NoReturn

from accounts.rights.acts import ACTS, ROLE_RIGHTS, Act, Reach
from accounts.words import Right, Role
from oms_project.errors import (
    AccountNotFound,
    AdminReadOnly,
    OmsError,
    PermissionDenied,
    StrategyPermissionDenied,
)


@dataclass(frozen=True, slots=True)
class KeyTemplate:
    """What a new user's key may do on each of its accounts."""

    rights: frozenset[Right]
    restricted: bool = False


# A key that sees the whole account sees its balance as well.
_RESTRICTED_ONLY = frozenset({Right.SEE_BALANCE})

KEY_TEMPLATES: Mapping[Role, KeyTemplate] = MappingProxyType(
    {
        Role.ADMIN: KeyTemplate(frozenset()),
        Role.TRADER: KeyTemplate(ROLE_RIGHTS[Role.TRADER] - _RESTRICTED_ONLY),
        Role.PORTFOLIO_MANAGER: KeyTemplate(ROLE_RIGHTS[Role.PORTFOLIO_MANAGER] - _RESTRICTED_ONLY),
        Role.ROBOT: KeyTemplate(ROLE_RIGHTS[Role.ROBOT], restricted=True),
        Role.RISK: KeyTemplate(ROLE_RIGHTS[Role.RISK] - _RESTRICTED_ONLY),
        Role.READONLY: KeyTemplate(ROLE_RIGHTS[Role.READONLY] - _RESTRICTED_ONLY),
    }
)

_TRADING_RIGHTS = frozenset({Right.TRADE, Right.CLOSE_POSITION})


@dataclass(frozen=True, slots=True)
class StrategyRights:
    """What a restricted key may do with one strategy's orders and positions."""

    can_read: bool = True
    can_trade: bool = True


_NO_STRATEGY = StrategyRights(can_read=False, can_trade=False)


@dataclass(frozen=True, slots=True)
class AccountRights:
    """What a key may do on one account. ``strategies`` is None where it is not restricted."""

    granted: frozenset[Right] = frozenset()
    strategies: Mapping[int, StrategyRights] | None = None

    @property
    def is_restricted(self) -> bool:
        return self.strategies is not None

    @property
    def implied(self) -> frozenset[Right]:
        """What is granted, and what follows: who reads the whole account sees its balance."""
        if self.strategies is None and Right.READ in self.granted:
            return self.granted | {Right.SEE_BALANCE}
        return self.granted


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and what their key says. Made by ``accounts.callers.authentication`` only.

    ``rights`` holds the key's word; every question below adds the role's.
    """

    user_id: int
    user_name: str
    role: Role
    api_key_id: int | None
    rights: Mapping[int, AccountRights] = field(default_factory=dict, hash=False)
    login_token_id: int | None = None
    # Where this request came from; the same caller comes from several places.
    address: str | None = field(default=None, compare=False)

    @property
    def is_authenticated(self) -> bool:
        """Always true; what DRF asks of a user."""
        return True

    @property
    def pk(self) -> int:
        """The user's id; what logging asks of a user."""
        return self.user_id

    @property
    def is_admin(self) -> bool:
        return self.role is Role.ADMIN

    @property
    def has_logged_in(self) -> bool:
        """Whether a person showed password and second factor, and not only a key."""
        return self.login_token_id is not None

    @property
    def is_restricted(self) -> bool:
        """Whether the key is restricted to strategies on any account."""
        return any(rights.is_restricted for rights in self.rights.values())

    def account_ids(self) -> frozenset[int]:
        """The accounts the caller may read."""
        return frozenset(number for number in self.rights if self.may(number, Right.READ))

    def may(self, account_id: int, right: Right) -> bool:
        """Whether both the role and the key allow ``right`` on the account."""
        held = self.rights.get(account_id)
        return held is not None and right in held.granted and right in ROLE_RIGHTS[self.role]

    def rights_on(self, account_id: int) -> AccountRights:
        """What the key and the role allow together; nothing where the account is not the key's."""
        held = self.rights.get(account_id, AccountRights())
        return AccountRights(held.granted & ROLE_RIGHTS[self.role], held.strategies)


def is_within(wanted: AccountRights, bound: AccountRights) -> bool:
    """Whether ``wanted`` allows nothing that ``bound`` does not."""
    if not wanted.granted <= bound.implied:
        return False
    if bound.strategies is None or not wanted.granted:
        return True
    if wanted.strategies is None:
        return False
    held = bound.strategies
    return all(
        (not rights.can_read or held.get(number, _NO_STRATEGY).can_read)
        and (not rights.can_trade or held.get(number, _NO_STRATEGY).can_trade)
        for number, rights in wanted.strategies.items()
    )


def has_lost(before: Caller, now: Caller) -> bool:
    """Whether there was something that the caller may not do any more."""
    return any(
        not is_within(before.rights_on(number), now.rights_on(number)) for number in before.rights
    )


def readable_strategies(caller: Caller, account_id: int) -> frozenset[int] | None:
    """The strategies whose objects the caller may read there; None means all, 0 included."""
    held = caller.rights.get(account_id, AccountRights(strategies={}))
    if held.strategies is None:
        return None
    return frozenset(number for number, rights in held.strategies.items() if rights.can_read)


def tradable_strategies(caller: Caller, account_id: int) -> frozenset[int] | None:
    """The strategies the caller may touch there (cancel-all, kill); None means all, 0 included."""
    held = caller.rights.get(account_id, AccountRights(strategies={}))
    if held.strategies is None:
        return None
    return frozenset(number for number, rights in held.strategies.items() if rights.can_trade)


def require(caller: Caller, act: Act, account_id: int, strategy_id: int | None = None) -> None:
    """The caller may do that on the account, there with that strategy.

    ``strategy_id`` counts where a restricted key gets as far as its own strategies.

    Raises:
        AdminReadOnly: the caller is an admin, and it is an act of trading.
        AccountNotFound: the account is not the key's.
        PermissionDenied: the key or the role lacks a right.
        StrategyPermissionDenied: the key is restricted, and the act reaches beyond its strategies.
    """
    terms = ACTS[act]
    if not any(all(caller.may(account_id, right) for right in way) for way in terms.rights):
        _refuse(caller, account_id, terms.rights[-1])
    if terms.reach is Reach.NONE:
        _require_unrestricted(caller, account_id)
    elif terms.reach is Reach.OWN and strategy_id is not None:
        _require_strategy(caller, account_id, strategy_id)


def require_read(caller: Caller, account_id: int) -> None:
    """The caller may read the account.

    Raises:
        AccountNotFound: the account is not the key's, or does not exist.
        PermissionDenied: it is, without ``can_read``.
    """
    require(caller, Act.READ, account_id)


def require_read_all(caller: Caller, account_ids: Iterable[int]) -> None:
    """The caller may read every one of the accounts; one that is not theirs refuses them all.

    Raises:
        AccountNotFound, PermissionDenied: as ``require_read``, for the first account that fails.
    """
    for account_id in account_ids:
        require_read(caller, account_id)


def require_strategy_visible(
    caller: Caller, account_id: int, strategy_id: int, *, missing: OmsError
) -> None:
    """The caller may read objects of this strategy on this account.

    Raises:
        missing: the account or the strategy is not the key's: the object does not exist for it.
        PermissionDenied: the account is the key's, without ``can_read``.
    """
    if account_id not in caller.rights:
        raise missing
    require_read(caller, account_id)
    visible = readable_strategies(caller, account_id)
    if visible is not None and strategy_id not in visible:
        raise missing


def require_trade(caller: Caller, account_id: int, strategy_id: int) -> None:
    """The caller may send and change orders of this strategy.

    Raises:
        AdminReadOnly: the caller is an admin.
        AccountNotFound: the account is not the key's.
        PermissionDenied: no ``can_trade``, by the key or by the role.
        StrategyPermissionDenied: the key is restricted and the strategy is not its own.
    """
    require(caller, Act.SEND_ORDER, account_id, strategy_id)


def require_trade_of_new_strategy(caller: Caller, account_id: int) -> None:
    """The caller may trade on the account, whatever the strategies of its key.

    Raises:
        AdminReadOnly, AccountNotFound, PermissionDenied: as ``require_trade``.
    """
    require(caller, Act.MAKE_STRATEGY, account_id)


def require_account_trade(caller: Caller, account_id: int) -> None:
    """The caller may do what concerns trading on the whole account, such as setting leverage.

    Raises:
        AdminReadOnly, AccountNotFound, PermissionDenied: as ``require_trade``.
        StrategyPermissionDenied: the key is restricted, and the act touches other strategies too.
    """
    require(caller, Act.CONFIGURE_ACCOUNT, account_id)


def require_sight_of_balance(caller: Caller, account_id: int) -> None:
    """A caller with a restricted key may be told the account's quote and settle money.

    Raises:
        AccountNotFound: the account is not the key's.
        PermissionDenied: no ``can_see_balance``, by the key or by the role.
    """
    require(caller, Act.SEE_BALANCE, account_id)


def require_close(caller: Caller, account_id: int, strategy_id: int) -> None:
    """The caller may close, close by and merge positions of this strategy.

    Raises:
        AdminReadOnly, AccountNotFound, PermissionDenied, StrategyPermissionDenied: as
            ``require_trade``, for ``can_close_position``.
    """
    require(caller, Act.CLOSE_POSITION, account_id, strategy_id)


def require_cancel(caller: Caller, account_id: int, strategy_id: int) -> None:
    """The caller may cancel orders of this strategy: ``can_trade`` or ``can_close_position`` do.

    Raises:
        AdminReadOnly, AccountNotFound, PermissionDenied, StrategyPermissionDenied: as
            ``require_trade``.
    """
    require(caller, Act.CANCEL_ORDER, account_id, strategy_id)


def require_reassign(
    caller: Caller, account_id: int, strategy_ids: Iterable[int], *, override: bool = False
) -> None:
    """The caller may move orders between these strategies; an admin may, on every account.

    Raises:
        PermissionDenied: ``override`` by someone who is not an admin, or no ``can_trade``.
        AccountNotFound, StrategyPermissionDenied: as ``require_trade``, for any of the strategies.
    """
    if caller.is_admin:
        return
    if override:
        raise PermissionDenied("Only an admin may override.", account_id=account_id)
    for strategy_id in strategy_ids:
        require(caller, Act.REASSIGN, account_id, strategy_id)


def require_case_decision(
    caller: Caller,
    account_id: int,
    strategy_id: int,
    *,
    missing: OmsError,
    act: Act = Act.DECIDE_CASE,
) -> None:
    """The caller may decide about a case: an admin, or whoever has the rights of ``act``.

    Raises:
        missing: the case does not exist for the caller.
        PermissionDenied: not the rights, by the key or by the role.
        StrategyPermissionDenied: the key is restricted and the strategy is not its own to trade.
    """
    if caller.is_admin:
        return
    require_strategy_visible(caller, account_id, strategy_id, missing=missing)
    require(caller, act, account_id, strategy_id)


def require_admin(caller: Caller) -> None:
    """The caller runs the back office.

    Raises:
        PermissionDenied: any other role.
    """
    if not caller.is_admin:
        raise PermissionDenied("This is for the role admin.", role=caller.role)


def _refuse(caller: Caller, account_id: int, rights: frozenset[Right]) -> NoReturn:
    """Say which of the rights is missing first; an admin is told the same about every account."""
    if caller.is_admin and rights & _TRADING_RIGHTS:
        raise AdminReadOnly
    if account_id not in caller.rights:
        raise AccountNotFound(account_id=account_id)
    missing = next(
        right for right in Right if right in rights and not caller.may(account_id, right)
    )
    raise PermissionDenied(account_id=account_id, right=missing)


def _require_strategy(caller: Caller, account_id: int, strategy_id: int) -> None:
    allowed = tradable_strategies(caller, account_id)
    if allowed is not None and strategy_id not in allowed:
        raise StrategyPermissionDenied(account_id=account_id, strategy_id=strategy_id)


def _require_unrestricted(caller: Caller, account_id: int) -> None:
    if tradable_strategies(caller, account_id) is not None:
        raise StrategyPermissionDenied(
            "A key restricted to strategies cannot act on the whole account.",
            account_id=account_id,
        )
