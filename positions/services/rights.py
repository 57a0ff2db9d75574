"""May this caller give such a command at all?

What the role and the key say by themselves, before anything is looked up: a refusal costs nobody a
turn. The services still ask about the strategy of the order or position that is meant.
"""

from collections.abc import Callable
from typing import Any

from accounts.rights.acts import ACTS, Act
from accounts.rights.permissions import Caller, require, require_read
from accounts.words import Role
from oms_project.errors import AdminReadOnly, PermissionDenied
from positions import commands

_ACTS: dict[type, Act] = {
    commands.SendOrder: Act.SEND_ORDER,
    commands.CancelOrder: Act.CANCEL_ORDER,
    commands.CancelAllOrders: Act.CANCEL_ORDER,
    commands.ChangeOrder: Act.CHANGE_ORDER,
    commands.ClosePosition: Act.CLOSE_POSITION,
    commands.CloseAllPositions: Act.CLOSE_ALL_POSITIONS,
    commands.CloseBy: Act.CLOSE_BY,
    commands.MergePositions: Act.MERGE_POSITIONS,
    commands.PositionChange: Act.POSITION_CHANGE,
}
# The strategy is part of the command; of the others it is the order's or the position's.
_STRATEGY: dict[type, Callable[[Any], int]] = {
    commands.SendOrder: lambda command: command.strategy_id,
}
# What takes risk away must not wait behind what adds some.
_URGENT = (
    commands.CancelOrder,
    commands.CancelAllOrders,
    commands.ClosePosition,
    commands.CloseAllPositions,
    commands.CloseBy,
    commands.PositionChange,
)


def require_may_ask(command: commands.Command, caller: Caller, account_id: int | None) -> None:
    """Role and key allow such a command on the account; on some account where none is named.

    Raises:
        AdminReadOnly: an admin never trades.
        AccountNotFound: the account is not the key's.
        PermissionDenied, StrategyPermissionDenied: it is, without the right.
    """
    if caller.is_admin:
        raise AdminReadOnly
    act = _ACTS[type(command)]
    if account_id is None:
        _require_somewhere(caller, act)
        return
    require_read(caller, account_id)
    strategy_of = _STRATEGY.get(type(command))
    require(caller, act, account_id, strategy_of(command) if strategy_of else None)


def is_urgent(command: commands.Command, caller: Caller) -> bool:
    """Whether the command goes in front of those that may open something."""
    return isinstance(command, _URGENT) or caller.role is Role.RISK


def _require_somewhere(caller: Caller, act: Act) -> None:
    ways = ACTS[act].rights
    held = [caller.rights_on(account_id).granted for account_id in caller.rights]
    if held and not any(way <= granted for way in ways for granted in held):
        raise PermissionDenied(right=min(ways[-1]))
