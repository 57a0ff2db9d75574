"""Cancel and replace: the total never exceeds what was intended."""

from decimal import Decimal

import pytest

from oms_project.errors import OrderRejected
from positions import projector
from positions.engine.types import OrderStatus
from positions.projector.orders import outcomes

D = Decimal
REFUSAL = OrderRejected(exception="InvalidOrder")
CANCELED, SUBMITTED = OrderStatus.CANCELED, OrderStatus.SUBMITTED


@pytest.fixture
def order(desk):
    """Two at 100, resting."""
    return desk.rest(qty="2", price="100")


def change(desk, order, **values):
    return desk.give("change_order", order_id=order.pk, **values)


def replaced(desk, order, filled="0", **values):
    """A change whose cancel is confirmed and whose new order was claimed."""
    command = change(desk, order, **values)
    desk.claim()
    desk.report(order, CANCELED, filled)
    return command, desk.claim_one()


def test_a_change_is_a_confirmed_cancel_and_then_a_new_order(desk, order):
    command = change(desk, order, new_price="101", new_qty="3")
    pending = desk.fresh(order)
    cancel = desk.claim_one()
    desk.report(order, CANCELED)
    between = desk.fresh(order)
    create = desk.claim_one()
    desk.report(order, SUBMITTED)
    after = desk.fresh(order)

    assert (pending.edit_replace_state, pending.price) == ("create_pending", 100)
    assert (cancel.kind, create.kind) == ("cancel", "create")
    assert (between.status, between.exchange_order_id) == ("SUBMITTED", None)
    assert create.instruction.exchange_order.price == 101
    assert (after.pk, after.price, after.qty) == (order.pk, 101, 3)
    assert (after.status, after.edit_replace_state) == ("SUBMITTED", "consolidated")
    assert after.exchange_order_id != order.exchange_order_id
    assert after.exchange_client_order_id != order.exchange_client_order_id
    assert desk.fresh(command).status == "completed"
    changes = [event for event in desk.events() if "change" in event]
    assert changes == [
        "order_change_replace_pending",
        "order_change_replace_consolidated",
        "order_changed",
    ]


def test_what_is_filled_is_subtracted(desk, order):
    desk.fill(order, "0.5")

    _, create = replaced(desk, order, "0.5", new_qty="3")

    assert create.instruction.exchange_order.qty == D("2.5")


def test_a_fill_during_the_replacement_makes_it_smaller(desk, order):
    change(desk, order, new_price="101")
    desk.claim()

    desk.report(order, CANCELED, "0.7", trades=[desk.trade(order, "0.7")])
    create = desk.claim_one()
    partly = desk.fresh(order)
    desk.fill(order, "1.3", "101")
    after = desk.fresh(order)

    assert create.instruction.exchange_order.qty == D("1.3")
    assert (partly.status, partly.filled_qty) == ("PARTIALLY_FILLED", D("0.7"))
    assert (after.status, after.filled_qty, after.qty) == ("FILLED", 2, 2)


def test_nothing_is_replaced_while_fills_are_owed(desk, order):
    change(desk, order, new_price="101")
    desk.claim()

    desk.report(order, CANCELED, "0.7")
    early = desk.claim()
    desk.tell(desk.trade(order, "0.7"))
    create = desk.claim_one()

    assert early == []
    assert create.instruction.exchange_order.qty == D("1.3")


def test_an_order_filled_before_its_cancel_is_not_replaced(desk, order):
    command = change(desk, order, new_price="101", new_qty="5")
    desk.claim()

    desk.fill(order, "2")
    after = desk.fresh(order)

    assert (after.status, after.qty, after.edit_replace_state) == ("FILLED", 2, None)
    assert desk.fresh(command).error["code"] == "invalid_order_state"
    assert "order_change_replace_failed" in desk.events()
    assert desk.claim() == []


def test_fills_that_reach_the_new_total_complete_the_change(desk, order):
    command = change(desk, order, new_qty="0.5")
    desk.claim()

    desk.report(order, CANCELED, "0.6", trades=[desk.trade(order, "0.6")])
    after = desk.fresh(order)

    assert (after.status, after.qty, after.filled_qty) == ("FILLED", D("0.6"), D("0.6"))
    assert after.edit_replace_state == "consolidated"
    assert desk.fresh(command).status == "completed"
    assert desk.claim() == []


def test_a_refused_replacement_leaves_the_order_cancelled(desk, order):
    command, create = replaced(desk, order, new_price="101")

    projector.refuse(create.instruction.pk, create.fence, REFUSAL)
    after = desk.fresh(order)

    assert (after.status, after.edit_replace_state) == ("CANCELED", "create_failed")
    assert (after.price, after.reject_code) == (100, "order_rejected")
    assert desk.fresh(command).error["code"] == "order_rejected"


def test_a_replacement_reported_as_rejected_leaves_the_order_cancelled(desk, order):
    command, _ = replaced(desk, order, new_price="101")

    desk.report(order, OrderStatus.REJECTED)
    after = desk.fresh(order)

    assert (after.status, after.edit_replace_state) == ("CANCELED", "create_failed")
    assert desk.fresh(command).status == "failed"


def test_a_refused_cancel_leaves_the_order_as_it_was(desk, order):
    command = change(desk, order, new_price="101")
    cancel = desk.claim_one()

    projector.refuse(cancel.instruction.pk, cancel.fence, REFUSAL)
    after = desk.fresh(order)
    again, _ = replaced(desk, order, new_price="102")

    assert (after.status, after.price, after.edit_replace_state) == ("SUBMITTED", 100, None)
    assert desk.fresh(command).error["code"] == "order_rejected"
    assert "order_change_replace_failed" in desk.events()
    assert desk.fresh(again).status == "accepted"


def test_a_change_can_be_changed_again(desk, order):
    replaced(desk, order, new_price="101")
    desk.report(order, SUBMITTED)
    desk.fill(order, "0.5", "101")

    second, create = replaced(desk, order, "0.5", new_price="102", new_qty="4")
    desk.report(order, SUBMITTED)
    after = desk.fresh(order)

    assert create.instruction.exchange_order.qty == D("3.5")
    assert (after.price, after.qty, after.filled_qty) == (102, 4, D("0.5"))
    assert after.edit_replace_state == "consolidated"
    assert order.exchange_orders.count() == 3
    assert desk.fresh(second).status == "completed"


def test_a_fill_while_the_second_change_waits_does_not_undo_it(desk, order):
    replaced(desk, order, new_price="101")
    desk.report(order, SUBMITTED)
    change(desk, order, new_price="102")

    desk.fill(order, "0.5", "101")
    between = desk.fresh(order)
    desk.report(order, CANCELED, "0.5")
    create = desk.claim_one()

    assert (between.price, between.edit_replace_state) == (101, "create_pending")
    assert create.instruction.exchange_order.qty == D("1.5")


def test_a_late_fill_of_the_old_leg_is_booked_to_the_same_order(desk, order):
    old = desk.trade(order, "0.4")
    replaced(desk, order, new_price="101")
    desk.report(order, SUBMITTED)

    desk.tell(old)
    after = desk.fresh(order)

    assert (after.status, after.filled_qty) == ("PARTIALLY_FILLED", D("0.4"))


def test_a_cancel_before_the_old_order_is_gone_stops_the_change(desk, order):
    command = change(desk, order, new_price="101")
    cancel = desk.give("cancel_order", order_id=order.pk)
    desk.claim()

    desk.report(order, CANCELED)
    after = desk.fresh(order)

    assert (after.status, after.edit_replace_state) == ("CANCELED", None)
    assert desk.fresh(cancel).status == "completed"
    assert desk.fresh(command).status == "failed"
    assert desk.claim() == []


def test_a_cancel_before_the_new_order_is_sent_ends_it_at_once(desk, order):
    command = change(desk, order, new_price="101")
    desk.claim()
    desk.report(order, CANCELED)

    cancel = desk.give("cancel_order", order_id=order.pk)
    after = desk.fresh(order)

    assert (after.status, after.edit_replace_state) == ("CANCELED", None)
    assert desk.fresh(cancel).status == "completed"
    assert desk.fresh(command).error["code"] == "conflict"
    assert desk.claim() == []


def test_a_cancel_while_the_new_order_is_on_its_way_waits_for_it(desk, order):
    replaced(desk, order, new_price="101")

    cancel = desk.give("cancel_order", order_id=order.pk)
    early = desk.claim()
    desk.report(order, SUBMITTED)
    claim = desk.claim_one()
    desk.report(order, CANCELED)

    assert (early, claim.kind) == ([], "cancel")
    assert desk.fresh(order).status == "CANCELED"
    assert desk.fresh(cancel).status == "completed"


def test_a_new_order_proven_unsent_is_cancelled_if_that_was_asked(desk, order):
    from django.utils import timezone

    command, create = replaced(desk, order, new_price="101")
    cancel = desk.give("cancel_order", order_id=order.pk)

    projector.not_sent(create.instruction.pk, create.fence, retry_at=timezone.now())

    assert desk.fresh(order).status == "CANCELED"
    assert desk.fresh(cancel).status == "completed"
    assert desk.fresh(command).status == "failed"


def test_a_replacement_in_doubt_is_unknown_until_it_is_found(desk, order):
    command, create = replaced(desk, order, new_price="101")

    projector.mark_unknown(create.instruction.pk, create.fence)
    in_doubt = desk.fresh(order).status, desk.fresh(command).status
    desk.report(order, SUBMITTED)
    after = desk.fresh(order)

    assert in_doubt == ("UNKNOWN", "unknown")
    assert (after.status, after.price, after.edit_replace_state) == (
        "SUBMITTED",
        101,
        "consolidated",
    )
    assert desk.fresh(command).status == "completed"


def test_a_replacement_never_found_leaves_the_order_cancelled(desk, order):
    command, create = replaced(desk, order, new_price="101")
    projector.mark_unknown(create.instruction.pk, create.fence)

    projector.presume_rejected(order.pk)
    after = desk.fresh(order)

    assert (after.status, after.edit_replace_state) == ("CANCELED", "create_failed")
    assert desk.fresh(command).error["code"] == "exchange_timeout"


def test_a_replacement_that_was_not_sent_in_time_leaves_the_order_cancelled(desk, order):
    from positions.tests.desk import NOON

    change(desk, order, new_price="101")
    desk.claim()
    desk.report(order, CANCELED)
    order.instructions.filter(kind="create", state="pending").update(send_before=NOON)

    claimed = desk.claim()
    after = desk.fresh(order)

    assert claimed == []
    assert (after.status, after.edit_replace_state) == ("CANCELED", "create_failed")


def test_a_cancel_in_doubt_is_asked_again_and_the_change_goes_on(desk, order):
    command = change(desk, order, new_price="101")
    cancel = desk.claim_one()
    projector.mark_unknown(cancel.instruction.pk, cancel.fence)
    in_doubt = desk.fresh(command).status

    outcomes.still_live(order.pk)
    again = desk.claim_one()
    desk.report(order, CANCELED)
    create = desk.claim_one()

    assert (in_doubt, again.instruction.pk) == ("unknown", cancel.instruction.pk)
    assert create.instruction.exchange_order.price == 101


def test_the_new_order_keeps_the_old_ones_options(desk):
    position = desk.bought("2")
    close = desk.close(position, type="limit", price="120")
    desk.claim()
    desk.report(close, SUBMITTED)

    _, create = replaced(desk, close, new_price="119")
    leg = create.instruction.exchange_order

    assert (leg.reduce_only, create.instruction.urgent) == (True, True)
    assert desk.fresh(position).state == "close_requested"


def test_the_worker_is_woken_for_the_new_order(
    desk, order, venue, django_capture_on_commit_callbacks
):
    change(desk, order, new_price="101")
    desk.claim()
    venue.woken.clear()

    with django_capture_on_commit_callbacks(execute=True):
        desk.report(order, CANCELED)

    assert venue.woken == [desk.account.pk]
