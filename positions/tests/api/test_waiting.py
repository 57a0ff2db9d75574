"""``POST /oms/commands``: how long a client waits for the exchange."""

import asyncio
import json
import time

import pytest

from positions.api.commands import Post, answer
from positions.api.pool import in_pool
from positions.engine.types import OrderStatus
from positions.models import Command, Instruction, Order
from positions.tests.api.conftest import buy, caller_of

# Commands are accepted on threads of their own, so they have to see what the test stored.
pytestmark = pytest.mark.django_db(transaction=True)


def post(api, body, **query):
    return Post(
        caller=caller_of(api),
        body=json.dumps(body).encode(),
        content_type="application/json; charset=utf-8",
        query=query,
    )


async def until(condition):
    """Look until ``condition`` holds; five seconds at most."""
    deadline = time.monotonic() + 5
    while not (found := await in_pool(condition)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    return found


async def test_the_answer_waits_for_the_exchange_and_no_longer(api, desk):
    started = time.monotonic()
    asked = await in_pool(post, api, buy(desk))
    waiting = asyncio.create_task(answer(asked))
    await until(Order.objects.exists)
    order = await in_pool(Order.objects.get)

    await in_pool(desk.fill, order, "1")
    found = await waiting

    assert found.status == 200
    assert found.body["results"][0]["order"]["status"] == "FILLED"
    assert time.monotonic() - started < 8


async def test_the_wait_is_bounded_for_the_whole_request(api, desk):
    started = time.monotonic()
    asked = await in_pool(lambda: post(api, [buy(desk)] * 3, wait_ms="200"))

    found = await answer(asked)

    assert found.status == 202
    assert [each["status"] for each in found.body["results"]] == ["accepted"] * 3
    assert 0.2 <= time.monotonic() - started < 3


async def test_without_parallel_each_command_waits_for_the_one_before(api, desk):
    bodies = [buy(desk), buy(desk, qty="0"), buy(desk)]
    asked = await in_pool(lambda: post(api, bodies, wait_ms="100"))

    await answer(asked)
    first, last = await in_pool(lambda: list(Command.objects.order_by("id")))
    claimed = await in_pool(desk.claim)

    assert (first.after_id, last.after_id) == (None, first.pk)
    assert [claim.instruction.command_id for claim in claimed] == [first.pk]


async def test_in_parallel_all_go_at_once(api, desk):
    asked = await in_pool(lambda: post(api, [buy(desk)] * 3, wait_ms="0", parallel="true"))

    await answer(asked)

    assert await in_pool(lambda: len(desk.claim())) == 3
    assert await in_pool(lambda: Instruction.objects.filter(state="sending").count()) == 3


async def test_a_batch_goes_on_as_the_exchange_answers(api, desk):
    asked = await in_pool(lambda: post(api, [buy(desk), buy(desk)], wait_ms="5000"))
    waiting = asyncio.create_task(answer(asked))

    for number in (1, 2):
        await until(lambda number=number: Order.objects.count() == number)
        order = await in_pool(lambda: Order.objects.latest("id"))
        await in_pool(desk.claim)
        trade = await in_pool(desk.trade, order, "1")
        await in_pool(lambda o=order, t=trade: desk.report(o, OrderStatus.FILLED, "1", trades=[t]))
    found = await waiting

    assert found.status == 200
    assert [each["status"] for each in found.body["results"]] == ["completed"] * 2
