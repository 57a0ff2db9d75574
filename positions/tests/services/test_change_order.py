"""Changing an order, in place or by cancel and replace."""

from decimal import Decimal

import pytest

from accounts.words import Role
from oms_project.errors import (
    Conflict,
    InvalidOrderState,
    OmsError,
    OrderNotFound,
    OrderRejected,
    PermissionDenied,
    PositionCloseInProgress,
    RiskBlocked,
)
from positions import projector
from positions.engine.types import OrderStatus
from positions.tests.fakes import SPOT

D = Decimal


@pytest.fixture
def amending(venue, desk):
    """A desk whose exchange amends in place."""
    venue.change_market(desk.symbol, edits_in_place=True)
    return desk


def change(desk, order, **values):
    return desk.give("change_order", order_id=order.pk, **values)


# --- in place ---


def test_an_amendment_is_taken_over_once_the_exchange_shows_it(amending):
    desk = amending
    order = desk.rest(qty="2", price="100")
    command = change(desk, order, new_price="101", new_qty="3")
    claim = desk.claim_one()

    desk.report(order, OrderStatus.SUBMITTED, qty=D(2), price=D(100))
    before = desk.fresh(order)
    desk.report(order, OrderStatus.SUBMITTED, qty=D(3), price=D(101))
    after = desk.fresh(order)

    assert claim.kind == "edit"
    assert (before.qty, before.price) == (2, 100)
    assert (after.qty, after.price, after.edit_replace_state) == (3, 101, None)
    assert desk.fresh(command).status == "completed"
    assert "order_changed" in desk.events()


@pytest.mark.parametrize("filled", ["1", "3"])
def test_an_amendment_that_fills_is_done_once_its_fills_are_booked(amending, filled):
    desk = amending
    order = desk.rest(qty="2", price="100")
    command = change(desk, order, new_price="101", new_qty="3")
    desk.claim_one()
    end = OrderStatus.FILLED if filled == "3" else OrderStatus.PARTIALLY_FILLED

    owing = desk.report(order, end, filled, qty=D(3), price=D(101))
    before = desk.fresh(command).status
    desk.tell(desk.trade(order, filled))
    after = desk.fresh(order)

    assert [each.order_id for each in owing] == [order.pk]
    assert before == "accepted"
    assert (after.status, after.filled_qty, after.qty) == (end, D(filled), 3)
    assert desk.fresh(command).status == "completed"


def test_an_amendment_in_doubt_is_asked_again_as_long_as_the_order_lives(amending):
    desk = amending
    order = desk.rest()
    command = change(desk, order, new_price="101")
    claim = desk.claim_one()

    projector.mark_unknown(claim.instruction.pk, claim.fence)
    in_doubt = desk.fresh(command).status
    projector.orders.outcomes.still_live(order.pk)
    again = desk.claim_one()

    assert (in_doubt, desk.fresh(order).status) == ("unknown", "SUBMITTED")
    assert (again.kind, again.fence) == ("edit", claim.fence + 1)


def test_a_refused_amendment_leaves_the_order_as_it_was(amending):
    desk = amending
    order = desk.rest()
    command = change(desk, order, new_price="101")
    claim = desk.claim_one()

    projector.refuse(claim.instruction.pk, claim.fence, OrderRejected(exception="InvalidOrder"))

    assert desk.fresh(order).price == 100
    assert desk.fresh(command).error["code"] == "order_rejected"


def test_a_refused_amendment_does_not_forget_a_cancel(amending):
    desk = amending
    order = desk.rest()
    change(desk, order, new_price="101")
    edit = desk.claim_one()
    desk.give("cancel_order", order_id=order.pk)

    projector.refuse(edit.instruction.pk, edit.fence, OrderRejected(exception="InvalidOrder"))

    assert desk.fresh(order).cancel_requested_at is not None


def test_an_amendment_of_a_filled_order_fails(amending):
    desk = amending
    order = desk.rest()
    command = change(desk, order, new_price="101")

    desk.fill(order, "1")

    assert desk.fresh(command).error["code"] == "invalid_order_state"


# --- what is checked ---


def test_what_is_left_out_stays(desk):
    order = desk.rest(qty="2", price="100")

    change(desk, order, new_qty="3")

    wanted = desk.instructions(order)[-1].payload["replace"]
    assert wanted == {"qty": "3", "price": "100", "trigger_price": None}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"new_qty": "0.4"}, "new_qty"),
        ({"new_qty": "0.5"}, "new_qty"),
        ({"new_qty": "0.5005"}, "new_qty"),
        ({"new_qty": "0.51"}, "new_qty"),
        ({"new_price": "100.001"}, "new_price"),
        ({"new_trigger_price": "90"}, "new_trigger_price"),
        ({}, "new_price, new_qty, new_trigger_price"),
        ({"new_price": "100"}, "new_price, new_qty, new_trigger_price"),
    ],
)
def test_a_change_passes_the_same_checks_with_its_new_values(desk, values, field):
    """0.5 of 1 is filled: the total must stay above that, the rest worth enough."""
    order = desk.rest(qty="1", price="100")
    desk.fill(order, "0.5")

    with pytest.raises(OmsError) as refusal:
        change(desk, order, **values)

    assert refusal.value.code == "validation_error"
    assert refusal.value.details["field"] == field
    assert desk.fresh(order).edit_replace_state is None


def test_only_a_live_order_can_be_changed(desk):
    unsent, unknown = desk.send(price="100"), desk.send(price="100")
    claims = {claim.instruction.order_id: claim for claim in desk.claim()}
    doubtful = claims[unknown.pk]
    projector.mark_unknown(doubtful.instruction.pk, doubtful.fence)
    filled = desk.filled("buy", "1")

    for order in (unsent, unknown, filled):
        with pytest.raises(InvalidOrderState):
            change(desk, order, new_price="101")

    assert not desk.fresh(unknown).edit_replace_state


def test_one_change_at_a_time(desk):
    order = desk.rest()
    change(desk, order, new_price="101")

    with pytest.raises(Conflict):
        change(desk, order, new_price="102")


def test_an_order_being_cancelled_cannot_be_changed(desk):
    order = desk.rest()
    desk.give("cancel_order", order_id=order.pk)

    with pytest.raises(Conflict):
        change(desk, order, new_price="101")


def test_a_larger_order_is_judged_by_the_risk_desk(desk, risk):
    order = desk.rest(qty="1")
    risk.refuses = True

    with pytest.raises(RiskBlocked):
        change(desk, order, new_qty="2")
    change(desk, order, new_qty="0.5")

    assert risk.asked[-1].qty == 2


def test_a_blocked_account_can_still_move_its_closes(desk):
    position = desk.bought("2")
    opening = desk.rest(price="90")
    close = desk.close(position, type="limit", price="120")
    desk.claim()
    desk.report(close, OrderStatus.SUBMITTED)
    desk.account.status = "blocked"
    desk.account.save()

    command = change(desk, close, new_price="119")
    with pytest.raises(RiskBlocked):
        change(desk, opening, new_price="91")

    assert command.status == "accepted"


def test_a_close_never_grows_above_its_position(desk):
    position = desk.bought("2")
    close = desk.close(position, qty="1", type="limit", price="120")
    other = desk.close(position, qty="0.5", type="limit", price="120")
    desk.claim()
    desk.report(close, OrderStatus.SUBMITTED)
    desk.report(other, OrderStatus.SUBMITTED)

    with pytest.raises(OmsError) as above_volume:
        change(desk, close, new_qty="2.5")
    with pytest.raises(PositionCloseInProgress):
        change(desk, close, new_qty="1.6")
    command = change(desk, close, new_qty="1.5")

    assert above_volume.value.code == "validation_error"
    assert above_volume.value.details == {"field": "new_qty", "limit": D(2), "value": D("2.5")}
    assert command.status == "accepted"


def test_what_a_close_may_grow_to_is_told_as_its_total(desk):
    position = desk.bought("2")
    close = desk.close(position, qty="1", type="limit", price="120")
    desk.claim()
    desk.fill(close, "0.5", "120")

    with pytest.raises(OmsError) as refusal:
        change(desk, close, new_qty="2.1")

    assert refusal.value.details == {"field": "new_qty", "limit": D(2), "value": D("2.1")}


def test_a_reversal_that_names_its_position_can_grow(desk):
    """Netting: naming the current position does not imply reduce-only."""
    position = desk.bought("1")
    order = desk.rest("sell", "3", "120", position_id=position.pk)

    command = change(desk, order, new_qty="4")

    assert command.status == "accepted"


def test_on_spot_what_the_order_itself_sells_is_free_for_its_change(new_desk):
    desk = new_desk(SPOT)
    desk.bought("1")
    order = desk.rest("sell", "0.6", "120")

    with pytest.raises(OmsError) as refusal:
        change(desk, order, new_qty="1.1")
    command = change(desk, order, new_qty="1")

    assert refusal.value.details["limit"] == 1
    assert command.status == "accepted"


def test_who_may_only_close_changes_nothing(desk):
    order = desk.rest()

    with pytest.raises(PermissionDenied):
        desk.give(
            "change_order",
            caller=desk.caller_with(Role.RISK),
            order_id=order.pk,
            new_price="101",
        )


def test_a_restricted_key_does_not_see_foreign_orders(desk):
    own, foreign = desk.strategy(), desk.strategy()
    order = desk.rest(strategy_id=foreign.pk)
    robot = desk.caller_with(Role.ROBOT, strategies=[own.pk])

    with pytest.raises(OrderNotFound):
        desk.give("change_order", caller=robot, order_id=order.pk, new_price="101")
