"""Where reports leave an order, its position and its commands."""

import pytest

from positions.engine.types import OrderStatus
from positions.models import Command


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (OrderStatus.SUBMITTED, "order_submitted"),
        (OrderStatus.CANCELED, "order_canceled"),
        (OrderStatus.EXPIRED, "order_expired"),
        (OrderStatus.REJECTED, "order_rejected"),
    ],
)
def test_every_change_of_state_is_told_by_name(desk, status, event):
    order = desk.send(price="100")
    desk.claim()

    desk.report(order, status)

    assert desk.fresh(order).status == status
    assert desk.events() == ["order_accepted", event]


def test_an_order_that_the_exchange_reports_as_rejected_failed(desk):
    order = desk.send(price="100")
    desk.claim()

    desk.report(order, OrderStatus.REJECTED)

    assert desk.fresh(order).reject_code == "order_rejected"
    assert desk.fresh(order.command).status == "failed"
    assert desk.fresh(order.command).error["code"] == "order_rejected"


def test_a_rejection_after_fills_keeps_them(desk):
    order = desk.rest(qty="2")
    desk.fill(order, "1")

    desk.report(order, OrderStatus.REJECTED, "1")

    assert desk.fresh(order).status == "CANCELED"
    assert desk.fresh(order).filled_qty == 1


def test_an_expired_order_with_fills_is_expired(desk):
    order = desk.rest(qty="2")
    desk.fill(order, "1")

    desk.report(order, OrderStatus.EXPIRED, "1")

    assert desk.fresh(order).status == "EXPIRED"


def test_a_report_that_says_nothing_new_tells_nothing(desk):
    order = desk.rest()
    told = desk.events()

    desk.report(order, OrderStatus.SUBMITTED)

    assert desk.events() == told


def test_further_fills_are_told(desk):
    order = desk.rest(qty="3")
    desk.fill(order, "1")
    before = desk.events()

    desk.fill(order, "1")

    assert desk.events()[len(before) :] == ["deal_created", "position_updated", "order_updated"]


def test_a_final_order_has_an_end_and_an_open_one_has_none(desk):
    order = desk.rest()
    before = desk.fresh(order).closed_at

    desk.report(order, OrderStatus.CANCELED)
    after = desk.fresh(order)

    assert before is None
    assert (after.is_open, after.closed_at is not None) == (False, True)


def test_an_order_found_before_it_was_sent_is_adopted_and_not_sent(desk):
    """A restored backup: the exchange already has what we believe is still to be sent."""
    order = desk.send(price="100")

    desk.report(order, OrderStatus.SUBMITTED)

    assert desk.fresh(order).status == "SUBMITTED"
    assert desk.claim() == []


def test_a_command_of_several_orders_is_done_when_all_are(desk):
    one, other = desk.rest(), desk.rest()
    command = desk.give("cancel_order", order_ids=[one.pk, other.pk])
    desk.claim()

    desk.report(one, OrderStatus.CANCELED)
    between = desk.fresh(command).status
    desk.report(other, OrderStatus.CANCELED)

    assert (between, desk.fresh(command).status) == ("accepted", "completed")


def test_an_unfinished_command_has_no_end(desk):
    from positions import projector

    order = desk.send()
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.fence)
    in_doubt = desk.fresh(order.command)

    desk.report(order, OrderStatus.FILLED, "1", trades=[desk.trade(order, "1")])
    done = desk.fresh(order.command)

    assert (in_doubt.status, in_doubt.finished_at) == ("unknown", None)
    assert (done.status, done.finished_at is not None) == ("completed", True)


def test_a_command_knows_the_positions_it_touched(desk):
    order = desk.filled("buy", "1")

    command = Command.objects.get(pk=order.command_id)

    assert command.position_ids == [order.position_id]
