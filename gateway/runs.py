"""The rows of reconciliations: asked for, under way, over, and how fresh an account is.

Every function here is synchronous and short; coroutines call them through ``loop.db``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Max, OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.models import Account
from gateway.models import ReconcileRun
from gateway.schedule import LOOPS
from gateway.words import Phase, RunState, Scope
from positions.outbox import turn

KEPT = timedelta(days=7)
_OVER = (RunState.SUCCEEDED, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants reconciled; ``since`` and ``until`` are of a period."""

    scope: Scope
    since: datetime | None = None
    until: datetime | None = None
    symbols: Sequence[str] = field(default_factory=tuple)


def ask(account_ids: Iterable[int], wish: Asked, *, user_id: int | None) -> list[int]:
    """Runs that are to be made, one per account; one that waits already serves the same wish."""
    now = timezone.now()
    with turn(), transaction.atomic():
        return [_ask(account_id, wish, user_id, now).pk for account_id in account_ids]


def _ask(account_id: int, wish: Asked, user_id: int | None, now: datetime) -> ReconcileRun:
    wanted = {"account_id": account_id, "scope": wish.scope, "since": wish.since,
              "until": wish.until, "symbols": list(wish.symbols)}  # fmt: skip
    waiting = ReconcileRun.objects.filter(**wanted, state=RunState.PENDING).first()
    return waiting or ReconcileRun.objects.create(**wanted, requested_by_id=user_id, created_at=now)


def begin(account_id: int, wish: Asked) -> ReconcileRun:
    """A run that is under way at once: it is due, or who asks for it makes it."""
    now = timezone.now()
    return ReconcileRun.objects.create(
        account_id=account_id,
        scope=wish.scope,
        since=wish.since,
        until=wish.until,
        symbols=list(wish.symbols),
        state=RunState.RUNNING,
        created_at=now,
        started_at=now,
    )


def take(account_id: int) -> ReconcileRun | None:
    """The oldest run that somebody asked for, now under way; ``None`` where nothing waits."""
    waiting = ReconcileRun.objects.filter(account_id=account_id, state=RunState.PENDING)
    for run_id in waiting.order_by("id").values_list("pk", flat=True):
        if start(run_id):
            return ReconcileRun.objects.get(pk=run_id)
    return None


def start(run_id: int) -> bool:
    """Whether this process may make the run: it waited until now."""
    waiting = ReconcileRun.objects.filter(pk=run_id, state=RunState.PENDING)
    return waiting.update(state=RunState.RUNNING, started_at=timezone.now()) == 1


def reach_back(run_id: int, since: datetime) -> None:
    """From when on it reads, where who asked for it left that to the account's loop."""
    ReconcileRun.objects.filter(pk=run_id).update(since=since)


def progress(run_id: int, phase: Phase, done: int, total: int) -> None:
    """How far it is."""
    running = ReconcileRun.objects.filter(pk=run_id, state=RunState.RUNNING)
    running.update(phase=phase, done=done, total=total)


def succeed(run_id: int, found: Mapping[str, Any]) -> None:
    """It asked about everything."""
    _end(run_id, state=RunState.SUCCEEDED, found=dict(found), phase=None, done=F("total"))


def fail(run_id: int, error: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Something could not be asked; what was found until then is booked. The phase tells where."""
    _end(run_id, state=RunState.FAILED, error=dict(error), found=dict(found))


def _end(run_id: int, **facts: Any) -> None:
    running = ReconcileRun.objects.filter(pk=run_id, state=RunState.RUNNING)
    running.update(finished_at=timezone.now(), **facts)


def take_up(account_id: int) -> None:
    """What a process that is gone left under way waits again, or is over if it was only due."""
    left = ReconcileRun.objects.filter(account_id=account_id, state=RunState.RUNNING)
    left.exclude(requested_by=None).update(state=RunState.PENDING, started_at=None, phase=None)
    error = {"code": "internal_error", "message": "The process ended.", "details": {}}
    left.filter(requested_by=None).update(
        state=RunState.FAILED, error=error, finished_at=timezone.now()
    )


def last_successes(account_id: int) -> dict[Scope, datetime]:
    """When each loop last succeeded."""
    mine = ReconcileRun.objects.filter(account_id=account_id, state=RunState.SUCCEEDED)
    rows = mine.filter(scope__in=LOOPS).values_list("scope").annotate(Max("finished_at"))
    return {Scope(scope): at for scope, at in rows}


def accounts_waiting(served: Iterable[int]) -> list[int]:
    """The accounts among these on which somebody's run waits to be made."""
    waiting = ReconcileRun.objects.filter(account__in=served, state=RunState.PENDING)
    return list(waiting.values_list("account_id", flat=True).distinct())


def with_freshness(account_ids: Iterable[int]) -> QuerySet[Account]:
    """Accounts by id, each with ``last_success_at``, ``last_run_id`` and ``running_id``."""
    mine = ReconcileRun.objects.filter(account_id=OuterRef("pk")).order_by("-id")
    done = mine.filter(state=RunState.SUCCEEDED).order_by("-finished_at")
    return Account.objects.filter(pk__in=account_ids).order_by("pk").annotate(
        last_success_at=Subquery(done.values("finished_at")[:1]),
        last_run_id=Subquery(mine.filter(state__in=_OVER).values("pk")[:1]),
        running_id=Subquery(mine.filter(state=RunState.RUNNING).values("pk")[:1]),
    )  # fmt: skip


def prune(now: datetime) -> int:
    """Old runs are gone, but the newest successes of each loop: they say what is due."""
    kept = {
        ReconcileRun.objects.filter(account_id=account_id, scope=scope, state=RunState.SUCCEEDED)
        .order_by("-id").values_list("pk", flat=True).first()
        for account_id in Account.objects.values_list("pk", flat=True)
        for scope in LOOPS
    }  # fmt: skip
    old = ReconcileRun.objects.filter(state__in=_OVER, finished_at__lt=now - KEPT)
    with turn(), transaction.atomic():
        return old.exclude(pk__in=kept - {None}).delete()[0]
