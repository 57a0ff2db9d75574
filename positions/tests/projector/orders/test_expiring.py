"""What the OMS ends at its time, where the exchange keeps no good-till-date."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from oms_project.errors import Invalid
from positions import projector
from positions.engine.types import OrderStatus, OrderType
from positions.models import InstructionKind, InstructionState, Order
from positions.projector.orders import expiring
from positions.tests.fakes import LINEAR

D = Decimal
SOON = timedelta(seconds=30)


@pytest.fixture
def now(monkeypatch):
    """The time, which ``pass_by`` moves on; everything in the product reads it."""

    class Clock:
        at = timezone.now()

        def pass_by(self, seconds: float) -> list[expiring.Soon]:
            self.at += timedelta(seconds=seconds)
            return expiring.sweep(self.at)

    clock = Clock()
    monkeypatch.setattr(timezone, "now", lambda: clock.at)
    return clock


def expiring_order(desk, now, **payload) -> Order:
    """A limit order that expires in 30 s."""
    until = (now.at + SOON).isoformat()
    wish = {"price": "90", "expires_at": until} | payload
    return desk.send("buy", "2", **{name: value for name, value in wish.items() if value})


def resting(desk, now, **payload) -> Order:
    order = expiring_order(desk, now, **payload)
    desk.claim()
    desk.report(order, OrderStatus.SUBMITTED)
    return desk.fresh(order)


def cancels(desk, order: Order) -> list[str]:
    return [each.state for each in desk.instructions(order) if each.kind == InstructionKind.CANCEL]


def test_it_is_cancelled_at_its_time_and_ends_expired_with_its_fills(desk, now):
    order = resting(desk, now)
    desk.report(order, OrderStatus.PARTIALLY_FILLED, "0.5", trades=[desk.trade(order, "0.5")])

    now.pass_by(29)
    assert cancels(desk, order) == []
    now.pass_by(1)
    assert cancels(desk, order) == [InstructionState.PENDING]
    assert desk.claim_one().kind == InstructionKind.CANCEL
    desk.report(order, OrderStatus.CANCELED, "0.5")

    order = desk.fresh(order)
    assert (order.expiry, order.time_in_force) == ("oms", "GTD")
    assert (order.status, order.filled_qty, order.position.qty) == ("EXPIRED", D("0.5"), D("0.5"))
    assert "order_expired" in desk.events()
    assert "order_canceled" not in desk.events()


def test_a_fill_that_was_faster_counts(desk, now):
    order = resting(desk, now)
    now.pass_by(30)
    desk.claim()

    desk.report(order, OrderStatus.FILLED, "2", trades=[desk.trade(order, "2")])

    assert desk.fresh(order).status == OrderStatus.FILLED


def test_whoever_cancelled_before_has_cancelled(desk, now):
    order = resting(desk, now)
    desk.give("cancel_order", order_id=order.pk)
    now.pass_by(31)
    assert len(cancels(desk, order)) == 1
    desk.claim()

    desk.report(order, OrderStatus.CANCELED)

    assert desk.fresh(order).status == OrderStatus.CANCELED


def test_what_was_never_sent_expires_where_it_waits(desk, now):
    order = expiring_order(desk, now, **{"expires_at": (now.at + timedelta(seconds=1)).isoformat()})

    now.pass_by(2)
    assert desk.claim() == []

    order = desk.fresh(order)
    assert (order.status, cancels(desk, order)) == ("EXPIRED", [])
    assert desk.events()[-1] == "order_expired"


def test_an_order_on_the_wire_is_cancelled_once_it_is_known(desk, now):
    order = expiring_order(desk, now)
    desk.claim()

    now.pass_by(31)

    order = desk.fresh(order)
    assert (order.status, cancels(desk, order)) == ("SENDING", [InstructionState.PENDING])
    assert order.next_check_at is not None


def test_a_refused_cancel_is_sent_again(desk, now):
    order = resting(desk, now)
    now.pass_by(30)
    claim = desk.claim_one()
    projector.refuse(claim.instruction.pk, claim.fence, Invalid("Not now."))
    assert desk.fresh(order).status == OrderStatus.SUBMITTED

    now.pass_by(2)
    assert len(cancels(desk, order)) == 1
    now.pass_by(4)

    assert cancels(desk, order) == [InstructionState.SETTLED, InstructionState.PENDING]


def test_a_sweep_tells_what_expires_before_the_next_one(desk, now):
    order = resting(desk, now)

    (soon,) = expiring.sweep(now.at + timedelta(seconds=28), ahead=timedelta(seconds=3))

    assert (soon.order_id, soon.expires_at) == (order.pk, order.expires_at)
    assert cancels(desk, order) == []


@pytest.mark.parametrize(
    ("kept_after_s", "seconds", "keeper"),
    [(None, 7200, "oms"), (600, 7200, "exchange"), (600, 600, "oms"), (0, 30, "oms")],
)
def test_the_exchange_keeps_it_where_it_can(desk, venue, now, kept_after_s, seconds, keeper):
    venue.change_market(LINEAR, keeps_expiry_after_s=kept_after_s)
    until = (now.at + timedelta(seconds=seconds)).isoformat()

    order = desk.send("buy", "1", price="90", expires_at=until)

    assert (order.expiry, order.time_in_force) == (keeper, "GTD")
    now.pass_by(8000)
    assert desk.fresh(order).expired_at is None  # It was never sent: claims end it.


def test_conditional_and_post_only_orders_expire_here(desk, venue, now):
    venue.add_types(LINEAR, OrderType.STOP)
    venue.prices[LINEAR] = D(100)
    venue.change_market(LINEAR, keeps_expiry_after_s=0)
    stop = expiring_order(desk, now, type="stop", trigger_price="120", price=None)
    maker = resting(desk, now, post_only=True)

    assert (stop.expiry, stop.time_in_force) == ("oms", "GTD")
    assert (maker.expiry, maker.time_in_force) == ("oms", "PO")


@pytest.mark.parametrize(
    "wish",
    [
        {"type": "market", "price": None},
        {"time_in_force": "IOC"},
        {"time_in_force": "FOK"},
    ],
)
def test_what_executes_at_once_takes_no_expiry(desk, now, wish):
    with pytest.raises(Invalid) as refusal:
        expiring_order(desk, now, **wish)

    assert refusal.value.details["field"] == "expires_at"


def test_good_till_date_needs_its_date(desk):
    with pytest.raises(Invalid):
        desk.send("buy", "1", price="90", time_in_force="GTD")
