"""Who sends what, when, and how often."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from positions import projector
from positions.engine.types import OrderStatus
from positions.models import Instruction


def long_ago():
    return timezone.now() - timedelta(hours=1)


def test_a_claim_is_given_once(desk):
    order = desk.send()

    first, second = desk.claim(), desk.claim()

    assert ([claim.instruction.order_id for claim in first], second) == ([order.pk], [])
    assert desk.fresh(order).status == "SENDING"


def test_a_claim_has_a_fence_and_a_deadline(desk):
    desk.send()

    claim = desk.claim_one()
    deadline = desk.fresh(claim.instruction).deadline
    patience = timedelta(seconds=settings.OMS_SEND_DEADLINE_S)

    assert (claim.fence, claim.instruction.attempts) == (1, 1)
    assert timedelta() < deadline - timezone.now() <= patience


def test_urgent_instructions_go_first_the_others_in_their_order(desk):
    position, resting = desk.bought("1"), desk.rest()
    first, second = desk.send(), desk.send()
    close = desk.close(position)
    desk.give("cancel_order", order_id=resting.pk)

    claimed = [(claim.kind, claim.instruction.order_id) for claim in desk.claim()]

    assert claimed == [
        ("create", close.pk),
        ("cancel", resting.pk),
        ("create", first.pk),
        ("create", second.pk),
    ]


def test_no_more_than_asked_are_claimed(desk):
    for _ in range(3):
        desk.send()

    assert [len(desk.claim(most=2)), len(desk.claim(most=2))] == [2, 1]


def test_cancels_that_wait_for_proof_hold_up_nobody(desk):
    """Five orders in doubt, each with a cancel that cannot be sent yet."""
    doubtful = [desk.send() for _ in range(5)]
    for claim in desk.claim():
        projector.mark_unknown(claim.instruction.pk, claim.fence)
    for order in doubtful:
        desk.give("cancel_order", order_id=order.pk)
    fresh = desk.send()

    claimed = desk.claim(most=1)

    assert [claim.instruction.order_id for claim in claimed] == [fresh.pk]


def test_an_order_too_late_to_send_expires_and_is_not_sent(desk):
    order = desk.send()
    order.instructions.update(send_before=long_ago())

    claimed = desk.claim()
    command = desk.fresh(order.command)

    assert claimed == []
    assert desk.fresh(order).status == "EXPIRED"
    assert (command.status, command.error["code"]) == ("failed", "engine_unavailable")
    assert desk.events()[-1] == "order_expired"


def test_a_queue_of_late_orders_does_not_delay_the_next(desk):
    late = [desk.send() for _ in range(10)]
    Instruction.objects.update(send_before=long_ago())
    fresh = desk.send()

    claimed = desk.claim(most=1)

    assert [claim.instruction.order_id for claim in claimed] == [fresh.pk]
    assert {desk.fresh(order).status for order in late} == {"EXPIRED"}


def test_an_expired_close_opens_its_position_again(desk):
    position = desk.bought("1")
    close = desk.close(position)
    close.instructions.update(send_before=long_ago())

    desk.claim()

    assert desk.fresh(position).state == "open"


def test_a_change_too_late_to_begin_does_not_happen(desk):
    order = desk.rest()
    command = desk.give("change_order", order_id=order.pk, new_price="101")
    order.instructions.filter(kind="cancel").update(send_before=long_ago())

    claimed = desk.claim()
    order = desk.fresh(order)

    assert claimed == []
    assert (order.status, order.edit_replace_state) == ("SUBMITTED", None)
    assert desk.fresh(command).error["code"] == "engine_unavailable"
    assert "order_change_replace_failed" in desk.events()


def test_a_send_past_its_deadline_is_doubt(desk):
    order = desk.send()
    desk.claim()
    Instruction.objects.update(deadline=long_ago())

    touched = projector.expire_overdue()

    assert touched == [desk.account.pk]
    assert desk.fresh(order).status == "UNKNOWN"


def test_a_command_of_a_batch_waits_for_the_one_before(desk):
    first = desk.send()
    second = desk.give(
        "send_order", after=first.command, symbol=desk.symbol, side="buy", type="market", qty="1"
    )

    before = [claim.instruction.command_id for claim in desk.claim()]
    desk.report(first, OrderStatus.FILLED, "1", trades=[desk.trade(first, "1")])
    after = [claim.instruction.command_id for claim in desk.claim()]

    assert (before, after) == ([first.command_id], [second.pk])


def test_a_command_behind_one_in_doubt_goes(desk):
    first = desk.send()
    second = desk.give(
        "send_order", after=first.command, symbol=desk.symbol, side="buy", type="market", qty="1"
    )
    claim = desk.claim_one()

    projector.mark_unknown(claim.instruction.pk, claim.fence)

    assert desk.claim_one().instruction.command_id == second.pk


def test_a_command_behind_one_that_owes_for_ever_expires(desk):
    first = desk.send()
    second = desk.give(
        "send_order", after=first.command, symbol=desk.symbol, side="buy", type="market", qty="1"
    )
    desk.claim()
    desk.report(first, OrderStatus.FILLED, "1")
    Instruction.objects.filter(command=second).update(send_before=long_ago())

    desk.claim()

    assert desk.fresh(second).status == "failed"


def test_another_accounts_instructions_are_not_taken(desk, new_desk):
    new_desk().send()

    assert desk.claim() == []
