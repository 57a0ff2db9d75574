"""What every life needs around it: the ports of the tests, short patience, one thread."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.test import override_settings

from positions import ports, relay
from positions.engine.types import OrderStatus
from positions.models import Event
from tests.campaign.life import Life
from tests.campaign.schedule import LINEAR

SETTINGS = {
    "OMS_EXCHANGE_PORT": "positions.tests.fakes.FakeExchange",
    "OMS_RISK_PORT": "positions.tests.fakes.FakeRisk",
    "OMS_RELAY_URL": "memory://",
    "EXCHANGE_IDS": "accounts.tests.builders.exchange_ids",
    "CREDENTIALS_KEYS": ["a key for tests"],
    "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    "OMS_SEND_DEADLINE_S": 30.0,
    "OMS_SEND_WITHIN_S": 60.0,
    "OMS_MARKET_SEND_WITHIN_S": 60.0,
    "OMS_NOT_FOUND_WINDOW_S": 60,
    "OMS_POLL_S": 1.0,
}


@contextmanager
def prepared() -> Iterator[None]:
    """Run lives inside; they need a database that may be written to and no other thread."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # The loop's own thread asks the database.
    with override_settings(**SETTINGS):
        for remembered in (ports.exchange, ports.risk_gate, relay.relay):
            remembered.cache_clear()
        ports.exchange().change_market(LINEAR, edits_in_place=True)
        try:
            yield
        finally:
            for remembered in (ports.exchange, ports.risk_gate, relay.relay):
                remembered.cache_clear()
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def story(life: Life) -> list[str]:
    """What happened, in the order in which it was told; rows by the order in which they came."""
    met: dict[tuple[str, int], int] = {}
    told = []
    for event in Event.objects.filter(account=life.desk.account).order_by("seq"):
        payload, kind = event.payload, event.event.partition("_")[0]
        number = met.setdefault((kind, payload.get("id", 0)), len(met))
        facts = [payload.get(name) for name in ("status", "qty", "filled_qty", "price", "profit")]
        told.append(f"{event.created_at} {event.event} {number} {facts}")
    return told


def doubts(life: Life) -> list[float]:
    """For how many seconds each order was in doubt."""
    since: dict[int, Any] = {}
    lasted = []
    for event in Event.objects.filter(account=life.desk.account).order_by("seq"):
        order_id, status = event.payload.get("id"), event.payload.get("status")
        if status is None or order_id is None:
            continue
        if status == OrderStatus.UNKNOWN:
            since.setdefault(order_id, event.created_at)
        elif order_id in since:
            lasted.append((event.created_at - since.pop(order_id)).total_seconds())
    return lasted
