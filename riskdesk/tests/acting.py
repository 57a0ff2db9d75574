"""Acts of the risk desk, with a comment."""

from typing import Any

from accounts.audit import Actor
from positions.tests.desk import Desk
from riskdesk import services
from riskdesk.services import Stopped
from riskdesk.targets import WHOLE_ACCOUNT, Target
from riskdesk.words import HaltState, KillScope, Scope

WHY = "too much of it"


def limit(
    desk: Desk, by: Actor, scope: Scope | None = None, name: object = "", **changes: Any
) -> None:
    """Set limits of the desk's account, or of a strategy or key there."""
    services.set_limits(
        account_id=desk.account.pk,
        target=_target(scope, name),
        changes=changes,
        comment=WHY,
        by=by,
    )


def halt(
    desk: Desk,
    by: Actor,
    state: str = "halted",
    scope: Scope | None = None,
    name: object = "",
) -> None:
    """Halt the desk's account, or something on it."""
    services.set_halt(
        account_id=desk.account.pk,
        target=_target(scope, name),
        state=HaltState(state),
        comment=WHY,
        by=by,
    )


def kill(
    by: Actor, scope: KillScope, target_id: int | None = None, *, flatten: bool = False
) -> list[Stopped]:
    """Pull a kill switch."""
    _, stopped = services.pull(
        scope=scope, target_id=target_id, flatten=flatten, comment=WHY, by=by
    )
    return stopped


def _target(scope: Scope | None, name: object) -> Target:
    return WHOLE_ACCOUNT if scope is None else Target(scope, str(name))
