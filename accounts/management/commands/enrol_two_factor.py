"""Set up the second factor of a user on their behalf."""

from typing import Any

from django.core.management.base import CommandParser

from accounts import selectors
from accounts.audit import OPERATOR
from accounts.management.operator_command import OperatorCommand
from accounts.services import two_factor


class Command(OperatorCommand):
    """Prints what an authenticator needs, and the recovery codes; both are shown this once."""

    help = (
        "Set up a second factor for a user, for whoever cannot do it alone: with "
        "OMS_TWO_FACTOR_REQUIRED a risk user without one cannot log in. Prints the secret, the "
        "otpauth address for a QR code and the recovery codes. Log-ins need it at once."
    )
    example = "manage.py enrol_two_factor --user-name carol > for-carol.json"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user-name", required=True)

    def run(self, **options: Any) -> dict[str, Any]:
        user = selectors.user_by_name(options["user_name"])
        enrolment, codes = two_factor.enrol_for(user=user, by=OPERATOR)
        return {
            "user": {"id": user.pk, "user_name": user.username},
            "secret": enrolment.secret,
            "otpauth_uri": enrolment.uri,
            "recovery_codes": codes,
        }
