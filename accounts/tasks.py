"""Which Celery tasks are there?"""

from celery import shared_task
from django.utils import timezone

from accounts.trail import linking, refusals


@shared_task(name="accounts.link_audit", ignore_result=True)
def link_audit() -> None:
    """Chain the entries of the audit trail that were committed since the last time."""
    while linking.link() == linking.BATCH:
        pass


@shared_task(name="accounts.prune_refusals", acks_late=True, ignore_result=True)
def prune_refusals() -> None:
    """Forget failed log-ins and refused addresses after 90 days."""
    refusals.prune(before=timezone.now() - refusals.KEPT)
