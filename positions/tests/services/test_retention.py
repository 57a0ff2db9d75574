"""How long the event log is kept, and what is answered about what is gone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests import builders
from positions.models import Event
from positions.services.retention import prune_events
from positions.tasks import prune_events as prune_task
from positions.tests.api.conftest import Api

DAYS = 30


@pytest.fixture
def log(desk):
    """Six events, the first three of them too old."""
    for _ in range(3):
        desk.rest()
    old = timezone.now() - timedelta(days=DAYS + 1)
    Event.objects.filter(seq__lte=3).update(created_at=old)
    return Event.objects.order_by("seq").values_list("seq", flat=True)


def test_the_task_deletes_what_is_older_than_the_setting(log, settings):
    settings.OMS_EVENT_RETENTION_DAYS = DAYS

    prune_task()

    assert list(log) == [4, 5, 6]


def test_zero_days_keep_everything(log, settings):
    settings.OMS_EVENT_RETENTION_DAYS = 0

    prune_task()

    assert list(log) == [1, 2, 3, 4, 5, 6]


def test_an_old_event_behind_a_young_one_stays(log):
    """The clock was set back: what is left must have no hole."""
    Event.objects.filter(seq=1).update(created_at=timezone.now())

    gone = prune_events(before=timezone.now() - timedelta(days=DAYS))

    assert (gone, list(log)) == (0, [1, 2, 3, 4, 5, 6])


def test_catching_up_over_rest_says_what_expired(log, desk):
    api = Api(builders.key(desk.user, desk.account))
    prune_events(before=timezone.now() - timedelta(days=DAYS))

    expired = api.get("/oms/events", account_ids=desk.account.pk, since_seq=2)
    kept = api.items("/oms/events", account_ids=desk.account.pk, since_seq=3)
    whole = api.items("/oms/events", account_ids=desk.account.pk)

    assert (expired.status_code, expired.json()["code"]) == (410, "events_expired")
    assert [row["seq"] for row in kept] == [row["seq"] for row in whole] == [4, 5, 6]
