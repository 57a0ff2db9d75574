"""Add an exchange account."""

from typing import Any

from django.core.management.base import CommandParser

from accounts import services
from accounts.audit import OPERATOR
from accounts.management.operator_command import OperatorCommand, json_option
from accounts.words import PositionMode, Protection, RawStorage, Reversal


class Command(OperatorCommand):
    """An account without credentials; ``upsert_account_credentials`` adds them."""

    help = (
        "Add an exchange account. Its credentials are set with upsert_account_credentials, and a "
        "key that may use it is made with create_api_key or in the admin site."
    )
    example = "manage.py add_account --exchange-id ccxtpro.binance --label main --testnet"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--exchange-id", required=True, help="ccxt.<id> or ccxtpro.<id>")
        parser.add_argument("--label", required=True)
        parser.add_argument("--testnet", action="store_true")
        parser.add_argument(
            "--position-mode", default=PositionMode.NETTING.value, help=", ".join(PositionMode)
        )
        parser.add_argument("--reversal", default=Reversal.SPLIT.value, help=", ".join(Reversal))
        parser.add_argument(
            "--protection",
            default=Protection.OMS.value,
            help=f"who watches stops on spot: {', '.join(Protection)}",
        )
        parser.add_argument(
            "--clear-stops",
            action="store_true",
            help="a later order without stops clears the position's stops (default: keeps them)",
        )
        parser.add_argument(
            "--provisional-after-s",
            type=int,
            help="book a fill that the exchange reports and does not list after so many seconds "
            "(default: only a person does)",
        )
        parser.add_argument(
            "--raw-storage", default=RawStorage.SHARED.value, help=", ".join(RawStorage)
        )
        parser.add_argument("--reconcile-policy", default="{}", help="JSON object")
        parser.add_argument("--extra-config", default="{}", help="JSON object, allow-listed keys")

    def run(self, **options: Any) -> dict[str, Any]:
        account = services.add_account(
            exchange_id=options["exchange_id"],
            label=options["label"],
            is_testnet=options["testnet"],
            position_mode=options["position_mode"],
            reversal=options["reversal"],
            protection=options["protection"],
            keep_stops=not options["clear_stops"],
            provisional_after_s=options["provisional_after_s"],
            raw_storage=options["raw_storage"],
            reconcile_policy=json_option(options["reconcile_policy"], option="--reconcile-policy"),
            extra_config=json_option(options["extra_config"], option="--extra-config"),
            by=OPERATOR,
        )
        return {
            "account": {
                "id": account.pk,
                "exchange_id": account.exchange_id,
                "label": account.label,
                "is_testnet": account.is_testnet,
                "position_mode": account.position_mode,
                "reversal": account.reversal,
                "status": account.status,
            }
        }
