"""Set the exchange login of an account."""

from typing import Any

from django.core.management.base import CommandParser

from accounts import selectors, services
from accounts.audit import OPERATOR
from accounts.management.operator_command import OperatorCommand
from accounts.management.secret_input import WHAT_IS_KEPT, Secret, read_secrets
from accounts.validation import needed_parts
from accounts.words import LoginPart

VARIABLES = {
    LoginPart.API_KEY: "OMS_EXCHANGE_API_KEY",
    LoginPart.SECRET: "OMS_EXCHANGE_SECRET",
    LoginPart.PASSPHRASE: "OMS_EXCHANGE_PASSPHRASE",
    LoginPart.UID: "OMS_EXCHANGE_UID",
    LoginPart.WALLET_ADDRESS: "OMS_EXCHANGE_WALLET_ADDRESS",
    LoginPart.PRIVATE_KEY: "OMS_EXCHANGE_PRIVATE_KEY",
    LoginPart.EXCHANGE_ACCOUNT_ID: "OMS_EXCHANGE_ACCOUNT_ID",
    LoginPart.LOGIN_NAME: "OMS_EXCHANGE_LOGIN_NAME",
}


class Command(OperatorCommand):
    """The account's login is replaced as a whole; it is never printed."""

    help = (
        "Set or replace the exchange login of an account as a whole, encrypted. It comes from a "
        'prompt, --stdin ({"api_key": "…", "secret": "…", "passphrase": "…"}), '
        "$OMS_EXCHANGE_API_KEY, $OMS_EXCHANGE_SECRET and $OMS_EXCHANGE_PASSPHRASE, or options; "
        "likewise what else an exchange wants: uid, wallet_address, private_key, "
        f"exchange_account_id, login_name. {WHAT_IS_KEPT}"
    )
    example = "manage.py upsert_account_credentials --account-id 1 --stdin < login.json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account-id", type=int, required=True)
        for part in LoginPart:
            parser.add_argument(f"--{part.replace('_', '-')}", help="kept by the shell history")
        parser.add_argument("--stdin", action="store_true", help="read one JSON object")
        parser.add_argument(
            "--encrypt-input",
            action="store_true",
            help="accepted for older scripts; the input is always encrypted",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        account = selectors.account_by_id(options["account_id"])
        given = {part: options[part] for part in LoginPart}
        login = read_secrets(
            _asked_for(account.exchange_id), given=given, from_stdin=options["stdin"]
        )
        state = services.upsert_credentials(account=account, by=OPERATOR, **login)
        return {"account": {"id": account.pk}, "credentials": state.as_words()}


def _asked_for(exchange_id: str) -> tuple[Secret, ...]:
    """Every part that can be stored; at a terminal only what is needed, and a passphrase."""
    needed = needed_parts(exchange_id)
    return tuple(
        Secret(
            str(part),
            VARIABLES[part],
            required=part in needed,
            is_prompted=part in needed or part is LoginPart.PASSPHRASE,
        )
        for part in LoginPart
    )
