"""Check the chain of the audit trail."""

from typing import Any

from django.core.management.base import CommandError

from accounts.management.operator_command import OperatorCommand
from accounts.trail import linking


class Command(OperatorCommand):
    """``manage.py verify_audit``."""

    help = (
        "Compute the hash of every linked entry of the audit trail anew and compare; say how many "
        "entries are not linked yet (the running product links within two seconds) and since when "
        "the oldest of them waits. Exit status 1 where the chain is broken."
    )
    example = "manage.py verify_audit"

    def run(self, **options: Any) -> dict[str, Any]:
        found = linking.verify()
        if found.broken_at is not None:
            raise CommandError(
                f"The chain is broken at link {found.broken_at} of {found.linked}; "
                f"{found.unlinked} entries are not linked yet."
            )
        oldest = found.oldest_unlinked
        return {
            "linked": found.linked,
            "unlinked": found.unlinked,
            "oldest_unlinked": oldest.isoformat() if oldest else None,
        }
