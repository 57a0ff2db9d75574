"""Does what fails or hangs stay where it is?"""

import asyncio

import pytest

from gateway.troubles.beside import Beside, side_by_side


async def fine() -> None:
    await asyncio.sleep(0)


async def broken() -> None:
    raise KeyError("what an answer lacked")


async def hanging() -> None:
    await asyncio.get_running_loop().create_future()


def test_every_item_is_done_whatever_happens_to_the_others():
    done = []

    async def note() -> None:
        done.append(1)

    works = {"a": broken, "b": hanging, "c": note, "d": fine}
    failures = asyncio.run(side_by_side(works, budget_s=0.05))

    assert done == [1]
    assert {name: type(one) for name, one in failures.items()} == {
        "a": KeyError,
        "b": TimeoutError,
    }


def test_what_is_still_under_way_is_not_begun_again():
    told = []

    async def ended(name: str, failure: Exception | None) -> None:
        told.append((name, type(failure)))

    async def rounds() -> set[str]:
        work = Beside(ended, budget_s=0.2)
        for _ in range(3):
            work.start("hangs", hanging)
            work.start("fine", fine)
            await asyncio.sleep(0.02)
        under_way = work.names
        await asyncio.sleep(0.3)
        return under_way

    assert asyncio.run(rounds()) == {"hangs"}
    assert told.count(("fine", type(None))) == 3
    assert told.count(("hangs", TimeoutError)) == 1


def test_an_end_that_is_told_badly_ends_nothing_else():
    async def ended(_name: str, _failure: Exception | None) -> None:
        raise ValueError("nobody listens")

    async def once() -> set[str]:
        work = Beside(ended)
        work.start("fine", fine)
        await asyncio.sleep(0.05)
        return work.names

    assert asyncio.run(once()) == set()


@pytest.mark.parametrize("stop_after_s", [0.0, 0.01])
def test_stopping_ends_what_hangs(stop_after_s):
    async def ended(_name: str, _failure: Exception | None) -> None:
        return None

    async def once() -> set[str]:
        work = Beside(ended)
        work.start("hangs", hanging)
        await asyncio.sleep(stop_after_s)
        await work.stop()
        return work.names

    assert asyncio.run(once()) == set()
