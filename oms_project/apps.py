"""The project as an app, for the commands that need all parts."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Installs ``install``, ``serve``, ``quickstart`` and ``demo``."""

    name = "oms_project"
