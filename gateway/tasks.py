"""Which Celery tasks are there? Doorbells: the rows are the queue, a task only says "look"."""

from celery import shared_task
from django.utils import timezone

from gateway import runs
from gateway.worker import runner


@shared_task(name="gateway.wake", acks_late=True, ignore_result=True)
def wake(account_id: int) -> None:
    """Send what waits for the account."""
    runner.wake(account_id)


@shared_task(name="gateway.watch_prices", acks_late=True, ignore_result=True)
def watch_prices(account_id: int) -> None:
    """Look which prices the account's stops wait for."""
    runner.watch_prices(account_id)


@shared_task(name="gateway.reconcile", acks_late=True, ignore_result=True)
def reconcile(account_id: int) -> None:
    """Make the reconciliations that were asked for."""
    runner.reconcile(account_id)


@shared_task(name="gateway.prune_runs", acks_late=True, ignore_result=True)
def prune_runs() -> None:
    """Delete the rows of reconciliations that are a week old."""
    runs.prune(timezone.now())


@shared_task(name="gateway.sweep", acks_late=True, ignore_result=True)
def sweep() -> None:
    """Find what was left behind."""
    runner.sweep()
