"""The risk desk app."""

from django.apps import AppConfig


class RiskdeskConfig(AppConfig):
    """Limits, halts and the desk's screens."""

    name = "riskdesk"
