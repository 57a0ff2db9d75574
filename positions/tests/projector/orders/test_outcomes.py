"""What became of a send: refused, not sent, in doubt, presumed rejected, adopted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from oms_project.errors import OrderRejected
from positions import projector
from positions.engine.types import OrderStatus
from positions.projector.orders import outcomes

REFUSAL = OrderRejected(exception="InsufficientFunds", exchange_code="-2010")


def refuse(claim):
    projector.refuse(claim.instruction.pk, claim.fence, REFUSAL)


def doubt(claim):
    projector.mark_unknown(claim.instruction.pk, claim.fence)


def put_back(claim, seconds=0):
    retry_at = timezone.now() + timedelta(seconds=seconds)
    projector.not_sent(claim.instruction.pk, claim.fence, retry_at=retry_at)


def test_the_exchanges_no_is_shown_by_class_and_number_only(desk):
    order = desk.send()

    refuse(desk.claim_one())
    order, command = desk.fresh(order), desk.fresh(order.command)

    assert (order.status, order.reject_code) == ("REJECTED", "order_rejected")
    assert order.note == "InsufficientFunds -2010"
    assert command.status == "failed"
    assert command.error["details"] == {
        "exception": "InsufficientFunds",
        "exchange_code": "-2010",
    }


def test_a_refused_close_opens_its_position_again(desk):
    position = desk.bought("1")
    desk.close(position)

    refuse(desk.claim_one())

    assert desk.fresh(position).state == "open"


def test_what_was_not_sent_waits_to_be_sent_again(desk):
    order = desk.send()
    claim = desk.claim_one()

    put_back(claim, seconds=60)
    waiting = desk.fresh(order).status, desk.claim()
    order.instructions.update(not_before=timezone.now())
    again = desk.claim_one()

    assert waiting == ("PENDING_SUBMIT", [])
    assert again.fence == claim.fence + 1
    assert desk.fresh(order).status == "SENDING"


def test_an_answer_for_an_old_claim_is_not_believed(desk):
    order = desk.send()
    old = desk.claim_one()
    put_back(old)
    desk.claim_one()

    refuse(old)
    doubt(old)

    assert desk.fresh(order).status == "SENDING"


def test_silence_is_doubt_and_never_sent_again(desk):
    order = desk.send()

    doubt(desk.claim_one())
    order = desk.fresh(order)

    assert (order.status, order.doubt_since is not None) == ("UNKNOWN", True)
    assert order.next_check_at is not None
    assert desk.fresh(order.command).status == "unknown"
    assert desk.claim() == []
    assert desk.events()[-1] == "order_unknown"


def test_an_order_in_doubt_is_adopted_when_it_is_found(desk):
    order = desk.send(price="100")
    doubt(desk.claim_one())

    desk.report(order, OrderStatus.SUBMITTED)
    order = desk.fresh(order)

    assert (order.status, order.doubt_since, order.next_check_at) == ("SUBMITTED", None, None)
    assert desk.fresh(order.command).status == "completed"


def test_a_late_refusal_ends_the_doubt(desk):
    order = desk.send()
    claim = desk.claim_one()
    doubt(claim)

    refuse(claim)

    assert desk.fresh(order).status == "REJECTED"
    assert desk.fresh(order.command).error["code"] == "order_rejected"


def test_late_proof_that_nothing_left_ends_an_order_that_was_given_up(desk):
    """It is not sent after all that time; nobody waits for it any more."""
    order = desk.send()
    claim = desk.claim_one()
    doubt(claim)

    put_back(claim)

    assert desk.fresh(order).status == "REJECTED"
    assert desk.fresh(order.command).error["code"] == "engine_unavailable"
    assert desk.claim() == []


def test_doubt_is_asked_about_less_and_less_often(desk, settings):
    settings.OMS_LOOKUP_FIRST_S, settings.OMS_LOOKUP_MOST_S = 0.5, 60
    order = desk.send()
    doubt(desk.claim_one())
    now, waits = timezone.now(), []

    for _ in range(9):
        outcomes.check_later(order.pk, now)
        waits.append((desk.fresh(order).next_check_at - now).total_seconds())

    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_an_order_that_was_nowhere_for_too_long_is_presumed_rejected(desk):
    order = desk.send()
    doubt(desk.claim_one())

    projector.presume_rejected(order.pk)
    order = desk.fresh(order)

    assert (order.status, order.note) == ("REJECTED", "presumed")
    assert desk.fresh(order.command).error["code"] == "exchange_timeout"


def test_only_doubt_is_presumed_away(desk):
    order = desk.rest()

    projector.presume_rejected(order.pk)

    assert desk.fresh(order).status == "SUBMITTED"


def test_a_presumed_rejection_that_proves_wrong_is_taken_back(desk):
    order = desk.send(price="100")
    doubt(desk.claim_one())
    projector.presume_rejected(order.pk)

    desk.report(order, OrderStatus.SUBMITTED)
    order, command = desk.fresh(order), desk.fresh(order.command)

    assert (order.status, order.is_open, order.closed_at) == ("SUBMITTED", True, None)
    assert (order.reject_code, command.status, command.error) == (None, "completed", None)


@pytest.mark.parametrize(("qty", "status"), [("0.4", "PARTIALLY_FILLED"), ("1", "FILLED")])
def test_a_trade_alone_proves_a_presumed_rejection_wrong(desk, qty, status):
    order = desk.send()
    doubt(desk.claim_one())
    projector.presume_rejected(order.pk)

    desk.tell(desk.trade(order, qty))
    order = desk.fresh(order)

    assert order.status == status
    assert order.position.qty == order.filled_qty
    assert desk.fresh(order.command).status == "completed"


def test_a_real_refusal_is_final(desk):
    order = desk.send()
    refuse(desk.claim_one())

    desk.report(order, OrderStatus.SUBMITTED)

    assert desk.fresh(order).status == "REJECTED"


def test_an_answer_that_came_by_stream_makes_the_silence_no_doubt(desk):
    """The order is shown but owes its fills when its own request times out."""
    order = desk.send()
    claim = desk.claim_one()
    desk.report(order, OrderStatus.FILLED, "1")

    doubt(claim)
    order = desk.fresh(order)

    assert order.status == "SUBMITTED"
    assert order.next_check_at is not None
    assert projector.expire_overdue(timezone.now() + timedelta(hours=1)) == []


def test_a_cancel_in_doubt_leaves_the_order_live_and_asks(desk):
    order = desk.rest()
    command = desk.give("cancel_order", order_id=order.pk)

    doubt(desk.claim_one())
    order = desk.fresh(order)

    assert (order.status, order.next_check_at is not None) == ("SUBMITTED", True)
    assert desk.fresh(command).status == "unknown"
