"""What a subscriber is sent: a moment, and everything after it, once."""

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests import builders
from positions.api.pool import in_pool
from positions.models import Event
from positions.outbox import holding
from positions.services.retention import prune_events
from positions.sockets import feeds
from positions.tests.sockets.client import connected

pytestmark = pytest.mark.django_db(transaction=True)


def tell(account_id: int, many: int, **facts) -> None:
    """Events without a story."""
    for number in range(many):
        with holding(account_id) as lane:
            lane.tell("order_updated", {"number": number}, **facts)


def log_of(account_id: int) -> list[tuple]:
    rows = Event.objects.filter(account_id=account_id).order_by("seq")
    return list(rows.values_list("seq", "event", "payload"))


def shown(events: list[dict]) -> list[tuple]:
    return [(each["seq"], each["event"], each["payload"]) for each in events]


async def test_a_snapshot_and_then_what_happens_after_it(trader):
    desk = trader.desk
    await in_pool(desk.bought, "2")
    async with connected(trader.key) as client:
        snapshot = await client.subscribe(trader.account_id)
        order = await in_pool(desk.rest)
        first, second = await client.events(2)

    (position,) = snapshot["snapshot_open_positions"]["items"]
    seq = snapshot["snapshot_done"]["seq"][str(trader.account_id)]
    assert (position["qty"], snapshot["snapshot_open_orders"]["items"]) == ("2", [])
    assert [first["event"], second["event"]] == ["order_accepted", "order_submitted"]
    assert [first["payload"]["id"], second["payload"]["id"]] == [order.pk, order.pk]
    assert [first["prev_seq"], first["seq"]] == [seq, seq + 1]
    assert [second["prev_seq"], second["seq"]] == [seq + 1, seq + 2]


async def test_resuming_sends_exactly_what_was_missed(trader):
    await in_pool(tell, trader.account_id, 8)
    async with connected(trader.key) as client:
        wish = {"account_ids": [trader.account_id], "since_seq": 3, "with_snapshot": False}
        subscribed = await client.ask("subscribe", wish)
        missed = await client.events(5)
        await in_pool(tell, trader.account_id, 1)
        (live,) = await client.events(1)

    log = await in_pool(log_of, trader.account_id)
    assert subscribed["payload"]["seq"] == {str(trader.account_id): 3}
    assert shown([*missed, live]) == log[3:]
    assert [each["prev_seq"] for each in [*missed, live]] == [3, 4, 5, 6, 7, 8]


async def test_with_a_snapshot_what_was_missed_comes_before_it(trader):
    await in_pool(tell, trader.account_id, 2)
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id, since_seq=0)
        order = [each["event"] for each in client.seen]

    assert order == [
        "subscribed",
        "order_updated",
        "order_updated",
        "snapshot_open_orders",
        "snapshot_open_positions",
        "snapshot_done",
    ]


async def test_several_accounts_are_resumed_each_where_it_was(trader, other):
    both = [trader.account_id, other.account_id]
    user = await in_pool(builders.user, "both")
    key = await in_pool(lambda: builders.key(user, trader.desk.account, other.desk.account).plain)
    for account_id in both:
        await in_pool(tell, account_id, 3)
    async with connected(key) as client:
        wish = {"account_ids": both, "with_snapshot": False}
        unnamed = await client.ask("subscribe", wish | {"since_seq": 1})
        since = {str(both[0]): 1, str(both[1]): 2}
        await client.ask("subscribe", wish | {"since_seq": since})
        events = await client.events(3)

    assert unnamed["payload"]["details"]["field"] == "since_seq"
    assert [(each["account_id"], each["seq"]) for each in events] == [
        (both[0], 2),
        (both[0], 3),
        (both[1], 3),
    ]


async def test_a_restricted_key_sees_its_strategies_with_a_chain_of_their_own(trader):
    own, foreign = await in_pool(lambda: (trader.desk.strategy(), trader.desk.strategy()))

    def robots_key() -> str:
        robot = builders.user("robot", "robot")
        return builders.key(robot, trader.desk.account, strategies=[own]).plain

    def story() -> None:
        for strategy in (own, foreign, foreign, own, foreign):
            tell(trader.account_id, 1, strategy_id=strategy.pk)

    key = await in_pool(robots_key)
    async with connected(key) as client:
        await client.subscribe(trader.account_id)
        await in_pool(story)
        events = await client.events(2)
        settled = {str(trader.account_id): 4}
        while await client.heartbeat() != settled:
            pass

    assert [(each["prev_seq"], each["seq"]) for each in events] == [(0, 1), (1, 4)]


async def test_a_restricted_snapshot_holds_its_own_rows_only(trader):
    own, foreign = await in_pool(lambda: (trader.desk.strategy(), trader.desk.strategy()))

    def trade() -> str:
        for strategy in (own, foreign):
            trader.desk.rest(strategy_id=strategy.pk)
        robot = builders.user("robot", "robot")
        return builders.key(robot, trader.desk.account, strategies=[own]).plain

    key = await in_pool(trade)
    async with connected(key) as client:
        snapshot = await client.subscribe(trader.account_id)

    (order,) = snapshot["snapshot_open_orders"]["items"]
    assert order["strategy_id"] == own.pk


async def test_namespaces_choose_what_is_sent(trader):
    def story() -> None:
        tell(trader.account_id, 1)
        tell(trader.account_id, 1, namespace="risk")

    async with connected(trader.key) as client, connected(trader.key) as everything:
        await client.subscribe(trader.account_id, namespaces=["risk"])
        await everything.subscribe(trader.account_id)
        await in_pool(story)
        (risk,) = await client.events(1)
        both = await everything.events(2)

    assert (risk["namespace"], risk["prev_seq"], risk["seq"]) == ("risk", 0, 2)
    assert [each["namespace"] for each in both] == ["position", "risk"]


async def test_somebody_elses_account_does_not_exist(trader, other):
    async with connected(trader.key) as client:
        refused = await client.ask(
            "subscribe", {"account_ids": [trader.account_id, other.account_id]}
        )
        await in_pool(tell, trader.account_id, 1)
        pong = await client.ask("ping")

    assert (refused["ok"], refused["payload"]["code"]) == (False, "account_not_found")
    assert client.seen == [refused, pong]


async def test_after_unsubscribing_nothing_more_comes(trader):
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        gone = await client.ask("unsubscribe")
        await in_pool(tell, trader.account_id, 1)
        await client.ask("ping")

    assert gone["payload"] == {"account_ids": [trader.account_id]}
    assert [each for each in client.seen if "seq" in each] == []


async def test_what_retention_deleted_cannot_be_resumed(trader):
    def age() -> int:
        tell(trader.account_id, 4)
        long_ago = timezone.now() - timedelta(days=40)
        Event.objects.filter(seq__lte=2).update(created_at=long_ago)
        return prune_events(before=timezone.now() - timedelta(days=30))

    gone = await in_pool(age)
    async with connected(trader.key) as client:
        wish = {"account_ids": [trader.account_id], "with_snapshot": False}
        expired = await client.ask("subscribe", wish | {"since_seq": 1})
        await client.ask("subscribe", wish | {"since_seq": 2})
        kept = await client.events(2)

    assert gone == 2
    assert expired["payload"]["code"] == "events_expired"
    assert expired["payload"]["details"]["oldest_seq"] == 3
    assert [each["seq"] for each in kept] == [3, 4]


async def test_the_newest_event_is_never_deleted(trader):
    await in_pool(tell, trader.account_id, 3)

    gone = await in_pool(prune_events, before=timezone.now() + timedelta(days=1))

    assert gone == 2
    assert [row[0] for row in await in_pool(log_of, trader.account_id)] == [3]


async def test_a_point_that_is_yet_to_come_is_refused(trader):
    async with connected(trader.key) as client:
        refused = await client.ask("subscribe", {"account_ids": [trader.account_id],
                                                 "since_seq": 7})  # fmt: skip

    assert refused["payload"]["code"] == "validation_error"
    assert refused["payload"]["details"]["field"] == "since_seq"


async def test_without_the_relay_events_come_all_the_same(trader, monkeypatch):
    monkeypatch.setattr(feeds, "LOOK_AGAIN_S", 0.1)
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        # Written by somebody whose announcement is lost.
        await in_pool(
            Event.objects.create,
            account_id=trader.account_id,
            seq=1,
            event="order_updated",
            payload={},
            created_at=timezone.now(),
        )
        (event,) = await client.events(1)

    assert event["seq"] == 1


async def test_an_account_is_read_once_for_all_its_sockets(trader, monkeypatch):
    reads = []
    read_log = feeds.read_log

    def counting(account_id: int, **facts):
        reads.append(account_id)
        return read_log(account_id, **facts)

    async with connected(trader.key) as first, connected(trader.key) as second:
        for client in (first, second):
            await client.subscribe(trader.account_id)
        await in_pool(tell, trader.account_id, 1)
        await asyncio.gather(first.events(1), second.events(1))
        monkeypatch.setattr(feeds, "read_log", counting)
        await in_pool(tell, trader.account_id, 1)
        await asyncio.gather(first.events(1), second.events(1))

    assert len(reads) == 1


async def test_a_long_snapshot_comes_in_several_messages(trader, monkeypatch):
    monkeypatch.setattr("positions.sockets.actions.ROWS_AT_ONCE", 2)
    await in_pool(lambda: [trader.desk.rest() for _ in range(5)])
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)

    parts = [each for each in client.seen if each["event"] == "snapshot_open_orders"]
    assert [len(part["payload"]["items"]) for part in parts] == [2, 2, 1]
