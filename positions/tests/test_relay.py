"""A request waits for its commands: it is woken by their news, whenever they came."""

import pytest

from positions.relay import News, Waiter

ACCOUNT, OURS, THEIRS = 1, 7, 8
SOON_S, NEVER_S = 5, 0.05


@pytest.fixture
async def waiter():
    return Waiter()


async def test_news_wake_who_watches(waiter):
    waiter.watch([OURS])
    waiter.hear(News(ACCOUNT, 1, (OURS,)))

    assert await waiter.wait(SOON_S)


async def test_news_that_came_before_the_id_was_known_wake_at_once_and_only_once(waiter):
    waiter.hear(News(ACCOUNT, 1, (OURS,)))

    waiter.watch([OURS])
    first = await waiter.wait(SOON_S)
    waiter.watch([OURS])

    assert first
    assert not await waiter.wait(NEVER_S)


async def test_the_news_of_others_wake_nobody(waiter):
    waiter.hear(News(ACCOUNT, 1, (THEIRS,)))
    waiter.watch([OURS])
    waiter.hear(News(ACCOUNT, 2, (THEIRS,)))

    assert not await waiter.wait(NEVER_S)
