"""Try out an account's login."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from accounts.management.operator_command import OperatorCommand, sentence_of
from gateway import connection, loop
from gateway.connection import Check
from gateway.sessions import kept as sessions
from oms_project.errors import OmsError


class Command(OperatorCommand):
    """``manage.py test_connection``."""

    help = (
        "Ask an account's exchange whether it can be traded: engine, markets, clock, login, what "
        "the login may, and on derivatives whether the account is one-way. Nothing is ordered. "
        "Exit status 1 where a check failed."
    )
    example = "manage.py test_connection --account-id 1 --json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account-id", type=int, required=True)
        parser.add_argument("--json", action="store_true", help="JSON instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checks = connection.probe(options["account_id"])
        except OmsError as error:
            raise CommandError(sentence_of(error)) from error
        except TimeoutError:
            raise CommandError("the exchange did not answer in time") from None
        finally:
            loop.call(sessions.close_all(), 5)
            loop.stop()
        passed = connection.passed(checks)
        if options["json"]:
            body = {"passed": passed, "checks": [asdict(check) for check in checks]}
            self.stdout.write(json.dumps(body, indent=2))
        else:
            self._print_table(checks)
        if not passed:
            sys.exit(1)

    def _print_table(self, checks: list[Check]) -> None:
        table = Table("check", "result", "facts")
        for check in checks:
            facts = ", ".join(f"{name}: {value}" for name, value in check.facts.items())
            table.add_row(check.name, check.result, facts)
        self.stdout.ending = ""
        Console(file=self.stdout, highlight=False, width=120).print(table)
