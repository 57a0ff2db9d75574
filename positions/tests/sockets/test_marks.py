"""What open positions are worth is told as it changes, to those who may see them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic

import pytest

from accounts.tests import builders
from positions.api.pool import in_pool
from positions.sockets import marks
from positions.sockets.actions import ACTIONS
from positions.tests.fakes import LINEAR
from positions.tests.sockets.client import connected

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def held(trader, venue):
    """A long of 2 at 100, which is worth 110 now."""
    position = trader.desk.bought("2", "100")
    venue.prices[LINEAR] = Decimal(110)
    return position


async def marked(client):
    while True:
        message = await client.next()
        if message["event"] == "positions_marked":
            return message


async def quiet(client, for_s=1.2):
    """Every message of the next moments, heartbeats left out."""
    found, until = [], monotonic() + for_s
    while (left := until - monotonic()) > 0:
        try:
            text = await asyncio.wait_for(client.wire.output_queue.get(), left)
        except TimeoutError:
            break
        message = json.loads(text["text"])
        if message["type"] != "ws_heartbeat":
            found.append(message)
    return found


async def test_a_price_that_stays_is_told_again_for_its_time(trader, held, venue, monkeypatch):
    monkeypatch.setattr(marks, "CONFIRM_EVERY_S", 0.6)
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        first = await marked(client)
        venue.priced_at += timedelta(seconds=1)
        second = await marked(client)

    told = [each["payload"]["positions"][0] for each in (first, second)]
    assert told[1] == told[0] | {"price_at": "2026-01-31T11:59:59.000000Z"}


async def test_a_position_is_marked_without_seq_and_again_when_its_worth_changes(
    trader, held, venue
):
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        first = await marked(client)
        venue.prices[LINEAR] = Decimal(90)
        second = await marked(client)

    assert {key: first[key] for key in ("id", "ok", "type", "namespace")} == {
        "id": None, "ok": True, "type": "ws_event", "namespace": "position",
    }  # fmt: skip
    assert "seq" not in first
    assert first["payload"]["positions"] == [
        {
            "id": held.pk,
            "mark_price": "110",
            "price_at": "2026-01-31T11:59:58.000000Z",
            "floating_profit": "20",
        }
    ]
    assert second["payload"]["positions"][0]["floating_profit"] == "-20"


async def test_what_stays_the_same_is_not_told_again_also_when_it_was_seen_again(
    trader, held, venue
):
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        await marked(client)
        venue.priced_at = datetime(2026, 1, 31, 12, tzinfo=UTC)

        assert await quiet(client) == []


async def test_at_most_twice_a_second(trader, held, venue):
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        await marked(client)
        started, told = monotonic(), 0
        while monotonic() - started < 2:
            venue.prices[LINEAR] += 1
            told += len(await quiet(client, 0.05))

    assert 1 <= told <= 2 * (monotonic() - started) + 1


async def test_a_price_that_is_gone_is_told_and_a_closed_position_is_not(trader, held, venue):
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        await marked(client)
        del venue.prices[LINEAR]
        gone = await marked(client)
        await in_pool(lambda: trader.desk.fill(trader.desk.close(held), "2"))
        venue.prices[LINEAR] = Decimal(120)
        later = await quiet(client)

    (mark,) = gone["payload"]["positions"]
    assert (mark["mark_price"], mark["floating_profit"]) == (None, None)
    assert "position_closed" in [each["event"] for each in later]
    assert "positions_marked" not in [each["event"] for each in later]


async def test_a_position_that_grows_is_worth_something_else(trader, held):
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        await marked(client)
        await in_pool(trader.desk.bought, "2", "100")
        again = await marked(client)

    assert again["payload"]["positions"][0]["floating_profit"] == "40"


async def test_who_subscribed_to_something_else_hears_nothing(trader, held):
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id, namespaces=["risk"])
        assert await quiet(client) == []
        await client.subscribe(trader.account_id)
        await marked(client)
        await client.ask("unsubscribe")
        assert await quiet(client) == []


@pytest.fixture
def robot(new_desk, venue):
    """A desk, the key of one of its two strategies, and that strategy's position."""
    desk = new_desk(position_mode="strategy_netting")
    own, foreign = desk.strategy(), desk.strategy()
    desk.bought("1", strategy_id=foreign.pk)
    mine = desk.bought("1", strategy_id=own.pk)
    venue.prices[LINEAR] = Decimal(110)
    key = builders.key(builders.user("robot", "robot"), desk.account, strategies=[own]).plain
    return desk, key, mine


async def test_a_restricted_key_hears_of_its_own_positions(robot):
    desk, key, mine = robot
    async with connected(key, actions=ACTIONS) as client:
        await client.subscribe(desk.account.pk)
        told = await marked(client)

    assert [each["id"] for each in told["payload"]["positions"]] == [mine.pk]


@pytest.fixture
def three(new_desk, venue):
    """A hedging desk, its user's key, and three positions."""
    desk = new_desk(position_mode="hedge")
    ids = [desk.bought("1").pk for _ in range(3)]
    venue.prices[LINEAR] = Decimal(110)
    return desk, builders.key(desk.user, desk.account).plain, ids


async def test_more_than_fits_comes_in_the_next_message(three, monkeypatch):
    desk, key, ids = three
    monkeypatch.setattr(marks, "LONGEST_MARK_BYTES", 400_000)  # Two to a message.
    async with connected(key) as client:
        await client.subscribe(desk.account.pk)
        told = [await marked(client), await marked(client)]

    parts = [[each["id"] for each in message["payload"]["positions"]] for message in told]
    assert parts == [ids[:2], ids[2:]]
