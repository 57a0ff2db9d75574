"""The Celery application: ``celery -A oms_project worker --pool threads``.

A worker process serves every account from the moment it is ready, and finishes what is on the wire
before it ends.
"""

import os

from celery import Celery, signals

from oms_project.bells import in_process as broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms_project.settings")
broker.register()

app = Celery("oms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.worker_ready.connect
def _serve_accounts(**_facts) -> None:
    from gateway.worker import runner  # Models exist only once Django is set up.

    runner.start()


@signals.worker_shutting_down.connect
def _finish(**_facts) -> None:
    from gateway.worker import runner  # See above.

    runner.stop()


@signals.setup_logging.connect
def _keep_our_logging(**_facts) -> None:
    """Celery would replace the handlers that settings configured."""
