"""Check what is always true of the books."""

import sys
from argparse import RawDescriptionHelpFormatter

from django.core.management import BaseCommand, CommandError

from gateway import loop
from gateway.reconcile import comparing
from gateway.reconcile.comparing import Answer, Compared
from gateway.sessions import kept as sessions
from positions.ledger import invariants, showing
from positions.ledger.findings import shown as as_text


class Command(BaseCommand):
    """``manage.py verify_ledger``."""

    help = (
        "Check per account what is always true: deals and merges add up to positions, profits to "
        "results, positions and dust to executions; the hash chain is whole; booking and event "
        "numbers have no gap. With --exchange the exchange is asked too: positions per symbol of "
        "derivatives, and per currency what is owned. Nothing is booked. "
        "Exit status 1 where something differs, 2 where the exchange could not be asked."
    )

    def create_parser(self, prog_name, subcommand, **options):
        """Keep the example's lines."""
        options["formatter_class"] = RawDescriptionHelpFormatter
        options["epilog"] = "example:\n  manage.py verify_ledger --account-id 2 --exchange"
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser) -> None:
        """The options."""
        parser.add_argument("--account-id", type=int, help="one account (all)")
        parser.add_argument(
            "--exchange", action="store_true", help="compare with what the exchange shows as well"
        )

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
        compared = self._ask_exchanges(shown, list(lanes)) if options["exchange"] else []
        shown.summary(len(lanes))
        if shown.count or any(one.answer is Answer.DIFFERENT for one in compared):
            sys.exit(1)
        if any(one.answer in (Answer.NOT_ASKED, Answer.MOVING) for one in compared):
            sys.exit(2)

    def _ask_exchanges(self, shown: showing.Shown, account_ids: list[int]) -> list[Compared]:
        """Compare every account with its exchange, name what differs, and print the table."""
        compared: list[Compared] = []
        try:
            with shown.progress(len(account_ids), "accounts asked") as seen:
                for account_id in account_ids:
                    compared += comparing.compare(account_id)
                    seen(1)
        finally:
            loop.call(sessions.close_all(), 5)
            loop.stop()
        for one in compared:
            for each in one.differences:
                self.stdout.write(
                    f"account {one.account_id}  {each.finding} of {each.subject}: "
                    f"ours {as_text(each.ours)}, exchange {as_text(each.venue)}\n"
                )
        lines = [
            [str(one.account_id), one.what, one.answer, one.why or str(len(one.differences))]
            for one in compared
        ]
        shown.table("The exchange says", ["account", "of", "answer", "differences"], lines)
        return compared
