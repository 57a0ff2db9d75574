"""The positions app: orders, deals, positions."""

from django.apps import AppConfig


class PositionsConfig(AppConfig):
    """Orders, deals, positions: the OMS itself."""

    name = "positions"
    default_auto_field = "django.db.models.BigAutoField"
