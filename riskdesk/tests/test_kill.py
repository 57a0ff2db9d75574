"""What pulling and releasing a kill switch does, and does not."""

import pytest

from accounts.audit import Actor
from accounts.models import AuditEntry
from accounts.tests import builders
from oms_project.errors import Conflict, Invalid, PermissionDenied, RiskBlocked
from positions import projector
from positions.engine.types import OrderStatus, OrderType
from positions.models import Event, Instruction, Order
from riskdesk.models import KillSwitch
from riskdesk.services import pull, release
from riskdesk.tests.acting import WHY, kill
from riskdesk.words import KillScope

EVERY = [KillScope.ACCOUNT, KillScope.USER, KillScope.ALL]


def target_of(desk, scope):
    return {KillScope.ACCOUNT: desk.account.pk, KillScope.USER: desk.user.pk}.get(scope)


def let_go(by, scope, target_id=None):
    return release(scope=scope, target_id=target_id, comment=WHY, by=by)


@pytest.mark.parametrize("scope", EVERY)
def test_waiting_openings_are_rejected_and_release_revives_nothing(desk, by, scope):
    waiting = desk.send()

    (stopped,) = kill(by, scope, target_of(desk, scope))
    let_go(by, scope, target_of(desk, scope))

    order = desk.fresh(waiting)
    command = desk.fresh(waiting.command)
    assert stopped.rejected == 1
    assert (order.status, order.reject_code) == ("REJECTED", "risk_blocked")
    assert (command.status, command.error["code"]) == ("failed", "risk_blocked")
    assert desk.claim() == []


@pytest.mark.parametrize("scope", EVERY)
def test_nothing_opens_until_it_is_released(desk, by, scope):
    kill(by, scope, target_of(desk, scope))

    with pytest.raises(RiskBlocked) as caught:
        desk.send()
    let_go(by, scope, target_of(desk, scope))

    assert caught.value.details["rule"] == "kill_switch"
    assert desk.send()


def test_an_order_accepted_before_is_stopped_by_the_row_alone(desk, by):
    """The claim reads it, whatever became of the rest of the pull."""
    waiting = desk.send()
    KillSwitch.objects.create(
        scope=KillScope.ALL, holds="all", comment=WHY, pulled_by="x", pulled_at=waiting.created_at
    )

    claimed = desk.claim()

    assert claimed == []
    assert desk.fresh(waiting).status == "REJECTED"


def test_a_claimed_order_may_not_leave_any_more(desk, by):
    desk.send()
    claim = desk.claim_one()
    before = projector.may_still_be_sent(claim.instruction.pk)

    kill(by, KillScope.ALL)

    assert (before, projector.may_still_be_sent(claim.instruction.pk)) == (True, False)


def test_open_orders_are_cancelled_closes_and_their_claims_pass(desk, by):
    position, resting = desk.bought("1"), desk.rest()
    close = desk.close(position)

    (stopped,) = kill(by, KillScope.ACCOUNT, desk.account.pk)

    claimed = {(claim.kind, claim.instruction.order_id) for claim in desk.claim()}
    assert stopped.canceling == (resting.pk,)
    assert claimed == {("create", close.pk), ("cancel", resting.pk)}


def test_an_order_in_doubt_is_cancelled_as_soon_as_it_is_seen(desk, by):
    doubtful = desk.send()
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.fence)

    kill(by, KillScope.ALL)

    assert desk.fresh(doubtful).cancel_requested_at is not None


def test_a_conditional_order_is_cancelled_too(desk, by, venue):
    venue.add_types(desk.symbol, OrderType.STOP)
    stop = desk.send(type="stop", trigger_price="120")
    desk.claim()
    desk.report(stop, OrderStatus.SUBMITTED)

    (stopped,) = kill(by, KillScope.ACCOUNT, desk.account.pk)

    assert stopped.canceling == (stop.pk,)


def test_what_somebody_placed_at_the_exchange_is_cancelled_too(desk, by):
    resting = desk.adopt(desk.foreign("buy", "1"))

    (stopped,) = kill(by, KillScope.ACCOUNT, desk.account.pk)

    assert stopped.canceling == (resting.pk,)


def test_a_change_under_way_ends_without_a_new_order(desk, by):
    resting = desk.rest()
    desk.give("change_order", order_id=resting.pk, new_price="101")
    desk.claim()
    desk.report(resting, OrderStatus.CANCELED)

    kill(by, KillScope.ALL)

    order = desk.fresh(resting)
    assert (order.status, order.edit_replace_state) == ("CANCELED", "create_failed")
    assert not Instruction.objects.filter(state="pending").exists()


def test_a_users_switch_stops_that_user_only(desk, by):
    other = builders.user("other", "trader")
    own = desk.send()
    caller = desk.caller_with()
    theirs = type(caller)(other.pk, "other", caller.role, None, caller.rights)
    order = {"symbol": desk.symbol, "side": "buy", "type": "market", "qty": "1"}
    kept = desk.give("send_order", caller=theirs, **order)

    kill(by, KillScope.USER, desk.user.pk)

    assert desk.fresh(own).status == "REJECTED"
    assert Order.objects.get(pk=kept.order_ids[0]).status == "PENDING_SUBMIT"
    assert desk.give("send_order", caller=theirs, **order)


def test_another_account_goes_on(desk, new_desk, by):
    other = new_desk()
    waiting = other.send()

    kill(by, KillScope.ACCOUNT, desk.account.pk)

    assert [claim.instruction.order_id for claim in other.claim()] == [waiting.pk]


def test_more_waiting_orders_than_one_transaction_rejects(desk, by):
    orders = [desk.send() for _ in range(105)]

    (stopped,) = kill(by, KillScope.ALL)

    assert stopped.rejected == len(orders)
    assert set(Order.objects.values_list("status", flat=True)) == {"REJECTED"}


def test_every_account_touched_is_told_and_the_trail_says_who_and_why(desk, new_desk, by):
    other = new_desk()

    kill(by, KillScope.ALL)
    let_go(by, KillScope.ALL)

    told = Event.objects.filter(event="kill_switch_changed").order_by("id")
    assert [(row.account_id, row.payload["pulled"], row.namespace) for row in told] == [
        (desk.account.pk, True, "risk"),
        (other.account.pk, True, "risk"),
        (desk.account.pk, False, "risk"),
        (other.account.pk, False, "risk"),
    ]
    pulled, released = AuditEntry.objects.filter(object_type="kill_switch").order_by("id")
    assert (pulled.action, released.action) == ("kill_switch_pulled", "kill_switch_released")
    assert (pulled.user_id, pulled.comment, pulled.request_id) == (by.user_id, WHY, "request-1")
    assert (pulled.before["pulled"], released.after["pulled"]) == (False, False)


def test_pulling_again_finishes_what_was_left_and_tells_nothing_new(desk, by):
    resting = desk.rest()
    KillSwitch.objects.create(
        scope=KillScope.ALL, holds="all", comment=WHY, pulled_by="x", pulled_at=resting.created_at
    )

    (stopped,) = kill(by, KillScope.ALL)

    assert (stopped.canceling, stopped.error) == ((resting.pk,), None)
    assert "kill_switch_changed" not in desk.events()
    assert KillSwitch.objects.count() == 1


def test_releasing_what_is_not_pulled_is_a_conflict(desk, by):
    with pytest.raises(Conflict):
        let_go(by, KillScope.ALL)


def test_another_person_can_be_asked_to_release(desk, by, settings):
    settings.OMS_KILL_RELEASE_BY_ANOTHER = True
    second = builders.user("second", "risk")
    kill(by, KillScope.ALL)

    with pytest.raises(PermissionDenied):
        let_go(by, KillScope.ALL)
    let_go(Actor(second.pk, "second"), KillScope.ALL)

    assert KillSwitch.objects.get().released_by == "second"


@pytest.mark.parametrize("comment", ["", "  ", "x" * 256])
def test_a_comment_is_needed(desk, by, comment):
    with pytest.raises(Invalid) as caught:
        pull(scope=KillScope.ALL, target_id=None, flatten=False, comment=comment, by=by)

    assert caught.value.details["field"] == "comment"
    assert KillSwitch.objects.count() == 0
