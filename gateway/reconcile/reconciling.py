"""How is one account reconciled with its exchange?

Three phases: orders, trades (both in ``gateway.reconcile.importing``), then positions and balances
compared (``gateway.reconcile.comparing``). What differs becomes cases that explain themselves;
nothing is ever evened out silently. A run may be repeated, also beside another one: it books
nothing twice.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from time import monotonic
from typing import Any

from gateway import runs
from gateway.loop import db
from gateway.models import ReconcileRun
from gateway.reconcile import comparing, importing, opening
from gateway.reconcile.comparing import Answer, Compared
from gateway.reconcile.cursors import Reach
from gateway.reconcile.importing import Imported, Unread
from gateway.sessions.outcomes import CallFailed
from gateway.words import Phase, Scope
from oms_project.errors import EngineUnavailable, OmsError
from positions.engine.drift import Finding
from positions.engine.explaining import unshown
from positions.projector import comparisons
from positions.projector.booking.opening import has_opening

log = logging.getLogger(__name__)

TOLD_EVERY_S = 1.0
_FINDINGS = {"positions": Finding.POSITION, "balances": Finding.BALANCE}


async def reconcile(run: ReconcileRun) -> bool:
    """Make a run that is under way; whether it succeeded is in its row too.

    What it cannot ask leaves cursors and cases as they are, and the run failed.
    """
    counts = Imported()
    about = {"account_id": run.account_id, "run_id": run.pk, "scope": run.scope}
    try:
        unread, compared = await _phases(run, counts)
    except (CallFailed, OmsError) as failure:
        log.warning("reconcile.failed", extra=about | failure.details)
        await db(runs.fail, run.pk, _error(failure), _counts(counts))
        return False
    except Exception:
        log.exception("reconcile.broke", extra=about)
        error = {"code": "internal_error", "message": "It broke; see the log.", "details": {}}
        await db(runs.fail, run.pk, error, _counts(counts))
        return False
    found = _counts(counts) | {one.what: _shown(one) for one in compared}
    silent = [one for one in compared if one.is_silent]
    if unread is not None:
        await db(runs.fail, run.pk, _error(unread), found)
    elif silent:
        failure = EngineUnavailable("The comparison could not be made.", why=silent[0].why)
        await db(runs.fail, run.pk, _error(failure), found)
    else:
        await db(runs.succeed, run.pk, found)
    await db(_note, run, counts, compared, found)
    return not silent and unread is None


async def _phases(run: ReconcileRun, counts: Imported) -> tuple[Unread | None, list[Compared]]:
    """Everything is read and compared; what could not be read is not compared, and told."""
    reach = Reach(run.since, run.until, tuple(run.symbols))
    told = _Told(run.pk)
    unread = None
    # Funding is in the balance at once. The list of payments is a dear one: it is read where the
    # balance is not as booked, and now and then for its own sake.
    is_thorough = run.scope in (Scope.LONG, Scope.PERIOD)
    try:
        await importing.bring_in(
            run.account_id,
            everything=run.scope != Scope.SHORT,
            with_funding=is_thorough and await db(has_opening, run.account_id),
            reach=reach,
            found=counts,
            seen=told.seen,
        )
        await opening.record(run.account_id)
    except Unread as failure:
        unread = failure
        log.warning("reconcile.incomplete", extra={"run_id": run.pk} | failure.details)
    await told.seen(Phase.COMPARING, 0, 1)
    compared = await comparing.compared(run.account_id)
    if not is_thorough and unread is None and not _balances_are_equal(compared):
        known = counts.fundings
        unread = await _funding(run.account_id, reach, counts)
        if counts.fundings > known:
            compared = await comparing.compared(run.account_id)
    if unread is not None:
        compared = [comparing.without(one, unread.failures) for one in compared]
    return unread, compared


def _balances_are_equal(compared: list[Compared]) -> bool:
    """Then nothing was paid that is not booked."""
    return any(one.what == "balances" and one.answer is Answer.EQUAL for one in compared)


async def _funding(account_id: int, reach: Reach, counts: Imported) -> Unread | None:
    try:
        await importing.bring_in_funding(account_id, reach=reach, found=counts)
    except Unread as failure:
        return failure
    return None


class _Told:
    """Writes how far a run is, at most once a second and at each new phase."""

    def __init__(self, run_id: int) -> None:
        self._run_id = run_id
        self._phase: Phase | None = None
        self._told_at_s = 0.0

    async def seen(self, phase: Phase, done: int, total: int) -> None:
        now_s = monotonic()
        if phase is self._phase and now_s - self._told_at_s < TOLD_EVERY_S:
            return
        self._phase, self._told_at_s = phase, now_s
        await db(runs.progress, self._run_id, phase, done, total)


def _note(
    run: ReconcileRun, counts: Imported, compared: list[Compared], found: dict[str, Any]
) -> None:
    """Cases of what differs, and one event that the round was made."""
    differences = [each for one in compared for each in one.differences]
    explained = comparisons.explained(run.account_id, differences)
    hidden = [unshown(one.symbol, one.exchange_order_id, one.why) for one in counts.unexplained]
    comparisons.note_comparison(
        run.account_id,
        [*_looked_at(run, compared)],
        [
            *explained,
            *hidden,
            *comparisons.external_positions(run.account_id),
            *comparisons.gone_markets(run.account_id),
        ],
        tick={"run_id": run.pk, "scope": run.scope, "found": found},
    )


def _looked_at(run: ReconcileRun, compared: list[Compared]) -> Iterator[Finding]:
    """What the round can say is gone: a short one does not ask about every order."""
    yield from (Finding.EXTERNAL_POSITION, Finding.MARKET_GONE)
    for one in compared:
        if one.answer in (Answer.EQUAL, Answer.DIFFERENT):
            yield _FINDINGS[one.what]
    if run.scope in (Scope.HOURLY, Scope.LONG):
        yield Finding.ORDER_UNKNOWN


def _counts(counts: Imported) -> dict[str, Any]:
    return asdict(counts) | {"unexplained": len(counts.unexplained)}


def _shown(one: Compared) -> dict[str, Any]:
    return {"answer": str(one.answer), "differences": len(one.differences), "why": one.why}


def _error(failure: CallFailed | OmsError) -> dict[str, Any]:
    if isinstance(failure, OmsError):
        body = failure.body("")
        return {name: body[name] for name in ("code", "message", "details")}
    return {"code": failure.code, "message": str(failure), "details": failure.details}
