"""Set the exchange login of an account."""

from typing import Any

from django.core.management.base import CommandParser

from accounts import selectors, services
from accounts.audit import OPERATOR
from accounts.management.operator_command import OperatorCommand
from accounts.management.secret_input import WHAT_IS_KEPT, Secret, read_secrets

LOGIN = (
    Secret("api_key", "OMS_EXCHANGE_API_KEY"),
    Secret("secret", "OMS_EXCHANGE_SECRET"),
    Secret("passphrase", "OMS_EXCHANGE_PASSPHRASE", required=False),
)


class Command(OperatorCommand):
    """The account's login is replaced as a whole; it is never printed."""

    help = (
        "Set or replace the exchange login of an account as a whole, encrypted. It comes from a "
        'prompt, --stdin ({"api_key": "…", "secret": "…", "passphrase": "…"}), '
        "$OMS_EXCHANGE_API_KEY, $OMS_EXCHANGE_SECRET and $OMS_EXCHANGE_PASSPHRASE, or options. "
        f"{WHAT_IS_KEPT}"
    )
    example = "manage.py upsert_account_credentials --account-id 1 --stdin < login.json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account-id", type=int, required=True)
        parser.add_argument("--api-key", help="kept by the shell history")
        parser.add_argument("--secret", help="kept by the shell history")
        parser.add_argument("--passphrase", help="kept by the shell history")
        parser.add_argument("--stdin", action="store_true", help="read one JSON object")
        parser.add_argument(
            "--encrypt-input",
            action="store_true",
            help="accepted for older scripts; the input is always encrypted",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        account = selectors.account_by_id(options["account_id"])
        login = read_secrets(
            LOGIN,
            given={item.name: options[item.name] for item in LOGIN},
            from_stdin=options["stdin"],
        )
        state = services.upsert_credentials(account=account, by=OPERATOR, **login)
        return {"account": {"id": account.pk}, "credentials": state.as_words()}
