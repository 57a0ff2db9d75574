"""Which process is this, which ones are dead, and until when may an order leave?"""

import asyncio
import os
import subprocess
import sys
from time import monotonic

import pytest

from gateway.sending import lanes, leasing
from gateway.sending.leasing import Tenure
from positions.models import Instruction
from positions.projector import Claim
from positions.projector.leases import Lease


@pytest.fixture(autouse=True)
def _lease(settings):
    settings.OMS_LEASE_S = 30.0


def owner_of(number: int) -> str:
    place = leasing.me().split("/")[0]
    return f"{place}/{number}/feedbeef"


def test_this_process_is_not_dead_but_one_with_its_number_is():
    """A container that starts again has the number of its earlier life."""
    assert not leasing.is_dead(leasing.me())
    assert leasing.is_dead(owner_of(os.getpid()))


def test_a_process_of_this_place_is_dead_once_it_is_gone():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    alive = leasing.is_dead(owner_of(process.pid))
    process.kill()
    process.wait()

    assert not alive
    assert leasing.is_dead(owner_of(process.pid))


@pytest.mark.parametrize("owner", ["", "elsewhere/1/ab", "nonsense", "elsewhere"])
def test_nothing_is_known_of_other_places(owner):
    assert not leasing.is_dead(owner)


def test_sending_ends_before_the_lease_does():
    tenure = Tenure(Lease(1, 1), renewed_at_s=monotonic() - 19)
    late = Tenure(Lease(1, 1), renewed_at_s=monotonic() - 21)

    assert tenure.may_send
    assert not late.may_send


@pytest.mark.parametrize(("renewed_s_ago", "leaves"), [(19, True), (21, False)])
async def test_what_was_held_up_past_the_lease_does_not_leave(renewed_s_ago, leaves):
    tenure = Tenure(Lease(1, 1), renewed_at_s=monotonic() - renewed_s_ago)
    claim = Claim(Instruction(pk=1), fence=1)

    now_s = asyncio.get_running_loop().time()

    assert await lanes.may_leave(tenure, claim, now_s) is leaves
