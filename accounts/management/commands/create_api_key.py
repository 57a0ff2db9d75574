"""Create an API key for a user."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from accounts import selectors, services
from accounts.audit import OPERATOR
from accounts.management.operator_command import OperatorCommand
from accounts.rights import acts


class Command(OperatorCommand):
    """A key with the rights that the user's role has by default."""

    help = (
        "Create an API key with the default rights of its user's role on the named accounts, and "
        "print its text, which is stored nowhere. Naming strategies restricts the key to them; a "
        "robot's key is restricted even without."
    )
    example = "manage.py create_api_key --user-name bot --account-id 1 --strategy-id 3"
    notes = "what each act takes of a key (and which roles can have it):\n" + "\n".join(
        f"  {act}: {rights} ({roles})" for act, roles, rights, _ in acts.lines()
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--user-name", required=True)
        parser.add_argument("--account-id", type=int, action="append", default=[], dest="accounts")
        parser.add_argument(
            "--strategy-id", type=int, action="append", default=[], dest="strategies"
        )
        parser.add_argument("--label", default="")
        parser.add_argument("--expires-in-days", type=int)
        parser.add_argument(
            "--allow-ip", action="append", default=[], help="address or network; repeat for more"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        user = selectors.user_by_name(options["user_name"])
        days = options["expires_in_days"]
        issued = services.create_api_key(
            user=user,
            grants=services.template_grants(
                user.role, options["accounts"], strategy_ids=options["strategies"]
            ),
            label=options["label"],
            expires_at=None if days is None else timezone.now() + timedelta(days=days),
            ip_allow_list=options["allow_ip"],
            by=OPERATOR,
        )
        return {
            "api_key": {
                "id": issued.row.pk,
                "plain": issued.plain,
                "prefix": issued.row.prefix,
                "label": issued.row.label,
            },
            "user": {"id": user.pk, "user_name": user.username, "role": user.role},
            "account_ids": sorted(
                issued.row.permissions.values_list("account_id", flat=True).order_by()
            ),
        }
