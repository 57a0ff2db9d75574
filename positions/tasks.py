"""Which Celery tasks are there?"""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from positions.services.retention import prune_events as prune


@shared_task(name="positions.prune_events", acks_late=True, ignore_result=True)
def prune_events() -> None:
    """Delete events older than ``OMS_EVENT_RETENTION_DAYS``; 0 keeps them for ever."""
    days = settings.OMS_EVENT_RETENTION_DAYS
    if days:
        prune(before=timezone.now() - timedelta(days=days))
