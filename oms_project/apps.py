"""The project as apps: for the commands that need all parts, and for the back office's site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ProjectConfig(AppConfig):
    """Installs ``install``, ``serve``, ``quickstart`` and ``demo``."""

    name = "oms_project"


class BackOfficeConfig(AdminConfig):
    """Django's admin behind our own door."""

    default_site = "accounts.admin_site.BackOfficeSite"
