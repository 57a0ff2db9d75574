"""One worker serves an account; another takes over only when that is safe."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from positions import projector
from positions.models import AccountLane, Instruction
from positions.projector import leases
from positions.projector.leases import Lease


def take(desk, owner, *, for_s=30.0, dead=()):
    return leases.take(desk.account.pk, owner=owner, for_s=for_s, is_dead=lambda who: who in dead)


def run_out(desk):
    lane = AccountLane.objects.filter(pk=desk.account.pk)
    lane.update(leased_until=Now() - timedelta(seconds=1))


def test_the_first_to_ask_gets_the_lease_and_nobody_else(desk):
    first, second = take(desk, "a"), take(desk, "b")

    assert first == Lease(desk.account.pk, fence=1)
    assert second is None


def test_a_lease_that_ran_out_goes_to_the_next_with_a_higher_fence(desk):
    take(desk, "a")
    run_out(desk)

    lease = take(desk, "b")

    assert lease == Lease(desk.account.pk, fence=2, ran_out=True)


def test_the_lease_of_a_dead_worker_need_not_run_out(desk):
    take(desk, "a")

    assert take(desk, "b", dead={"a"}) == Lease(desk.account.pk, fence=2)


def test_a_worker_that_asks_again_keeps_its_account_under_a_new_fence(desk):
    take(desk, "a")

    assert take(desk, "a") == Lease(desk.account.pk, fence=2)


def test_renewing_tells_what_is_still_ones_own(desk, new_desk):
    other = new_desk()
    own = [take(desk, "a"), take(other, "a")]
    run_out(other)
    take(other, "b")

    kept = leases.renew(own, owner="a", for_s=30)

    assert kept == {desk.account.pk}
    assert leases.free_accounts() == []


def test_what_is_released_is_free_at_once(desk):
    take(desk, "a")
    leases.release(owner="a")

    assert leases.free_accounts() == [desk.account.pk]
    assert take(desk, "b") == Lease(desk.account.pk, fence=2)


def test_an_account_without_a_lane_is_served_by_nobody(db):
    assert leases.take(99, owner="a", for_s=30, is_dead=lambda _: False) is None


def test_a_worker_whose_lease_was_taken_is_given_nothing_to_send(desk):
    before = take(desk, "a")
    order = desk.send()
    run_out(desk)
    after = take(desk, "b")

    late = projector.claim(desk.account.pk, most=10, fence=before.fence)
    claims = projector.claim(desk.account.pk, most=10, fence=after.fence)

    assert late == []
    assert [claim.instruction.order_id for claim in claims] == [order.pk]
    assert Instruction.objects.get().attempts == 1


def test_booking_leaves_the_lease_alone(desk):
    lease = take(desk, "a")
    leases.renew([lease], owner="a", for_s=3000)
    until = AccountLane.objects.get().leased_until

    desk.send()

    lane = AccountLane.objects.get()
    assert (lane.owner, lane.fence, lane.leased_until) == ("a", 1, until)


@pytest.mark.parametrize("for_s", [0.5, 30, 3600])
def test_a_lease_lasts_as_long_as_asked_by_the_databases_clock(desk, for_s):
    take(desk, "a", for_s=for_s)

    left = AccountLane.objects.filter(leased_until__gt=Now() + timedelta(seconds=for_s - 0.4))
    assert left.exists()
    assert not AccountLane.objects.filter(
        leased_until__gt=Now() + timedelta(seconds=for_s + 0.1)
    ).exists()
