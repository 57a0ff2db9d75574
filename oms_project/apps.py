"""The project as apps: for the commands that need all parts, and for the back office's site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.core import checks


class ProjectConfig(AppConfig):
    """Installs ``install``, ``serve``, ``quickstart`` and ``demo``."""

    name = "oms_project"

    def ready(self) -> None:
        """Has every command look at the data folder, and puts the words of all languages there."""
        from django.conf import settings  # Settings are there by now.

        from oms_project.desk.languages import compile_catalogues
        from oms_project.guard.folder import check_data_folder

        checks.register(check_data_folder)
        compile_catalogues(settings.LOCALE_PATHS[0])


class BackOfficeConfig(AdminConfig):
    """Django's admin behind our own door."""

    default_site = "accounts.backoffice.site.BackOfficeSite"
