"""Serve REST, admin and commands; the worker runs elsewhere."""

from django.core.management import BaseCommand

from oms_project.starting.web import leave, listen


class Command(BaseCommand):
    """``manage.py web``."""

    help = (
        "Serve the web part of server mode on OMS_HOST and OMS_PORT: REST, the admin site and "
        "commands. Worker and scheduler are Celery's own commands. "
        "Example: OMS_HOST=0.0.0.0 OMS_PORT=8000 manage.py web"
    )

    def handle(self, *args, **options) -> None:
        """Until Ctrl-C."""
        listen()
        leave()
