"""Pull and release kill switches.

The row is committed first, without waiting for any account's lane: from then on no opening order is
claimed or accepted, in any process. What follows is done account by account, and can be repeated:
pulling again finishes what an interruption left. Releasing revives nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.rights.acts import Act
from oms_project.errors import Conflict, OmsError, PermissionDenied
from positions import projector
from positions.outbox import holding, turn
from riskdesk import reach
from riskdesk.facts import Facts, switch_facts
from riskdesk.models import Flattening, KillSwitch, hold_name
from riskdesk.services import flattening
from riskdesk.services.comments import require_comment
from riskdesk.services.flatten import cancel_openings
from riskdesk.words import KillScope

log = logging.getLogger(__name__)

WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a pull did on one account; ``error`` is the code of what kept it from the rest.

    ``flattening``: how far the account is, ``None`` where it was not asked for.
    """

    account_id: int
    rejected: int = 0
    canceling: tuple[int, ...] = ()
    netted: tuple[int, ...] = ()
    flattening: Flattening | None = None
    error: str | None = None


def pull(
    *,
    scope: KillScope,
    target_id: int | None,
    flatten: bool,
    comment: str,
    by: Actor,
    within_s: float = WITHIN_S,
) -> tuple[KillSwitch, list[Stopped]]:
    """Nothing opens any more for the account, the user or anybody; closes and cancels pass.

    When this returns, waiting openings are rejected and cancels of open ones are queued. With
    ``flatten`` a first pass is made ``within_s``, and the worker carries it on until everything is
    flat (``flattening``), accounts that were not reached included. ``by`` must be a user.

    Raises:
        Invalid: no comment.
        OmsError: as ``reach.require_kill``; ``flatten`` takes the right to close as well.
    """
    for act in (Act.KILL, Act.FLATTEN) if flatten else (Act.KILL,):
        reach.require_kill(by, act, scope, target_id)
    comment = require_comment(comment)
    switch, is_new = _pull(scope, target_id, flatten, comment, by)
    late_at_s = monotonic() + within_s
    user_id = target_id if scope is KillScope.USER else None
    stopped = []
    for account_id in reach.touched_accounts(scope, target_id):
        if is_new:
            _on_account(account_id, lambda each: _tell(each, switch, comment))
        if flatten:
            stopped.append(_flatten(account_id, switch, user_id, late_at_s, by))
        else:
            stopped.append(_stop(account_id, user_id, by))
    return switch, stopped


def release(*, scope: KillScope, target_id: int | None, comment: str, by: Actor) -> KillSwitch:
    """Orders may open again; what was rejected or cancelled stays so.

    Raises:
        Invalid: no comment.
        Conflict: no such switch is pulled.
        PermissionDenied: it takes another person than the one who pulled it
            (``OMS_KILL_RELEASE_BY_ANOTHER``).
        OmsError: as ``reach.require_kill``.
    """
    reach.require_kill(by, Act.RELEASE, scope, target_id)
    comment = require_comment(comment)
    with turn(), transaction.atomic():
        switch = KillSwitch.objects.filter(holds=hold_name(scope, target_id)).first()
        if switch is None:
            raise Conflict("No such kill switch is pulled.", scope=scope, id=target_id)
        if settings.OMS_KILL_RELEASE_BY_ANOTHER and switch.pulled_by_id == by.user_id:
            raise PermissionDenied("Another person than the one who pulled it releases it.")
        before = switch_facts(switch)
        switch.holds, switch.released_at = None, timezone.now()
        switch.released_by, switch.release_comment = by.user_name, comment
        switch.save()
        flattening.end(switch, switch.released_at)
        _record("kill_switch_released", switch, before, switch_facts(switch), comment, by)
    for account_id in reach.touched_accounts(scope, target_id):
        _on_account(account_id, lambda each: _tell(each, switch, comment))
    return switch


def _pull(
    scope: KillScope, target_id: int | None, flatten: bool, comment: str, by: Actor
) -> tuple[KillSwitch, bool]:
    """The row that stops, and whether it was written now; it is committed when this returns."""
    name = hold_name(scope, target_id)
    try:
        with turn(), transaction.atomic():
            earlier = KillSwitch.objects.filter(holds=name).first()
            switch = earlier or KillSwitch.objects.create(
                scope=scope,
                target_id=target_id,
                holds=name,
                comment=comment,
                pulled_by=by.user_name,
                pulled_by_id=by.user_id,
                pulled_at=timezone.now(),
            )
            after = switch_facts(switch) | {"flatten": flatten}
            before = {"pulled": earlier is not None}
            _record("kill_switch_pulled", switch, before, after, comment, by)
            if flatten:
                accounts = reach.touched_accounts(scope, target_id)
                flattening.begin(switch, accounts, comment, by, timezone.now())
            return switch, earlier is None
    except IntegrityError:
        # Somebody pulled the same one at the same moment: theirs stands, ours repeats it.
        return _pull(scope, target_id, flatten, comment, by)


def _stop(account_id: int, user_id: int | None, by: Actor) -> Stopped:
    """Reject and cancel on one account; what fails there holds up no other account."""
    done: dict[str, Any] = {}

    def stop(each: int) -> None:
        done["rejected"] = projector.reject_stopped(each)
        done["canceling"] = cancel_openings(each, given_by=user_id, by=by)

    error = _on_account(account_id, stop)
    return Stopped(account_id, **done, error=error)


def _flatten(
    account_id: int, switch: KillSwitch, user_id: int | None, late_at_s: float, by: Actor
) -> Stopped:
    """The first pass on one account, as far as there is time; the worker goes on."""
    found = Stopped(account_id)
    if monotonic() < late_at_s:
        found = _stop(account_id, user_id, by)
    row = flattening.newest(switch, account_id)
    netted: tuple[int, ...] = ()

    def first_pass(_: int) -> None:
        nonlocal netted
        done = flattening.advance(row, timezone.now(), is_late=lambda: monotonic() >= late_at_s)
        netted = done.netted

    if monotonic() < late_at_s and found.error is None:
        found = replace(found, error=_on_account(account_id, first_pass))
    row.refresh_from_db()
    return replace(found, netted=netted, flattening=row)


def _on_account(account_id: int, work: Callable[[int], None]) -> str | None:
    """Do ``work`` for an account; the code of what went wrong, which pulling again may mend."""
    try:
        work(account_id)
    except OmsError as error:
        log.warning("kill.unfinished", extra={"account_id": account_id, "code": error.code})
        return error.code
    except DatabaseError:
        log.exception("kill.unfinished", extra={"account_id": account_id})
        return "storage_unavailable"
    return None


def _tell(account_id: int, switch: KillSwitch, comment: str) -> None:
    facts: Facts = {"account_id": account_id, **switch_facts(switch), "comment": comment}
    with holding(account_id) as lane:
        lane.tell("kill_switch_changed", facts, namespace="risk")


def _record(
    action: str, switch: KillSwitch, before: Facts, after: Facts, comment: str, by: Actor
) -> None:
    audit.record(
        by=by,
        action=action,
        object_type="kill_switch",
        object_id=hold_name(KillScope(switch.scope), switch.target_id),
        before=before,
        after=after,
        comment=comment,
    )
