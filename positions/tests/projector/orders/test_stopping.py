"""What the risk desk has stopped is not sent; what reduces always is."""

import pytest

from oms_project.errors import RiskBlocked
from positions import projector
from positions.engine.types import OrderStatus
from positions.models import Order
from positions.ports import Waiting
from positions.projector.orders.stopping import can_open


def stop_everything(risk):
    risk.stops = lambda waiting: True


def test_a_stopped_order_is_rejected_in_the_claim_and_its_command_fails(desk, risk):
    order = desk.send()
    stop_everything(risk)

    claimed = desk.claim()

    order, command = desk.fresh(order), desk.fresh(order.command)
    assert claimed == []
    assert (order.status, order.reject_code) == ("REJECTED", RiskBlocked.code)
    assert (command.status, command.error["code"]) == ("failed", RiskBlocked.code)
    assert desk.events()[-1] == "order_rejected"


def test_the_others_are_sent_all_the_same(desk, risk):
    stopped, kept = desk.send(), desk.send()
    risk.stops = lambda waiting: waiting.order_id == stopped.pk

    assert [claim.instruction.order_id for claim in desk.claim()] == [kept.pk]


def test_the_risk_desk_is_told_whose_order_waits(desk, risk):
    strategy = desk.strategy()
    order = desk.send(strategy_id=strategy.pk)
    seen = []
    risk.stops = seen.append

    desk.claim()

    assert seen == [Waiting(order.pk, strategy.pk, desk.user.pk, None, desk.symbol)]


@pytest.mark.parametrize("mode", ["netting", "strategy_netting", "hedge"])
def test_closes_and_cancels_pass(new_desk, risk, mode):
    desk = new_desk(position_mode=mode)
    position, resting = desk.bought("1"), desk.rest()
    close = desk.close(position)
    desk.give("cancel_order", order_id=resting.pk)
    stop_everything(risk)

    claimed = {(claim.kind, claim.instruction.order_id) for claim in desk.claim()}

    assert claimed == {("create", close.pk), ("cancel", resting.pk)}


def test_a_plain_order_that_names_a_position_can_open_except_in_hedge(new_desk):
    found = {}
    for mode in ("netting", "hedge"):
        desk = new_desk(position_mode=mode)
        named = desk.send("sell", "1", position_id=desk.bought("1").pk)
        found[mode] = can_open(desk.fresh(named))

    assert found == {"netting": True, "hedge": False}


def test_a_stopped_amendment_leaves_the_order_as_it_was(desk, risk, venue):
    venue.change_market(desk.symbol, edits_in_place=True)
    resting = desk.rest(qty="1")
    command = desk.give("change_order", order_id=resting.pk, new_qty="2")
    stop_everything(risk)

    claimed = desk.claim()

    order = desk.fresh(resting)
    assert claimed == []
    assert (order.status, order.qty) == ("SUBMITTED", 1)
    assert desk.fresh(command).error["code"] == RiskBlocked.code


def test_a_stopped_replacement_leaves_the_order_cancelled(desk, risk):
    resting = desk.rest(qty="1")
    desk.give("change_order", order_id=resting.pk, new_price="101")
    desk.claim()
    desk.report(resting, OrderStatus.CANCELED)
    stop_everything(risk)

    desk.claim()

    order = desk.fresh(resting)
    assert (order.status, order.edit_replace_state) == ("CANCELED", "create_failed")


def test_a_long_queue_is_rejected_whole(desk, risk):
    for _ in range(103):
        desk.send()
    stop_everything(risk)

    rejected = projector.reject_stopped(desk.account.pk)

    assert rejected == 103
    assert set(Order.objects.values_list("status", flat=True)) == {"REJECTED"}


def test_what_is_put_back_after_a_stop_is_not_sent_again(desk, risk):
    order = desk.send()
    claim = desk.claim_one()
    stop_everything(risk)
    assert not projector.may_still_be_sent(claim.instruction.pk)
    projector.not_sent(claim.instruction.pk, claim.fence, retry_at=order.created_at)

    assert desk.claim() == []
    assert desk.fresh(order).status == "REJECTED"
