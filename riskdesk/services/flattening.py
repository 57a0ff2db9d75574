"""How does a flatten go on until everything is flat?

A row per account is written with the switch. Whoever pulled it makes the first pass; the worker
makes the others, one at every sweep, whatever was restarted meanwhile. It ends when nothing is open
and nothing can open any more, or when its time is up: then each position that is left is a case.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.audit import Actor
from oms_project.errors import OmsError
from positions import projector
from positions.engine.types import CaseKind
from positions.models import Position
from positions.outbox import holding
from positions.projector.cases import open_case, subject_of
from riskdesk.models import Flattening, KillSwitch
from riskdesk.services.flatten import (
    Flattened,
    cancel_openings,
    flatten_positions,
    open_positions,
    openings,
)
from riskdesk.words import FlattenState, KillScope

log = logging.getLogger(__name__)

LONGEST = timedelta(minutes=10)
RELEASED = "released"
_HELD_OPEN = "position_close_in_progress"


def begin(
    switch: KillSwitch, account_ids: Iterable[int], comment: str, by: Actor, now: datetime
) -> None:
    """Have the accounts flattened: called in the transaction that writes the switch.

    One that is under way already gets its time anew.
    """
    for account_id in account_ids:
        running = switch.flattenings.filter(account_id=account_id, state=FlattenState.RUNNING)
        if running.update(until=now + LONGEST):
            continue
        Flattening.objects.create(
            switch=switch,
            account_id=account_id,
            comment=comment,
            by_user_id=by.user_id,
            by_api_key_id=by.api_key_id,
            started_at=now,
            until=now + LONGEST,
        )


def end(switch: KillSwitch, now: datetime) -> None:
    """The switch is released: nothing more is closed for it, and nobody is told to look."""
    for row in switch.flattenings.filter(state=FlattenState.RUNNING):
        still = open_positions(row.account_id, _user(row))
        left = [{"position_id": position.pk, "code": RELEASED} for position in still]
        _store(row, FlattenState.LEFT if left else FlattenState.FLAT, [], left, now)


def carry_on(now: datetime | None = None) -> None:
    """One more pass of everything that is not finished; no account holds up another."""
    running = Flattening.objects.filter(state=FlattenState.RUNNING)
    for row in running.select_related("switch", "by_user").order_by("id"):
        about = {"account_id": row.account_id}
        try:
            advance(row, now or timezone.now())
        except OmsError as failure:
            log.warning("flatten.not_advanced", extra=about | {"code": failure.code})
        except Exception:
            log.exception("flatten.not_advanced", extra=about)


def advance(
    row: Flattening, now: datetime, *, is_late: Callable[[], bool] = lambda: False
) -> Flattened:
    """One pass: stop what could open, close what is open, and finish where that was all.

    It breaks off once it ``is_late``: the next pass goes on.

    Raises:
        OmsError: what could open cannot be cancelled now.
    """
    user_id, by = _user(row), _actor(row)
    projector.reject_stopped(row.account_id)
    cancel_openings(row.account_id, given_by=user_id, by=by)
    done = flatten_positions(
        row.account_id,
        opened_by=user_id,
        comment=row.comment,
        by=by,
        now=now,
        is_late=is_late,
    )
    left = [{"position_id": number, "code": code} for number, code in done.failed]
    state = _state(row, done, now)
    if state is FlattenState.LEFT:
        left += [{"position_id": number, "code": _HELD_OPEN} for number in done.closing]
        if _store(row, state, [], left, now):
            _open_cases(row, left)
    else:
        _store(row, state, list(done.closing), left, now)
    return done


def newest(switch: KillSwitch, account_id: int) -> Flattening | None:
    """How far the switch has come on the account; ``None``: it was not to be flattened."""
    return switch.flattenings.filter(account_id=account_id).order_by("-id").first()


def _state(row: Flattening, done: Flattened, now: datetime) -> FlattenState:
    still = open_positions(row.account_id, _user(row))
    if not still and not openings(row.account_id, _user(row)):
        return FlattenState.FLAT
    hopeless = not done.closing and len(done.failed) == len(still)
    hopeless &= all(position.unclosable for position in still)
    is_over = now >= row.until or (still and hopeless)
    if not is_over:
        return FlattenState.RUNNING
    return FlattenState.LEFT if still else FlattenState.FLAT


def _store(
    row: Flattening, state: FlattenState, closing: list[int], left: list[dict], now: datetime
) -> bool:
    """Write how far it is, unless somebody else has finished it; whether it was written."""
    running = Flattening.objects.filter(pk=row.pk, state=FlattenState.RUNNING)
    finished_at = None if state is FlattenState.RUNNING else now
    return bool(running.update(state=state, closing=closing, left=left, finished_at=finished_at))


def _open_cases(row: Flattening, left: list[dict]) -> None:
    with holding(row.account_id) as lane:
        positions = Position.objects.in_bulk([each["position_id"] for each in left])
        for each in left:
            position = positions[each["position_id"]]
            if not position.qty:
                continue
            open_case(
                lane,
                CaseKind.FLATTEN_LEFT,
                subject_of(position),
                symbol=position.symbol,
                strategy_id=position.strategy_id,
                position=position,
                facts={"qty": position.qty, "code": each["code"], "switch_id": row.switch_id},
                proposal="Close it by hand, or mend what stands against it and pull again.",
            )


def _user(row: Flattening) -> int | None:
    return row.switch.target_id if row.switch.scope == KillScope.USER else None


def _actor(row: Flattening) -> Actor:
    return Actor(row.by_user_id, row.by_user.username, row.by_api_key_id)
