"""Bring in what happened at an account's exchange, and compare."""

import argparse
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from accounts import selectors
from accounts.management.operator_command import OperatorCommand
from gateway import loop, runs
from gateway.models import ReconcileRun
from gateway.reconcile import reconciling
from gateway.runs import Asked
from gateway.schedule import loops
from gateway.sessions import kept as sessions
from gateway.words import RunState, Scope

POLL_S = 0.5


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day: YYYY-MM-DD") from None


class Command(OperatorCommand):
    """``manage.py reconcile``."""

    help = (
        "Ask an account's exchange for trades, open orders, liquidations and funding that are not "
        "in our books, and book them: orders that were given elsewhere become external orders. "
        "Then compare positions and balances; what differs becomes a case. Works beside a running "
        "worker; repeating it books nothing twice. Exit status 1 where the exchange could not be "
        "asked about everything."
    )
    example = "manage.py reconcile --account-id 1 --scope period --start-date 2026-01-01"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account-id", type=int, required=True)
        parser.add_argument(
            "--scope", choices=[*map(str, Scope)], default=str(Scope.LONG),
            help="how far back: as the account's loops do, or the days of a period",
        )  # fmt: skip
        parser.add_argument("--start-date", type=_day, help="of a period, a UTC day")
        parser.add_argument("--end-date", type=_day, help="of a period, inclusive; default today")
        parser.add_argument(
            "--symbol", action="append", default=[], help="read this one too; may be repeated"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        account = selectors.account_by_id(options["account_id"])
        scope = Scope(options["scope"])
        if (scope is Scope.PERIOD) != bool(options["start_date"]):
            raise CommandError("--start-date goes with --scope period, and a period needs it")
        since, until = self._bounds(scope, loops(account.reconcile_policy), options)
        wish = Asked(scope, since, until, options["symbol"])
        run = runs.begin(account.pk, wish)
        try:
            succeeded = self._reconcile(run)
        finally:
            loop.call(sessions.close_all(), 5)
            loop.stop()
        run.refresh_from_db()
        if not succeeded:
            error = run.error or {}
            raise CommandError(
                f"{error.get('code')}: the exchange could not be asked about everything: "
                f"{error.get('message')}"
            )
        return {"account_id": account.pk, "run_id": run.pk, "scope": scope} | run.found

    def _bounds(
        self, scope: Scope, known: dict[Scope, Any], options: dict[str, Any]
    ) -> tuple[datetime, datetime | None]:
        now = datetime.now(UTC)
        if scope is not Scope.PERIOD:
            return now - timedelta(seconds=known[scope].look_back_s), None
        end = options["end_date"] or now.date()
        if end < options["start_date"]:
            raise CommandError("--end-date is before --start-date")
        return (
            datetime.combine(options["start_date"], time(), UTC),
            datetime.combine(end + timedelta(days=1), time(), UTC),
        )

    def _reconcile(self, run: ReconcileRun) -> bool:
        """With a bar on a terminal's standard error; standard output is for the JSON."""
        console = Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
            task = bar.add_task("asking", total=None)
            work = loop.run(reconciling.reconcile(run))
            while not work.done():
                try:
                    return work.result(POLL_S)
                except TimeoutError:
                    row = ReconcileRun.objects.get(pk=run.pk)
                    if row.state == RunState.RUNNING:
                        bar.update(task, description=row.phase or "asking", completed=row.done,
                                   total=row.total or None)  # fmt: skip
            return work.result()
