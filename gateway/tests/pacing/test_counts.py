"""What is used of an allowance, in this process and in Redis: the same answers from both."""

import asyncio
import os
import secrets

import pytest

from gateway.pacing.counts import Allowance, Counts, Style
from gateway.pacing.everywhere import SharedCounts

REDIS = os.environ.get("OMS_TEST_REDIS", "redis://127.0.0.1:6379") + "/9"
ALL, MOST = 1.0, 0.75


@pytest.fixture(params=["here", pytest.param("everywhere", marks=pytest.mark.redis)])
def counts(request) -> Counts | SharedCounts:
    return Counts() if request.param == "here" else SharedCounts(REDIS)


def window(most: float = 10, period_s: float = 3600) -> Allowance:
    return Allowance(secrets.token_hex(8), Style.WINDOW, most, period_s, header="X-USED")


def bucket(most: float = 1, period_s: float = 0.2) -> Allowance:
    return Allowance(secrets.token_hex(8), Style.BUCKET, most, period_s)


async def test_a_window_gives_what_it_has_and_then_makes_wait_until_the_next(counts):
    hour = window(most=10)

    given = [await counts.take([(hour, 4)], ALL) for _ in range(2)]
    wait_s = await counts.take([(hour, 4)], ALL)

    assert given == [0, 0]
    assert 0 < wait_s <= 3600
    assert await counts.take([(hour, 2)], ALL) == 0


async def test_a_new_window_is_empty(counts):
    short = window(most=1, period_s=0.2)
    await counts.take([(short, 1)], ALL)

    await asyncio.sleep(await counts.take([(short, 1)], ALL))

    assert await counts.take([(short, 1)], ALL) == 0


async def test_what_is_larger_than_a_window_goes_when_the_window_is_empty(counts):
    hour = window(most=10)

    assert await counts.take([(hour, 40)], ALL) == 0
    assert await counts.take([(hour, 1)], ALL) > 0


async def test_a_bucket_gives_beyond_its_edge_and_makes_the_next_wait_for_it(counts):
    leaky = bucket(most=1, period_s=0.1)

    given = await counts.take([(leaky, 4)], ALL)
    wait_s = await counts.take([(leaky, 1)], ALL)
    await asyncio.sleep(wait_s)

    assert given == 0
    assert 0.2 < wait_s <= 0.3
    assert await counts.take([(leaky, 1)], ALL) == 0


async def test_whoever_ranks_lower_leaves_the_rest_to_the_others(counts):
    hour = window(most=100)
    await counts.take([(hour, 74)], MOST)

    assert await counts.take([(hour, 2)], MOST) > 0
    assert await counts.take([(hour, 2)], ALL) == 0


async def test_all_that_is_needed_is_taken_or_nothing(counts):
    wide, narrow = window(most=100), window(most=1)
    await counts.take([(narrow, 1)], ALL)

    assert await counts.take([(wide, 60), (narrow, 1)], ALL) > 0
    assert await counts.take([(wide, 100)], ALL) == 0


async def test_what_the_exchange_has_counted_is_counted_here(counts):
    hour = window(most=10)
    await counts.take([(hour, 1)], ALL)

    await counts.heed([(hour, 9.5)])

    assert await counts.take([(hour, 1)], ALL) > 0


async def test_a_lower_count_of_the_exchange_gives_nothing_back(counts):
    hour = window(most=10)
    await counts.take([(hour, 10)], ALL)

    await counts.heed([(hour, 3)])

    assert await counts.take([(hour, 1)], ALL) > 0


async def test_a_closed_allowance_gives_nothing_until_it_opens(counts):
    leaky = bucket(most=100, period_s=1)

    await counts.close([leaky], 0.2)
    wait_s = await counts.take([(leaky, 1)], ALL)
    await asyncio.sleep(wait_s)

    assert 0.1 < wait_s <= 0.2
    assert await counts.take([(leaky, 1)], ALL) == 0


async def test_a_shorter_closing_does_not_end_a_longer_one(counts):
    leaky = bucket()

    await counts.close([leaky], 60)
    await counts.close([leaky], 0.1)

    assert await counts.take([(leaky, 1)], ALL) > 50


@pytest.mark.redis
async def test_two_processes_take_from_the_same_allowance():
    one, other = SharedCounts(REDIS), SharedCounts(REDIS)
    hour = window(most=10)

    taken = [await counts.take([(hour, 1)], ALL) == 0 for counts in (one, other) * 10]

    assert sum(taken) == 10


async def test_without_redis_a_process_counts_for_itself():
    alone = SharedCounts("redis://127.0.0.1:1/0")
    hour = window(most=10)

    taken = [await alone.take([(hour, 1)], ALL) == 0 for _ in range(12)]

    assert sum(taken) == 10
