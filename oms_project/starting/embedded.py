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

from gateway.worker import heartbeat, runner
from oms_project.celery import app
from oms_project.starting.web import leave, listen

log = logging.getLogger(__name__)

TASK_THREADS = 2


class Inside(Scheduler):
    """Keeps no schedule file: intervals start anew with the process."""


def serve() -> None:
    """Run everything until SIGINT or SIGTERM, then finish what is on the wire and leave."""
    heartbeat.forget()  # What a killed process left must not call this one ready.
    worker = _start_worker()
    beat = _start_beat()
    threading.Thread(target=_start_accounts, name="start-accounts", daemon=True).start()
    listen()
    beat.stop()
    runner.stop()
    worker.stop()
    leave()


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
