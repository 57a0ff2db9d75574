"""What is too large is told so, and what cannot be sent ends the socket; never silence."""

import logging

import pytest

from positions.api.pool import in_pool
from positions.consumers import OmsConsumer
from positions.models import Command, Event
from positions.sockets.messages import LoggedEvent, excess
from positions.tests.sockets.client import connected

pytestmark = [pytest.mark.django_db(transaction=True)]


async def test_a_large_answer_to_commands_says_so_and_the_socket_goes_on(trader, settings):
    settings.OMS_MAX_MESSAGE_BYTES = 3000
    async with connected(trader.key) as client:
        body = {"account_id": trader.account_id, "command": "cancel_all_orders", "payload": {}}
        bad = body | {"command": "x" * 30}
        answer = await client.ask("position/command", {"commands": [bad] * 20, "wait_ms": 0})

        assert (answer["ok"], answer["payload"]["code"]) == (False, "payload_too_large")
        assert answer["payload"]["details"]["limit"] == 3000
        assert answer["payload"]["details"]["value"] > 3000
        assert "request_id" in answer["payload"]["message"]
        assert (await client.ask("ping"))["event"] == "pong"


async def test_a_check_over_the_socket_does_nothing(trader):
    buy = {"symbol": trader.desk.symbol, "side": "buy", "type": "market", "qty": "1"}
    body = {"account_id": trader.account_id, "command": "send_order", "payload": buy}
    async with connected(trader.key) as client:
        answer = await client.ask("position/command", {"commands": [body] * 2, "check": True})

    first, second = answer["payload"]["results"]
    assert (answer["ok"], first["ok"], second["index"]) == (True, True, 1)
    assert first["effect"]["position_after"]["qty"] == "1"
    assert not await in_pool(Command.objects.exists)


async def test_a_large_snapshot_comes_in_more_messages(trader, settings):
    settings.OMS_MAX_MESSAGE_BYTES = 10_000

    def rest():
        for price in range(80, 90):
            trader.desk.rest(price=str(price))

    await in_pool(rest)
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)

    parts = [each for each in client.seen if each["event"] == "snapshot_open_orders"]
    assert len(parts) > 1
    assert sum(len(each["payload"]["items"]) for each in parts) == 10


async def test_a_large_event_keeps_its_place_and_names_where_it_stands(desk, settings):
    settings.OMS_MAX_MESSAGE_BYTES = 2000
    event = Event(account_id=7, seq=41, event="reassigned", namespace="position",
                  payload={"order_ids": list(range(1000))}, created_at="2026-01-01")  # fmt: skip
    event.created_at = desk.account.created_at

    logged = LoggedEvent(event)

    text = logged.text(40)
    assert excess(text) is None
    assert '"seq": 41' in text
    assert "since_seq=40&limit=1" in text


async def test_a_send_that_fails_closes_the_socket_and_is_logged(trader, caplog, monkeypatch):
    real = OmsConsumer.send

    async def breaks(self, text_data):
        if '"pong"' in text_data:
            raise RuntimeError("the wire is gone")
        await real(self, text_data)

    monkeypatch.setattr(OmsConsumer, "send", breaks)
    async with connected(trader.key) as client:
        with caplog.at_level(logging.ERROR):
            await client.request("ping")
            code = await client.close_code()

    assert code == 1011
    assert "socket.send_failed" in [record.getMessage() for record in caplog.records]


async def test_a_key_has_so_many_sockets(trader, settings):
    settings.OMS_SOCKETS_PER_KEY = 1
    async with connected(trader.key) as first:
        await first.ask("ping")
        async with connected(trader.key) as second:
            assert await second.close_code() == 4403
        assert second.seen[0]["payload"]["code"] == "rate_limited"


async def test_a_socket_has_so_many_accounts(trader, settings):
    settings.OMS_SOCKET_SUBSCRIPTIONS = 0
    async with connected(trader.key) as client:
        answer = await client.ask("subscribe", {"account_ids": [trader.account_id]})

    assert answer["payload"]["code"] == "rate_limited"
