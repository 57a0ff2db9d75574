"""Prove the positions from the ledger."""

import sys
from argparse import RawDescriptionHelpFormatter

from django.core.management import BaseCommand, CommandError

from positions.ledger import rebuild, showing


class Command(BaseCommand):
    """``manage.py rebuild_positions``."""

    help = (
        "Recompute every position and deal from the ledger (executions, close-bys, merges, "
        "corrections), compare with the live rows, and check the executions' hash chain. "
        "Names each difference; exit status 1 where there is one. "
        "Only --verify is offered: nothing is written."
    )

    def create_parser(self, prog_name, subcommand, **options):
        """Keep the example's lines."""
        options["formatter_class"] = RawDescriptionHelpFormatter
        options["epilog"] = "example:\n  manage.py rebuild_positions --verify --account-id 2"
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser) -> None:
        """The options."""
        parser.add_argument("--account-id", type=int, help="one account (all)")
        parser.add_argument("--verify", action="store_true", help="compare and write nothing")

    def handle(self, *args, **options) -> None:
        """Replay and compare."""
        if not options["verify"]:
            raise CommandError("give --verify: the live rows are compared, never overwritten")
        try:
            lanes = showing.lanes(options["account_id"])
        except LookupError as unknown:
            raise CommandError(str(unknown)) from None
        self.stdout.ending = ""
        shown = showing.Shown(self.stdout)
        with shown.progress(sum(lanes.values())) as seen:
            for account_id in lanes:
                rebuild.verify(account_id, report=shown.report, seen=seen)
        shown.summary(len(lanes))
        if shown.count:
            sys.exit(1)
