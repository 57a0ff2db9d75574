"""Which process is this, which ones are dead, and until when may an order leave?"""

import os
import subprocess
import sys
from time import monotonic

import pytest

from gateway import leasing, wire
from gateway.leasing import Tenure
from gateway.tests.venue import venue
from gateway.wire import TooLate, Wire, WireSession
from gateway.words import Ask
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


@pytest.mark.parametrize("ask", [Ask.CREATE, Ask.CANCEL, Ask.EDIT])
async def test_an_order_that_was_held_up_too_long_does_not_leave(ask):
    wire.send_until_s.set(monotonic() - 0.001)
    wire.current.set(Wire(ask=ask))

    async with venue() as here:
        session = WireSession(ssl_context=False, base=here.base)
        try:
            with pytest.raises(TooLate):
                await session.post("http://exchange.example/order")
        finally:
            await session.close()

    assert here.seen == []


async def test_a_question_may_be_asked_at_any_time():
    wire.send_until_s.set(monotonic() - 1)
    wire.current.set(Wire(ask=Ask.READ))

    async with venue() as here:
        session = WireSession(ssl_context=False, base=here.base)
        try:
            await session.get("http://exchange.example/order")
        finally:
            await session.close()

    assert here.count("GET", "/order") == 1
