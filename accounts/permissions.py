"""May this caller do that?

The one place of object-level checks, used by REST, WebSocket and commands alike. Both the role
and the key must allow an act. What is someone else's does not exist (404); what is the key's own
but not allowed is refused (403). A key that is restricted to strategies sees and touches only
those, and strategy 0 (none) is never one of them.

    require_trade(caller, command.account_id, command.strategy_id)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from accounts.words import Right, Role
from oms_project.errors import (
    AccountNotFound,
    AdminReadOnly,
    OmsError,
    PermissionDenied,
    StrategyPermissionDenied,
)

_TRADE_AND_CLOSE = frozenset({Right.READ, Right.TRADE, Right.CLOSE_POSITION})
_RISK_DESK = frozenset(
    {
        Right.READ,
        Right.CLOSE_POSITION,
        Right.RISK_MANAGE,
        Right.BLOCK_NEW_POSITIONS,
        Right.BLOCK_ACCOUNT,
    }
)

# What a role can be given at most, whatever its keys say (contract, section 3).
ROLE_RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.ADMIN: frozenset({Right.READ}),
        Role.TRADER: _TRADE_AND_CLOSE,
        Role.PORTFOLIO_MANAGER: _TRADE_AND_CLOSE,
        Role.ROBOT: _TRADE_AND_CLOSE,
        Role.RISK: _RISK_DESK,
        Role.READONLY: frozenset({Right.READ}),
    }
)


@dataclass(frozen=True, slots=True)
class KeyTemplate:
    """What a new user's key may do on each of its accounts."""

    rights: frozenset[Right]
    restricted: bool = False


KEY_TEMPLATES: Mapping[Role, KeyTemplate] = MappingProxyType(
    {
        Role.ADMIN: KeyTemplate(frozenset()),
        Role.TRADER: KeyTemplate(_TRADE_AND_CLOSE),
        Role.PORTFOLIO_MANAGER: KeyTemplate(_TRADE_AND_CLOSE),
        Role.ROBOT: KeyTemplate(_TRADE_AND_CLOSE, restricted=True),
        Role.RISK: KeyTemplate(_RISK_DESK),
        Role.READONLY: KeyTemplate(frozenset({Right.READ})),
    }
)

_TRADING_RIGHTS = frozenset({Right.TRADE, Right.CLOSE_POSITION})


@dataclass(frozen=True, slots=True)
class StrategyRights:
    """What a restricted key may do with one strategy's orders and positions."""

    can_read: bool = True
    can_trade: bool = True


@dataclass(frozen=True, slots=True)
class AccountRights:
    """What a key may do on one account. ``strategies`` is None where it is not restricted."""

    granted: frozenset[Right] = frozenset()
    strategies: Mapping[int, StrategyRights] | None = None

    @property
    def is_restricted(self) -> bool:
        return self.strategies is not None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, and what their key says. Made by ``accounts.authentication`` only.

    ``rights`` holds the key's word; every question below adds the role's.
    """

    user_id: int
    user_name: str
    role: Role
    api_key_id: int | None
    rights: Mapping[int, AccountRights] = field(default_factory=dict, hash=False)
    login_token_id: int | None = None

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


def require_read(caller: Caller, account_id: int) -> None:
    """The caller may read the account.

    Raises:
        AccountNotFound: the account is not the key's, or does not exist.
        PermissionDenied: it is, without ``can_read``.
    """
    _require(caller, account_id, Right.READ)


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
    _require(caller, account_id, Right.TRADE)
    _require_strategy(caller, account_id, strategy_id)


def require_trade_of_new_strategy(caller: Caller, account_id: int) -> None:
    """The caller may trade on the account, whatever the strategies of its key.

    Raises:
        AdminReadOnly, AccountNotFound, PermissionDenied: as ``require_trade``.
    """
    _require(caller, account_id, Right.TRADE)


def require_account_trade(caller: Caller, account_id: int) -> None:
    """The caller may do what concerns trading on the whole account, such as setting leverage.

    Raises:
        AdminReadOnly, AccountNotFound, PermissionDenied: as ``require_trade``.
        StrategyPermissionDenied: the key is restricted, and the act touches other strategies too.
    """
    _require(caller, account_id, Right.TRADE)
    _require_unrestricted(caller, account_id)


def require_close(caller: Caller, account_id: int, strategy_id: int) -> None:
    """The caller may close, close by and merge positions of this strategy.

    Raises:
        AdminReadOnly, AccountNotFound, PermissionDenied, StrategyPermissionDenied: as
            ``require_trade``, for ``can_close_position``.
    """
    _require(caller, account_id, Right.CLOSE_POSITION)
    _require_strategy(caller, account_id, strategy_id)


def require_cancel(caller: Caller, account_id: int, strategy_id: int) -> None:
    """The caller may cancel orders of this strategy: ``can_trade`` or ``can_close_position`` do.

    Raises:
        AdminReadOnly, AccountNotFound, PermissionDenied, StrategyPermissionDenied: as
            ``require_trade``.
    """
    if not caller.may(account_id, Right.CLOSE_POSITION):
        _require(caller, account_id, Right.TRADE)
    _require_strategy(caller, account_id, strategy_id)


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
        require_trade(caller, account_id, strategy_id)


def require_case_decision(
    caller: Caller, account_id: int, strategy_id: int, *, missing: OmsError
) -> None:
    """The caller may decide about a case: an admin, ``can_trade`` or ``can_risk_manage``.

    Raises:
        missing: the case does not exist for the caller.
        PermissionDenied: neither right, by the key or by the role.
        StrategyPermissionDenied: the key is restricted and the strategy is not its own to trade.
    """
    if caller.is_admin:
        return
    require_strategy_visible(caller, account_id, strategy_id, missing=missing)
    if not caller.may(account_id, Right.RISK_MANAGE):
        _require(caller, account_id, Right.TRADE)
    _require_strategy(caller, account_id, strategy_id)


def require_risk_manage(caller: Caller, account_id: int, strategy_id: int | None = None) -> None:
    """The caller may set limits and halts on the account, or on one of its strategies.

    Raises:
        AccountNotFound: the account is not the key's.
        PermissionDenied: no ``can_risk_manage``, by the key or by the role.
        StrategyPermissionDenied: the key is restricted, and the act reaches beyond its strategies.
    """
    _require(caller, account_id, Right.RISK_MANAGE)
    if strategy_id is None:
        _require_unrestricted(caller, account_id)
    else:
        _require_strategy(caller, account_id, strategy_id)


def require_block_new_positions(
    caller: Caller, account_id: int, strategy_id: int | None = None
) -> None:
    """The caller may allow and block openings, on the account or for one strategy.

    Raises:
        AccountNotFound, PermissionDenied, StrategyPermissionDenied: as ``require_risk_manage``,
            with ``can_block_new_positions`` needed as well.
    """
    require_risk_manage(caller, account_id, strategy_id)
    _require(caller, account_id, Right.BLOCK_NEW_POSITIONS)


def require_block_account(caller: Caller, account_id: int) -> None:
    """The caller may block and unblock the account.

    Raises:
        AccountNotFound, PermissionDenied, StrategyPermissionDenied: as ``require_risk_manage``,
            with ``can_block_account`` needed as well.
    """
    require_risk_manage(caller, account_id)
    _require(caller, account_id, Right.BLOCK_ACCOUNT)


def require_admin(caller: Caller) -> None:
    """The caller runs the back office.

    Raises:
        PermissionDenied: any other role.
    """
    if not caller.is_admin:
        raise PermissionDenied("This is for the role admin.", role=caller.role)


def _require(caller: Caller, account_id: int, right: Right) -> None:
    # Before the account is looked for: an admin is told the same about every account.
    if caller.is_admin and right in _TRADING_RIGHTS:
        raise AdminReadOnly
    if account_id not in caller.rights:
        raise AccountNotFound(account_id=account_id)
    if not caller.may(account_id, right):
        raise PermissionDenied(account_id=account_id, right=right)


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
