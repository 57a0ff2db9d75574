"""Is anybody carrying out orders?"""

from datetime import datetime, timedelta

from django.utils import timezone

from gateway.models import Heartbeat

WORKER = "worker"
FRESH_FOR = timedelta(seconds=10)


def beat() -> None:
    """The worker is here."""
    Heartbeat.objects.update_or_create(name=WORKER, defaults={"at": timezone.now()})


def forget() -> None:
    """The worker leaves, or starts and is not ready yet."""
    Heartbeat.objects.filter(name=WORKER).delete()


def seen_at() -> datetime | None:
    """When the worker last swept."""
    return Heartbeat.objects.filter(name=WORKER).values_list("at", flat=True).first()


def is_alive() -> bool:
    """Whether the worker swept within the last ten seconds."""
    return Heartbeat.objects.filter(name=WORKER, at__gt=timezone.now() - FRESH_FOR).exists()
