"""Check what is always true of the books."""

import sys
from argparse import RawDescriptionHelpFormatter

from django.core.management import BaseCommand, CommandError

from positions.ledger import invariants, showing


class Command(BaseCommand):
    """``manage.py verify_ledger``."""

    help = (
        "Check per account what is always true: deals and merges add up to positions, profits to "
        "results, positions and dust to executions; the hash chain is whole; booking and event "
        "numbers have no gap. The exchange is not asked. Exit status 1 where something differs."
    )

    def create_parser(self, prog_name, subcommand, **options):
        """Keep the example's lines."""
        options["formatter_class"] = RawDescriptionHelpFormatter
        options["epilog"] = "example:\n  manage.py verify_ledger --account-id 2"
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser) -> None:
        """The options."""
        parser.add_argument("--account-id", type=int, help="one account (all)")

    def handle(self, *args, **options) -> None:
        """Check and print the table."""
        try:
            lanes = showing.lanes(options["account_id"])
        except LookupError as unknown:
            raise CommandError(str(unknown)) from None
        self.stdout.ending = ""
        shown = showing.Shown(self.stdout)
        outcomes = []
        with shown.progress(sum(lanes.values())) as seen:
            for account_id in lanes:
                outcomes += invariants.verify(account_id, report=shown.report, seen=seen)
        lines = [
            [
                str(each.account_id),
                str(each.check),
                str(each.looked_at),
                f"no ({each.differences})" if each.differences else "yes",
            ]
            for each in outcomes
        ]
        shown.table("Always true", ["account", "check", "looked at", "holds"], lines)
        shown.summary(len(lanes))
        if shown.count:
            sys.exit(1)
