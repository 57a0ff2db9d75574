"""Make the keys of an installation."""

import secrets
from typing import Any

from accounts.management.operator_command import OperatorCommand


class Command(OperatorCommand):
    """Two fresh random keys; nothing is stored and nothing else is printed."""

    help = (
        "Print fresh values for DJANGO_SECRET_KEY and CREDENTIALS_KEYS. To rotate the latter, put "
        "the new key in front of the old one, separated by a comma."
    )
    example = "manage.py generate_master_key > keys.json"
    requires_system_checks = ()

    def run(self, **options: Any) -> dict[str, Any]:
        return {
            name: secrets.token_urlsafe(32) for name in ("DJANGO_SECRET_KEY", "CREDENTIALS_KEYS")
        }
