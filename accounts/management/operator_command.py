"""What do all commands for operators have in common?

An example in ``--help``, JSON on standard output, and for a refusal one clear line on standard
error with a non-zero exit.
"""

import json
from argparse import RawDescriptionHelpFormatter
from typing import Any, ClassVar

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)

from oms_project.errors import OmsError


class RawHelp(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's help with the lines of the example left as they are."""


class OperatorCommand(BaseCommand):
    """Implement ``run``; what it returns is printed as JSON. ``notes`` end its ``--help``."""

    example: ClassVar[str] = ""
    notes: ClassVar[str] = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name,
            subcommand,
            epilog=f"example:\n  {self.example}\n\n{self.notes}".rstrip(),
            formatter_class=RawHelp,
            **kwargs,
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            answer = self.run(**options)
        except OmsError as error:
            raise CommandError(sentence_of(error)) from error
        self.stdout.write(json.dumps(answer, indent=2))

    def run(self, **options: Any) -> dict[str, Any]:
        """Do the work and return what to print."""
        raise CommandError(f"{type(self).__module__} has nothing to run")


def sentence_of(error: OmsError) -> str:
    """The error in one line: message, then field, limit and value where they are known."""
    facts = error.body("")["details"]
    listed = ", ".join(f"{name}: {json.dumps(value)}" for name, value in facts.items())
    return f"{error.code}: {error.message}" + (f" ({listed})" if listed else "")


def json_option(text: str, *, option: str) -> dict[str, Any]:
    """The value of an option that takes a JSON object.

    Raises:
        CommandError: it is not one.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{option} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise CommandError(f"{option} takes a JSON object such as {{}}, not {text}")
    return value
