"""The positions app: orders, deals, positions."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_save


class PositionsConfig(AppConfig):
    """Orders, deals, positions: the OMS itself."""

    name = "positions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give every new account its lane; what waits for an order's end hears of it."""
        from positions.projector.orders.progress import when_ended  # After the models.
        from positions.services import close_all

        when_ended(close_all.go_on)
        post_save.connect(_make_lane, sender="accounts.Account", dispatch_uid="lane_of_account")


def _make_lane(*, instance: Any, created: bool, raw: bool, **_: Any) -> None:
    """With the account, not at its first command: two first commands would deadlock on InnoDB."""
    if created and not raw:
        from positions.models import AccountLane  # Models are loaded after apps.

        AccountLane.objects.get_or_create(pk=instance.pk)
