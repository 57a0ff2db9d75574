"""Serve everything from one process."""

from django.core.management import BaseCommand

from oms_project.starting.embedded import serve


class Command(BaseCommand):
    """``manage.py serve``."""

    help = (
        "Serve web, worker, scheduler and streams from one process, as `make run` does, on "
        "OMS_HOST and OMS_PORT. Example: OMS_PORT=8000 manage.py serve"
    )

    def handle(self, *args, **options) -> None:
        """Until Ctrl-C."""
        serve()
