"""Cancelling one order, some, or all."""

import pytest

from accounts.words import Right, Role
from oms_project.errors import (
    OmsError,
    OrderNotFound,
    PermissionDenied,
    StrategyPermissionDenied,
)
from positions import projector
from positions.engine.types import OrderStatus
from positions.projector.orders import outcomes


def test_an_order_never_sent_is_cancelled_without_the_exchange(desk):
    order = desk.send()

    command = desk.give("cancel_order", order_id=order.pk)

    assert command.status == "completed"
    assert desk.fresh(order).status == "CANCELED"
    assert desk.claim() == []
    assert desk.fresh(order.command).status == "completed"
    assert desk.events() == ["order_accepted", "order_canceled"]


def test_a_resting_order_is_cancelled_at_the_exchange(desk):
    order = desk.rest()

    command = desk.give("cancel_order", order_id=order.pk)
    claim = desk.claim_one()
    before = desk.fresh(order).status
    desk.report(order, OrderStatus.CANCELED)

    assert claim.kind == "cancel"
    assert (command.status, before) == ("accepted", "SUBMITTED")
    assert desk.fresh(order).status == "CANCELED"
    assert desk.fresh(command).status == "completed"


def test_cancelling_what_is_cancelled_is_no_error(desk):
    order = desk.send()
    desk.give("cancel_order", order_id=order.pk)

    command = desk.give("cancel_order", order_id=order.pk)

    assert command.status == "completed"


@pytest.mark.parametrize("end", [OrderStatus.FILLED, OrderStatus.EXPIRED])
def test_other_final_orders_cannot_be_cancelled(desk, end):
    order = desk.rest()
    trades = [desk.trade(order, "1")] if end is OrderStatus.FILLED else []
    desk.report(order, end, "1" if trades else "0", trades=trades)

    with pytest.raises(OmsError) as refusal:
        desk.give("cancel_order", order_id=order.pk)

    assert refusal.value.code == "invalid_order_state"


def test_one_order_that_cannot_be_cancelled_refuses_them_all(desk):
    resting, filled = desk.rest(), desk.filled("buy", "1")

    with pytest.raises(OmsError) as refusal:
        desk.give("cancel_order", order_ids=[resting.pk, filled.pk])

    assert refusal.value.details["order_id"] == filled.pk
    assert desk.fresh(resting).cancel_requested_at is None


def test_a_cancel_while_sending_goes_out_once_the_order_is_live(desk):
    order = desk.send(price="100")
    create = desk.claim_one()

    command = desk.give("cancel_order", order_id=order.pk)
    early = desk.claim()
    desk.report(order, OrderStatus.SUBMITTED)
    late = desk.claim_one()

    assert (create.kind, early, late.kind) == ("create", [], "cancel")
    assert command.status == "accepted"


def test_a_cancel_while_unknown_waits_for_proof(desk):
    order = desk.send(price="100")
    create = desk.claim_one()
    projector.mark_unknown(create.instruction.pk, create.fence)

    command = desk.give("cancel_order", order_id=order.pk)
    before, waiting = desk.fresh(command).status, desk.claim()
    desk.report(order, OrderStatus.SUBMITTED)
    cancel = desk.claim_one()
    desk.report(order, OrderStatus.CANCELED)

    assert (before, waiting, cancel.kind) == ("unknown", [], "cancel")
    assert desk.fresh(command).status == "completed"


def test_a_cancel_of_an_order_that_was_never_there_fails_with_it(desk):
    order = desk.send(price="100")
    create = desk.claim_one()
    projector.mark_unknown(create.instruction.pk, create.fence)
    command = desk.give("cancel_order", order_id=order.pk)

    projector.presume_rejected(order.pk)

    assert desk.fresh(order).status == "REJECTED"
    assert desk.fresh(command).status == "failed"
    assert desk.fresh(command).error["code"] == "invalid_order_state"


def test_a_cancel_wish_is_kept_when_the_send_is_proven_undone(desk):
    """It was asked to be cancelled while it was on its way; sending it again would be wrong."""
    from django.utils import timezone

    order = desk.send(price="100")
    create = desk.claim_one()
    command = desk.give("cancel_order", order_id=order.pk)

    projector.not_sent(create.instruction.pk, create.fence, retry_at=timezone.now())

    assert desk.fresh(order).status == "CANCELED"
    assert desk.fresh(command).status == "completed"
    assert desk.claim() == []


def test_a_cancel_that_finds_the_order_filled_fails_honestly(desk):
    order = desk.rest()
    command = desk.give("cancel_order", order_id=order.pk)

    desk.fill(order, "1")

    assert desk.fresh(order).status == "FILLED"
    assert desk.fresh(command).error["code"] == "invalid_order_state"


def test_a_refused_cancel_leaves_the_order_working(desk):
    from oms_project.errors import OrderRejected

    order = desk.rest()
    command = desk.give("cancel_order", order_id=order.pk)
    claim = desk.claim_one()

    projector.refuse(claim.instruction.pk, claim.fence, OrderRejected(exception="InvalidOrder"))
    again = desk.give("cancel_order", order_id=order.pk)

    assert desk.fresh(order).is_open
    assert desk.fresh(command).error["code"] == "order_rejected"
    assert again.status == "accepted"


def test_a_cancel_in_doubt_survives_a_fill_and_is_asked_again(desk):
    """A fill must not make us forget that the cancel was not answered."""
    order = desk.rest()
    command = desk.give("cancel_order", order_id=order.pk)
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.fence)

    desk.report(order, OrderStatus.PARTIALLY_FILLED, "0.4", trades=[desk.trade(order, "0.4")])
    still_asked = desk.fresh(order).next_check_at
    outcomes.still_live(order.pk)
    again = desk.claim_one()

    assert desk.fresh(command).status == "accepted"
    assert still_asked is not None
    assert again.instruction.pk == claim.instruction.pk


def test_cancelling_all_takes_every_open_order(desk):
    resting, filled = desk.rest(), desk.filled("buy", "1")
    unsent = desk.send()

    command = desk.give("cancel_all_orders")
    desk.claim()
    desk.report(resting, OrderStatus.CANCELED)

    assert command.order_ids == [resting.pk, unsent.pk]
    assert filled.pk not in command.order_ids
    assert desk.fresh(command).status == "completed"
    assert "orders_canceled_batch" in desk.events()


def test_cancelling_all_completes_even_where_a_fill_was_faster(desk):
    order = desk.rest()
    command = desk.give("cancel_all_orders")

    desk.fill(order, "1")

    assert desk.fresh(command).status == "completed"


def test_cancelling_all_fails_where_an_order_stays_open(desk):
    from oms_project.errors import OrderRejected

    order = desk.rest()
    command = desk.give("cancel_all_orders")
    claim = desk.claim_one()

    projector.refuse(claim.instruction.pk, claim.fence, OrderRejected(exception="InvalidOrder"))

    assert desk.fresh(order).is_open
    assert desk.fresh(command).status == "failed"


def test_cancelling_all_of_nothing_is_done_at_once(desk):
    command = desk.give("cancel_all_orders")

    assert (command.status, command.order_ids) == ("completed", [])


def test_cancelling_all_can_be_narrowed(desk):
    one, other = desk.strategy(), desk.strategy()
    mine = desk.rest(strategy_id=one.pk)
    desk.rest(strategy_id=other.pk)
    elsewhere = desk.rest(symbol="BTC/USDT")

    by_strategy = desk.give("cancel_all_orders", strategy_ids=[one.pk])
    by_symbol = desk.give("cancel_all_orders", symbol="BTC/USDT")

    assert by_strategy.order_ids == [mine.pk]
    assert by_symbol.order_ids == [elsewhere.pk]


def test_a_restricted_key_cancels_its_own_only(desk):
    own, foreign = desk.strategy(), desk.strategy()
    mine, theirs = desk.rest(strategy_id=own.pk), desk.rest(strategy_id=foreign.pk)
    robot = desk.caller_with(Role.ROBOT, strategies=[own.pk])

    with pytest.raises(OrderNotFound):
        desk.give("cancel_order", caller=robot, order_id=theirs.pk)
    with pytest.raises(StrategyPermissionDenied):
        desk.give("cancel_all_orders", caller=robot, strategy_ids=[foreign.pk])
    command = desk.give("cancel_all_orders", caller=robot)

    assert command.order_ids == [mine.pk]


def test_the_risk_desk_cancels_what_it_may_not_send(desk):
    order = desk.rest()

    command = desk.give("cancel_order", caller=desk.caller_with(Role.RISK), order_id=order.pk)

    assert command.status == "accepted"


@pytest.mark.parametrize("restricted", [False, True])
def test_a_reader_cancels_nothing(desk, restricted):
    strategy = desk.strategy()
    order = desk.rest(strategy_id=strategy.pk)
    reader = desk.caller_with(
        Role.READONLY,
        strategies=[strategy.pk] if restricted else None,
        rights=frozenset({Right.READ}),
    )

    with pytest.raises(PermissionDenied):
        desk.give("cancel_order", caller=reader, order_id=order.pk)
    with pytest.raises(PermissionDenied):
        desk.give("cancel_all_orders", caller=reader)


def test_someone_elses_order_does_not_exist(desk, new_desk):
    order = new_desk().rest()

    with pytest.raises(OrderNotFound):
        desk.give("cancel_order", order_id=order.pk)
