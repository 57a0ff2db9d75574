"""Take away the second factor of a user."""

from typing import Any

from django.core.management.base import CommandParser

from accounts import selectors
from accounts.audit import OPERATOR
from accounts.management.operator_command import OperatorCommand
from accounts.services import two_factor


class Command(OperatorCommand):
    """For a lost authenticator; every log-in of the user ends."""

    help = "Remove the second factor of a user whose authenticator and recovery codes are lost."
    example = "manage.py reset_two_factor --user-name carol"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user-name", required=True)
        parser.add_argument("--comment", default="", help="why, for the audit trail")

    def run(self, **options: Any) -> dict[str, Any]:
        user = selectors.user_by_name(options["user_name"])
        removed = two_factor.remove(user=user, by=OPERATOR, comment=options["comment"])
        return {"user": {"id": user.pk, "user_name": user.username}, "removed": removed}
