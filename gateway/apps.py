"""The gateway app: sessions at the exchanges, raw evidence, market rules."""

from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """The way to the exchanges."""

    name = "gateway"
    default_auto_field = "django.db.models.BigAutoField"
