"""Web, worker, scheduler and streams in one process, with the broker in its memory.

The same Celery tasks, projector and events as with separate processes: only who hosts them differs.
See docs/adr/0002-embedded-mode.md for why.
"""

import logging
import threading
from concurrent.futures import CancelledError

from celery import _state
from celery.beat import Scheduler, Service
from celery.worker import WorkController
from daphne.server import Server
from django.conf import settings

from gateway import heartbeat, runner
from oms_project.celery import app

log = logging.getLogger(__name__)

TASK_THREADS = 2


class Inside(Scheduler):
    """Keeps no schedule file: intervals start anew with the process."""


def serve() -> None:
    """Run everything until SIGINT or SIGTERM, then finish what is on the wire and return."""
    heartbeat.forget()  # What a killed process left must not call this one ready.
    worker = _start_worker()
    beat = _start_beat()
    threading.Thread(target=_start_accounts, name="start-accounts", daemon=True).start()
    server = Server(
        application=_application(),
        endpoints=[f"tcp:port={settings.OMS_PORT}:interface={settings.OMS_HOST}"],
        server_name="ccxt-position",
        # Waiting requests may take a minute; see positions.api.commands.LONGEST_WAIT_MS.
        application_close_timeout=5,
        http_timeout=None,
        proxy_forwarded_address_header=None,
    )
    log.info("oms.listening", extra={"host": settings.OMS_HOST, "port": settings.OMS_PORT})
    server.run()
    log.info("oms.stopping")
    beat.stop()
    runner.stop()
    worker.stop()


def _application():
    from oms_project.asgi import application  # Django is set up by now.

    return application


def _start_worker() -> WorkController:
    """A Celery worker on threads of this process; it hears of tasks by the bell."""
    # Task code may wait for other tasks' results nowhere in this product.
    _state._set_task_join_will_block(False)
    worker = WorkController(
        app=app,
        pool_cls="threads",
        concurrency=TASK_THREADS,
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
        quiet=True,
    )
    threading.Thread(target=worker.start, name="worker", daemon=True).start()
    return worker


def _start_beat() -> Service:
    beat = Service(app=app, scheduler_cls=Inside)
    threading.Thread(
        target=beat.start, kwargs={"embedded_process": False}, name="beat", daemon=True
    ).start()
    return beat


def _start_accounts() -> None:
    try:
        runner.start()
    except CancelledError:
        log.info("oms.stopped_while_starting")
    except Exception:
        log.exception("oms.accounts_not_started")
    else:
        log.info("oms.ready")
