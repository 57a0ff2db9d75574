"""A tour through a running OMS."""

import json
from argparse import RawDescriptionHelpFormatter

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from rich.console import Console

from oms_project.starting.quickstart import quickstart_path
from oms_project.starting.touring import Client, Tour, TourFailed

NARROWEST = 140


class Command(BaseCommand):
    """``manage.py demo``."""

    help = (
        "Walk through a running `make run` over HTTP: market buy, limit order, change, cancel, "
        "partial close, close; then print orders, deals and positions, with the time of each step."
    )

    def create_parser(self, prog_name, subcommand, **options):
        """Keep the example's lines."""
        options["formatter_class"] = RawDescriptionHelpFormatter
        options["epilog"] = "example:\n  manage.py demo --account-id 2"
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser) -> None:
        """The options."""
        parser.add_argument("--account-id", type=int, help="which paper account (the first)")

    def handle(self, *args, **options) -> None:
        """Run the tour."""
        try:
            facts = json.loads(quickstart_path().read_text())
        except FileNotFoundError:
            raise CommandError(
                f"{quickstart_path()} is missing: start `make run` first, with the same "
                f"OMS_DATA_DIR (now {settings.OMS_DATA_DIR})"
            ) from None
        accounts = {account["id"]: account for account in facts["accounts"]}
        account_id = options["account_id"] or next(iter(accounts))
        if account_id not in accounts:
            raise CommandError(f"--account-id {account_id} is none of {sorted(accounts)}")
        account = accounts[account_id]
        console = Console()
        if console.width < NARROWEST:
            console = Console(width=NARROWEST)
        console.print(
            f"{account['label']} ({account['exchange_id']}), {account['symbols'][0]}\n",
            highlight=False,
        )
        client = Client(facts["base_url"], facts["api_key"])
        try:
            Tour(client, account_id, account["symbols"][0], console).run()
        except TourFailed as failure:
            raise CommandError(str(failure)) from None
