"""How does Django load ``accounts``?"""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, keys, exchange accounts and who may do what."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Teach the OpenAPI generator our header."""
        from accounts.api import schema  # noqa: F401 — importing it registers it.
