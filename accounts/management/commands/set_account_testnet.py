"""Switch an account between the exchange's test net and the real one."""

from typing import Any

from django.core.management.base import CommandParser

from accounts import selectors, services
from accounts.audit import OPERATOR
from accounts.management.operator_command import OperatorCommand


class Command(OperatorCommand):
    """The testnet flag of an account is on or off."""

    help = "Switch an account to the exchange's test net (--on) or to the real exchange (--off)."
    example = "manage.py set_account_testnet --account-id 1 --on"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account-id", type=int, required=True)
        choice = parser.add_mutually_exclusive_group(required=True)
        choice.add_argument("--on", action="store_true", dest="is_testnet")
        choice.add_argument("--off", action="store_false", dest="is_testnet")

    def run(self, **options: Any) -> dict[str, Any]:
        account = selectors.account_by_id(options["account_id"])
        before = services.set_testnet(
            account=account, is_testnet=options["is_testnet"], by=OPERATOR
        )
        return {"account": {"id": account.pk, "is_testnet": account.is_testnet, "was": before}}
