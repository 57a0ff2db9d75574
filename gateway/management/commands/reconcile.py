"""Bring in what happened at an account's exchange."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from accounts import selectors
from accounts.management.operator_command import OperatorCommand
from gateway import importing, loop, sessions
from gateway.importing import Imported
from gateway.outcomes import CallFailed


class Command(OperatorCommand):
    """``manage.py reconcile``."""

    help = (
        "Ask an account's exchange for trades, open orders, liquidations and funding that are not "
        "in our books, and book them: orders that were given elsewhere become external orders. "
        "Works beside a running worker; repeating it books nothing twice. Exit status 1 where the "
        "exchange could not be asked about everything."
    )
    example = "manage.py reconcile --account-id 1"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account-id", type=int, required=True)

    def run(self, **options: Any) -> dict[str, Any]:
        account = selectors.account_by_id(options["account_id"])
        try:
            found = self._bring_in(account.pk)
        except CallFailed as failure:
            why = f"{failure.code}: the exchange could not be asked about everything: {failure}"
            raise CommandError(why) from None
        finally:
            loop.call(sessions.close_all(), 5)
            loop.stop()
        if found.unexplained:
            listed = ", ".join(found.unexplained)
            raise CommandError(f"trades whose orders the exchange does not show: {listed}")
        return {"account_id": account.pk} | asdict(found)

    def _bring_in(self, account_id: int) -> Imported:
        """With a bar on a terminal's standard error; standard output is for the JSON."""
        console = Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
            task = bar.add_task("asking", total=None)

            def seen(symbol: str, number: int, count: int) -> None:
                bar.update(task, description=symbol, completed=number, total=count)

            return loop.call(importing.bring_in(account_id, everything=True, seen=seen))
