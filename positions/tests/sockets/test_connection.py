"""Who is let in, what is answered, and when a socket is closed."""

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.audit import Actor
from accounts.callers.authentication import resolve
from accounts.models import ApiKey, KeyPermission
from positions.api import pool
from positions.api.pool import in_pool
from positions.models import Order
from positions.sockets.actions import ACTIONS
from positions.sockets.connection import Socket
from positions.tests.sockets.client import connected
from positions.tests.sockets.test_subscribing import tell

pytestmark = pytest.mark.django_db(transaction=True)

BUY = {"side": "buy", "order_type": "market", "qty": "1"}


# --- who it is ---


async def test_a_key_in_the_header_is_enough(trader):
    async with connected(trader.key) as client:
        snapshot = await client.subscribe(trader.account_id)

    assert "snapshot_done" in snapshot


async def test_the_first_message_may_hold_the_key(trader):
    async with connected() as client:
        await client.request("auth", {"api_key": trader.key})
        # Sent without waiting for the answer.
        await client.subscribe(trader.account_id)

    assert client.seen[0]["event"] == "authenticated"
    assert client.seen[0]["payload"]["account_ids"] == [trader.account_id]


async def test_before_that_only_a_ping_is_answered(trader):
    async with connected() as client:
        pong = await client.ask("ping")
        refused = await client.ask("subscribe", {"account_ids": [trader.account_id]})
        unknown = await client.ask("no_such_thing")

    assert pong["event"] == "pong"
    assert refused["payload"]["code"] == unknown["payload"]["code"] == "missing_api_key"


async def test_without_a_key_in_time_the_socket_is_closed(settings, transactional_db):
    settings.OMS_SOCKET_LOGIN_S = 0.05
    async with connected() as client:
        code = await client.close_code()

    assert code == 4401
    assert client.seen[-1]["event"] == "closing"


@pytest.mark.parametrize("place", ["header", "message"])
async def test_a_wrong_key_is_told_and_closed(place, trader):
    wrong = trader.key[:-3] + "xyz"
    async with connected(wrong if place == "header" else None) as client:
        if place == "message":
            await client.request("auth", {"api_key": wrong})
        code = await client.close_code()

    assert code == 4401
    assert client.seen[0]["payload"]["code"] == "invalid_api_key"


async def test_a_socket_stays_who_it_is(trader, other):
    async with connected(trader.key) as client:
        again = await client.ask("auth", {"api_key": trader.key})
        refused = await client.ask("auth", {"api_key": other.key})

    assert again["ok"]
    assert refused["payload"]["code"] == "conflict"


def session_of(user) -> str:
    browser = Client()
    browser.force_login(user)
    return f"sessionid={browser.cookies['sessionid'].value}"


async def test_a_browser_is_known_by_its_session_on_our_own_pages(trader):
    cookie = await in_pool(session_of, trader.desk.user)
    headers = {"cookie": cookie, "host": "oms.example", "origin": "https://oms.example"}
    async with connected(**headers) as client:
        snapshot = await client.subscribe(trader.account_id)

    assert "snapshot_done" in snapshot


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", ""])
async def test_on_other_pages_a_session_counts_for_nothing(origin, trader):
    cookie = await in_pool(session_of, trader.desk.user)
    async with connected(cookie=cookie, host="oms.example", origin=origin) as client:
        refused = await client.ask("subscribe", {"account_ids": [trader.account_id]})

    assert refused["payload"]["code"] == "missing_api_key"


async def test_a_key_may_come_from_any_page(trader):
    async with connected(trader.key, host="oms.example", origin="https://bot.example") as client:
        snapshot = await client.subscribe(trader.account_id)

    assert "snapshot_done" in snapshot


# --- rights that end ---


async def test_a_revoked_key_closes_its_sockets(trader):
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        await in_pool(ApiKey.objects.update, status="revoked")
        code = await client.close_code()

    assert code == 4401


async def test_an_expired_key_closes_its_sockets(trader):
    async with connected(trader.key) as client:
        await in_pool(ApiKey.objects.update, expires_at=timezone.now() - timedelta(seconds=1))
        code = await client.close_code()

    assert code == 4401


async def test_a_browser_that_logged_out_is_closed(trader):
    cookie = await in_pool(session_of, trader.desk.user)
    async with connected(cookie=cookie, host="oms", origin="http://oms") as client:
        await client.subscribe(trader.account_id)
        await in_pool(end_session, cookie)
        code = await client.close_code()

    assert code == 4401


def end_session(cookie: str) -> None:
    Session.objects.filter(pk=cookie.partition("=")[2]).delete()


async def test_an_account_that_is_taken_away_closes_every_socket_of_the_key(trader):
    async with connected(trader.key) as listener, connected(trader.key) as idle:
        await listener.subscribe(trader.account_id)
        await in_pool(lambda: KeyPermission.objects.all().delete())
        codes = [await listener.close_code(), await idle.close_code()]

    assert codes == [4403, 4403]


@pytest.mark.parametrize(
    "narrowed",
    [
        {"ip_allow_list": ["203.0.113.7"]},
        {"status": "revoked"},
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
    ],
    ids=str,
)
@pytest.mark.parametrize("whose", ["its own", "its maker's"])
async def test_a_narrowed_key_closes_its_sockets_and_those_of_the_keys_it_made(
    trader, narrowed, whose
):
    key = trader.key
    if whose == "its maker's":
        key = (await in_pool(made_with, trader)).plain
    async with connected(key) as client:
        assert (await client.ask("ping"))["ok"]
        await in_pool(ApiKey.objects.filter(lineage="/").update, **narrowed)
        narrowed_at_s = monotonic()
        code = await client.close_code()

    assert code == 4401
    assert monotonic() - narrowed_at_s < 1.5


async def test_a_revoked_key_closes_its_sockets_though_everybody_reads(trader):
    gate = threading.Event()
    reads = [pool._reading_pool().submit(gate.wait, 10) for _ in "1234"]
    try:
        async with connected(trader.key) as client:
            assert (await client.ask("ping"))["ok"]
            await in_pool(ApiKey.objects.update, status="revoked")
            revoked_at_s = monotonic()
            code = await client.close_code()
            took_s = monotonic() - revoked_at_s
            gate.set()
    finally:
        gate.set()

    assert all(each.result(1) for each in reads)
    assert code == 4401
    assert took_s < 1.5


async def test_a_withdrawn_right_closes_a_socket_that_listens_to_nothing(trader):
    async with connected(trader.key) as client:
        assert (await client.ask("ping"))["ok"]
        await in_pool(KeyPermission.objects.update, can_trade=False)
        code = await client.close_code()

    assert code == 4403


def made_with(trader):
    """A key that the trader's key made."""
    caller = resolve(trader.key, address=None)
    return services.create_own_api_key(caller=caller, by=Actor.from_caller(caller))


async def test_a_key_that_is_restricted_later_closes_what_showed_more(trader):
    async with connected(trader.key) as client:
        await client.subscribe(trader.account_id)
        await in_pool(KeyPermission.objects.update, restrict_to_strategies=True)
        code = await client.close_code()

    assert code == 4403


# --- what is asked ---


async def test_commands_go_the_way_of_rest(trader):
    payload = {"account_id": trader.account_id, "command": "send_order", "request_id": "r-1"}
    payload |= {"payload": {"symbol": trader.desk.symbol, **BUY}, "wait_ms": 0}
    async with connected(trader.key) as client:
        first = await client.ask("command", payload, "position")
        again = await client.ask("position/command", payload)

    assert first["event"] == "command_result"
    assert first["payload"]["results"][0]["status"] == "accepted"
    assert again["payload"] == first["payload"]
    assert await in_pool(Order.objects.count) == 1


async def test_several_commands_in_one_message_are_answered_in_their_order(trader):
    order = {"account_id": trader.account_id, "command": "send_order",
             "payload": {"symbol": trader.desk.symbol, **BUY}}  # fmt: skip
    bad = order | {"command": "no_such"}
    async with connected(trader.key) as client:
        found = await client.ask("position/command", {"commands": [order, bad], "wait_ms": 0})

    assert [each["ok"] for each in found["payload"]["results"]] == [True, False]
    assert found["ok"]


async def test_a_command_on_somebody_elses_account_is_refused_as_by_rest(trader, other):
    payload = {"account_id": other.account_id, "command": "cancel_all_orders", "payload": {}}
    async with connected(trader.key) as client:
        found = await client.ask("position/command", payload)

    assert not found["ok"]
    assert found["payload"]["results"][0]["error"]["code"] == "account_not_found"


async def test_while_one_request_waits_others_are_answered(trader):
    payload = {"account_id": trader.account_id, "command": "send_order", "wait_ms": 60000}
    payload |= {"payload": {"symbol": trader.desk.symbol, **BUY}}
    async with connected(trader.key) as client:
        await client.request("position/command", payload)
        pong = await client.ask("ping")

    assert pong["event"] == "pong"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "malformed_json"),
        ("[]", "validation_error"),
        ('{"id": 1}', "validation_error"),
        ('{"id": 1, "action": "ping", "extra": 1}', "validation_error"),
        ('{"id": [1], "action": "ping"}', "validation_error"),
        ('{"id": 1, "action": "no_such_thing"}', "not_found"),
        ('{"id": 1, "action": "subscribe", "payload": {"account_ids": []}}', "validation_error"),
        ('{"id": 1, "action": "subscribe", "payload": 7}', "validation_error"),
        ('{"id": 1, "action": "position/command", "payload": "x"}', "validation_error"),
    ],
)
async def test_what_cannot_be_read_is_refused_and_harms_nobody(text, code, trader):
    async with connected(trader.key) as client:
        await client.wire.send_to(text)
        refused = await client.next()
        pong = await client.ask("ping")

    assert (refused["ok"], refused["payload"]["code"]) == (False, code)
    assert pong["ok"]


# --- limits ---


async def test_a_message_that_is_too_large_closes_the_socket(trader, settings):
    settings.OMS_MAX_BODY_BYTES = 100
    async with connected(trader.key) as client:
        await client.request("ping", {"long": "x" * 100})
        code = await client.close_code()

    assert code == 4413


async def test_too_many_messages_are_refused_for_a_while(trader, settings):
    settings.OMS_SOCKET_MESSAGES_PER_S = 2
    async with connected(trader.key) as client:
        answers = [await client.ask("ping") for _ in range(5)]

    assert [answer["ok"] for answer in answers] == [True] * 4 + [False]
    assert answers[-1]["payload"]["code"] == "rate_limited"


async def test_too_many_requests_under_way_are_refused(trader, settings):
    settings.OMS_SOCKET_REQUESTS = 2
    payload = {"account_id": trader.account_id, "command": "send_order", "wait_ms": 60000}
    payload |= {"payload": {"symbol": trader.desk.symbol, **BUY}}
    async with connected(trader.key) as client:
        for _ in range(2):
            await client.request("position/command", payload)
        refused = await client.ask("ping")

    assert refused["payload"]["code"] == "rate_limited"


async def test_a_client_that_does_not_read_is_told_and_closed_with_nothing_left_out(
    trader, settings
):
    settings.OMS_SOCKET_QUEUE = 10
    reads = asyncio.Event()
    sent, codes = [], []

    class Wire:
        """Takes one message, and then none until it reads again."""

        async def send(self, text_data: str) -> None:
            sent.append(json.loads(text_data))
            await reads.wait()

        async def close(self, code: int) -> None:
            codes.append(code)

    socket = Socket(Wire(), ACTIONS, None)
    socket.admit(trader.desk.caller)
    wish = {"account_ids": [trader.account_id], "with_snapshot": False}
    await socket.receive(json.dumps({"action": "subscribe", "payload": wish}).encode())
    await until(lambda: sent)
    await in_pool(tell, trader.account_id, 20)
    await until(lambda: codes)
    await socket.leave()

    assert codes == [4408]
    assert [each["event"] for each in sent] == ["subscribed", "closing"]


async def until(is_so) -> None:
    async with asyncio.timeout(15):
        while not is_so():
            await asyncio.sleep(0.01)
