"""Announcements over Redis reach the processes of one product, and no other's."""

import time
from queue import SimpleQueue

import pytest

from positions.relay import News, RedisRelay, hub
from tests.e2e.product import REDIS, REDIS_DATABASES

pytestmark = pytest.mark.e2e
FIRST, THEIRS, OURS = (News(account_id, seq=1) for account_id in (1, 2, 3))


def test_products_in_two_databases_of_a_server_hear_nothing_of_each_other():
    ours, theirs = (RedisRelay(f"{REDIS}/{number}") for number in REDIS_DATABASES)
    heard: SimpleQueue[News] = SimpleQueue()
    ours.start()

    with hub().listening(heard.put):
        _announce_until_heard(ours, heard)
        theirs.announce(THEIRS)
        ours.announce(OURS)
        while (news := heard.get(timeout=5)) == FIRST:
            pass

    assert news == OURS


def _announce_until_heard(relay: RedisRelay, heard: SimpleQueue) -> None:
    """The subscription is made in a thread; what is announced before is lost."""
    deadline = time.monotonic() + 5
    while heard.empty():
        assert time.monotonic() < deadline
        relay.announce(FIRST)
        time.sleep(0.05)
