"""What does the sweep of every second read?"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from gateway.worker.overlooked import left_behind
from positions import ports, projector
from positions.engine.types import OrderStatus
from positions.models import Order, Position
from positions.tests.desk import Desk
from positions.tests.many import with_a_past
from positions.tests.plans import learn, plan_of


@pytest.fixture
def desk(transactional_db: None, settings: Any) -> Iterator[Desk]:
    """An account with a past, made without an exchange."""
    settings.OMS_EXCHANGE_PORT = "positions.tests.fakes.FakeExchange"
    settings.OMS_RISK_PORT = "positions.tests.fakes.FakeRisk"
    _forget()
    yield with_a_past(400)
    _forget()


def _forget() -> None:
    for remembered in (ports.exchange, ports.risk_gate):
        remembered.cache_clear()


def test_the_sweep_finds_due_orders_without_those_that_ended(desk):
    learn(Order)

    plan = plan_of(Order, lambda: left_behind([desk.account.pk], timezone.now()))

    assert plan.indexes <= {"order_by_open", "order_by_next_check", "order_by_expiry"}


def test_the_sweep_finds_flagged_positions_without_those_that_closed(desk):
    learn(Position)

    plan = plan_of(Position, lambda: left_behind([desk.account.pk], timezone.now()))

    assert plan.indexes == {"position_by_state"}


@pytest.fixture
def other(desk):
    """Another account, without a past."""
    return Desk(provisional_after_s=10)


def test_an_order_that_cannot_be_booked_keeps_nothing_else_from_the_sweep(desk, other):
    """What an exchange tells may be nonsense: here it is worth more than a column holds."""
    bad = other.send("buy", "2")
    other.claim()
    other.report(bad, OrderStatus.FILLED, "2", average=Decimal("9e19"))
    asked = desk.send("buy", "1")
    (claim,) = desk.claim()
    projector.mark_unknown(claim.instruction.pk, claim.instruction.fence)
    ends = desk.send("buy", "1", price="90", expires_at="2099-01-01T00:00:00Z")
    Order.objects.filter(pk=ends.pk).update(expires_at=timezone.now(), status="SUBMITTED")
    served = [other.account.pk, desk.account.pk]

    left = left_behind(served, timezone.now() + timedelta(seconds=60))

    assert asked.pk in left.order_ids
    assert desk.fresh(ends).cancel_requested_at is not None
