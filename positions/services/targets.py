"""What does a command name: a position that this caller may close, or a part of the account?

A part that means nothing here must not look like work done: whoever closes all of it would believe
that it is closed.
"""

from django.db.models import Q

from accounts.models import Account, Strategy
from accounts.rights.permissions import Caller, require_close, require_strategy_visible
from accounts.words import Role
from oms_project.errors import Invalid, InvalidStrategyId, PositionNotFound
from positions.commands import CancelAllOrders, CloseAllPositions
from positions.models import Order, Position
from positions.ports import exchange
from positions.querysets import LIVE_POSITION_STATES

Narrowed = CancelAllOrders | CloseAllPositions


def require_closable(caller: Caller, account: Account, position_id: int) -> Position:
    """The position, which the caller may close, close by and merge.

    Raises:
        PositionNotFound: it does not exist for this caller.
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not close it.
    """
    position = Position.objects.filter(pk=position_id, account=account).first()
    missing = PositionNotFound(position_id=position_id)
    if position is None:
        raise missing
    require_strategy_visible(caller, account.pk, position.strategy_id, missing=missing)
    require_close(caller, account.pk, position.strategy_id)
    return position


def check_comment(caller: Caller, comment: str) -> None:
    """The risk desk says why it closes somebody's position.

    Raises:
        Invalid: it does not.
    """
    if caller.role is Role.RISK and not comment.strip():
        raise Invalid("The risk desk gives a comment.", field="comment", limit="required")


def check_live(position: Position) -> None:
    """The position is open, or its close is requested.

    Raises:
        Invalid: it is closed or merged.
    """
    if position.state not in LIVE_POSITION_STATES:
        raise Invalid(
            "The position is not open.",
            field="position_id",
            limit=[str(state) for state in LIVE_POSITION_STATES],
            value=position.state,
        )


def check_assigned(position: Position) -> None:
    """The position is somebody's: one of an external order is closed by whoever takes the order.

    Raises:
        Invalid: the order behind it is not assigned yet.
    """
    if position.is_external:
        raise Invalid(
            "The position of an unassigned external order: reassign the order first.",
            field="position_id",
            limit="an assigned position",
            value=position.pk,
        )


def check_narrowing(command: Narrowed, account: Account) -> None:
    """The account has the symbol and the strategies that the command names.

    Raises:
        Invalid: its exchange has no such market.
        InvalidStrategyId: a strategy is not linked to it and has nothing open on it.
    """
    if command.symbol is not None and not _symbols(command.symbol, account):
        raise Invalid(
            "The exchange has no such market.",
            field="symbol",
            limit="a symbol, or an id of the exchange",
            value=command.symbol,
        )
    unknown = {*(command.strategy_ids or ())} - {0}
    if unknown:
        unknown -= {*Strategy.objects.filter(accounts=account).values_list("pk", flat=True)}
    for rows in (Order.objects.open(), Position.objects.open()) if unknown else ():
        unknown -= {*rows.filter(account=account).values_list("strategy_id", flat=True)}
    if unknown:
        raise InvalidStrategyId(
            "The strategy does not exist or is not linked to the account.",
            field="strategy_ids",
            limit="strategies of the account",
            value=min(unknown),
        )


def narrowed(command: Narrowed, account: Account) -> Q:
    """The orders or positions that the command takes."""
    wanted = Q(account=account)
    if command.symbol is not None:
        wanted &= Q(symbol__in=_symbols(command.symbol, account))
    if command.strategy_ids is not None:
        wanted &= Q(strategy_id__in=command.strategy_ids)
    return wanted


def _symbols(name: str, account: Account) -> list[str]:
    """What a name means, as the exchange itself may say it.

    Where its markets were never loaded the name is taken as it is: nothing here waits for them.
    """
    known = exchange().symbols_named(account.pk, name)
    return [name] if known is None else known
