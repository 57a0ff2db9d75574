"""Fetched once for everyone."""

import asyncio

from gateway.clients.shared import MOST_KEPT, Shared


class Source:
    """Counts how often it is asked, and answers when told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def fetch(self) -> str:
        self.asked += 1
        await self.may_answer.wait()
        return f"answer {self.asked}"


async def test_who_asks_meanwhile_waits_for_the_same_answer():
    shared, source = Shared(), Source()
    waiting = [asyncio.create_task(shared.get("q", 60, source.fetch)) for _ in range(50)]
    await asyncio.sleep(0)

    source.may_answer.set()

    assert set(await asyncio.gather(*waiting)) == {"answer 1"}
    assert source.asked == 1


async def test_an_answer_serves_until_its_life_is_over():
    shared, source = Shared(), Source()
    source.may_answer.set()

    answers = [await shared.get("q", 60, source.fetch) for _ in range(3)]
    later = await shared.get("q", 0, source.fetch)

    assert (answers, later) == (["answer 1"] * 3, "answer 2")


async def test_one_who_leaves_does_not_end_it_for_the_others():
    shared, source = Shared(), Source()
    leaving, staying = (asyncio.create_task(shared.get("q", 60, source.fetch)) for _ in range(2))
    await asyncio.sleep(0)

    leaving.cancel()
    await asyncio.sleep(0)
    source.may_answer.set()

    assert await staying == "answer 1"
    assert leaving.cancelled()


async def test_an_error_is_told_to_all_and_not_kept():
    shared, source = Shared(), Source()

    async def fail() -> str:
        await asyncio.sleep(0)
        raise OSError

    told = await asyncio.gather(
        *(shared.get("q", 60, fail) for _ in range(2)), return_exceptions=True
    )
    source.may_answer.set()

    assert [type(each) for each in told] == [OSError, OSError]
    assert await shared.get("q", 60, source.fetch) == "answer 1"


async def test_what_is_kept_is_bounded():
    shared, source = Shared(), Source()
    source.may_answer.set()

    for number in range(MOST_KEPT + 10):
        await shared.get(f"q{number}", 60, source.fetch)

    assert len(shared._answers) <= MOST_KEPT


async def test_different_questions_are_fetched_apart():
    shared, source = Shared(), Source()
    source.may_answer.set()

    assert await shared.get("a", 60, source.fetch) == "answer 1"
    assert await shared.get("b", 60, source.fetch) == "answer 2"
