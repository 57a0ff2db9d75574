"""Set up a new installation, or complete one."""

import json
from argparse import RawDescriptionHelpFormatter

from django.core.management import BaseCommand, CommandError, call_command

from accounts.words import PositionMode
from oms_project.errors import OmsError
from oms_project.starting.installing import Installed, NewAccount, install


class Command(BaseCommand):
    """``manage.py install``."""

    help = (
        "Create the tables, the first admin (for the browser), the first trader with the first API "
        "key, and strategy 1. With --with-account also an exchange account that the key may read, "
        "trade and close on. Prints JSON; plain secrets appear only in the run that made them. "
        "Safe to repeat."
    )

    def create_parser(self, prog_name, subcommand, **options):
        """Keep the example's lines."""
        options["formatter_class"] = RawDescriptionHelpFormatter
        options["epilog"] = (
            "example:\n"
            "  manage.py install --with-account --exchange-id ccxt.binance --label main\n"
            "  manage.py upsert_account_credentials --account-id 1"
        )
        return super().create_parser(prog_name, subcommand, **options)

    def add_arguments(self, parser) -> None:
        """The options."""
        parser.add_argument("--skip-schema", action="store_true", help="do not migrate")
        parser.add_argument("--with-account", action="store_true", help="create an account too")
        parser.add_argument("--exchange-id", default="", help="ccxt.<id> or ccxtpro.<id>")
        parser.add_argument("--label", default="main", help="the account's name (main)")
        parser.add_argument(
            "--position-mode",
            default=PositionMode.NETTING.value,
            choices=[mode.value for mode in PositionMode],
        )
        parser.add_argument("--testnet", action="store_true", help="the exchange's test venue")

    def handle(self, *args, **options) -> None:
        """Install and print what there is."""
        if options["with_account"] and not options["exchange_id"]:
            raise CommandError("--with-account needs --exchange-id, such as ccxt.binance")
        if not options["skip_schema"]:
            call_command("migrate", interactive=False, verbosity=0)
        wanted = []
        if options["with_account"]:
            wanted.append(
                NewAccount(
                    exchange_id=options["exchange_id"],
                    label=options["label"],
                    position_mode=options["position_mode"],
                    is_testnet=options["testnet"],
                )
            )
        try:
            done = install(wanted)
        except OmsError as error:
            raise CommandError(f"{error.code}: {error.message} {error.details}") from None
        self.stdout.write(json.dumps(_shown(done), indent=2))


def _shown(done: Installed) -> dict:
    account = done.accounts[0] if done.accounts else None
    return {
        "admin": {
            "id": done.admin.pk,
            "username": done.admin.username,
            "password": done.admin_password,
        },
        "trader": {
            "id": done.trader.pk,
            "username": done.trader.username,
            "password": done.trader_password,
        },
        "api_key": {"id": done.key.pk, "prefix": done.key.prefix, "plain": done.key_plain},
        "strategy": {"id": done.strategy.pk, "name": done.strategy.name},
        "account": None
        if account is None
        else {
            "id": account.pk,
            "label": account.label,
            "exchange_id": account.exchange_id,
            "position_mode": account.position_mode,
            "is_testnet": account.is_testnet,
        },
    }
