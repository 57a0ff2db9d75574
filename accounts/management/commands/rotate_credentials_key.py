"""Encrypt every stored secret with the newest credentials key."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.audit import OPERATOR
from accounts.management.operator_command import OperatorCommand
from accounts.services.rotation import Tally, rotate, stored_secrets


class Command(OperatorCommand):
    """Afterwards the older keys can be taken out of CREDENTIALS_KEYS."""

    help = (
        "Encrypt every stored exchange login and second factor with the first key in "
        "CREDENTIALS_KEYS. Everything goes on meanwhile, since old and new are readable; a run "
        "that was cut short is started again and leaves alone what is done. Without downtime: put "
        "the new key last and restart every process, then first and restart, then run this, then "
        "take the old key out. Ends non-zero while anything is not on the newest key."
    )
    example = "manage.py rotate_credentials_key --check"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only count, rewrite nothing")

    def run(self, **options: Any) -> dict[str, Any]:
        total, only_look = stored_secrets(), options["check"]

        def show(tally: Tally) -> None:
            self.stderr.write(f"{tally.seen} of {total}")

        tally = rotate(by=OPERATOR, on_progress=show, only_look=only_look)
        if tally.unreadable or tally.changed_meanwhile:
            raise CommandError(
                f"{tally.unreadable} secrets open with no key in CREDENTIALS_KEYS, "
                f"{tally.changed_meanwhile} were changed meanwhile: run it again. "
                f"{tally.rewritten} rewritten, {tally.newest} were on the newest key."
            )
        if only_look and tally.rewritten:
            raise CommandError(f"{tally.rewritten} of {total} are not on the newest key.")
        return {"secrets": tally.as_facts()}
