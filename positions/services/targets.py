"""May this caller close that position, and is it open?"""

from accounts.models import Account
from accounts.permissions import Caller, require_close, require_strategy_visible
from accounts.words import Role
from oms_project.errors import Invalid, PositionNotFound
from positions.models import Position
from positions.querysets import LIVE_POSITION_STATES


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
