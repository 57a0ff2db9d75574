"""Create a user."""

from typing import Any

from django.core.management.base import CommandParser

from accounts import services
from accounts.audit import OPERATOR
from accounts.management.operator_command import OperatorCommand
from accounts.management.secret_input import WHAT_IS_KEPT, Secret, read_secrets
from accounts.words import Role

PASSWORD = Secret("password", "OMS_USER_PASSWORD")


class Command(OperatorCommand):
    """A user with a role, and with a password unless it is for programs only."""

    help = (
        "Create a user with a role. The password comes from a prompt, --stdin, "
        f"$OMS_USER_PASSWORD or --password. {WHAT_IS_KEPT}"
    )
    example = "manage.py create_user --user-name alice --role trader"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user-name", required=True)
        parser.add_argument("--role", required=True, help=", ".join(Role))
        parser.add_argument("--email", default="")
        parser.add_argument("--password", help="kept by the shell history")
        parser.add_argument("--stdin", action="store_true", help='read {"password": "…"} as JSON')
        parser.add_argument(
            "--no-password", action="store_true", help="nobody can log in as it; for robots"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        password = None
        if not options["no_password"]:
            given = {"password": options["password"]}
            password = read_secrets((PASSWORD,), given=given, from_stdin=options["stdin"])[
                "password"
            ]
        user = services.create_user(
            user_name=options["user_name"],
            role=options["role"],
            email=options["email"],
            password=password,
            by=OPERATOR,
        )
        return {"user": {"id": user.pk, "user_name": user.username, "role": user.role}}
