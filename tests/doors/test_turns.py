"""Whose turn it is: pinned by order, not by time."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.test import Client

from accounts.models import User
from accounts.rights.permissions import AccountRights, Caller
from accounts.words import Right, Role
from oms_project.errors import RateLimited
from oms_project.port.visit import Visit
from oms_project.serving.in_turns import InTurns
from positions.api import commands, pool
from positions.api.turns import FRONT_IN_A_ROW, Line, Turns
from positions.courtesy import courtesy, parties
from positions.sockets import reading

A, B, C = 1, 2, 3


@pytest.fixture(autouse=True)
def _without_database(monkeypatch):
    monkeypatch.setattr(pool, "close_old_connections", lambda: None)


@pytest.fixture
async def held(monkeypatch):
    """Turns on one thread that is held up; ``await go()`` lets everything run, in whose order."""
    threads = ThreadPoolExecutor(1)
    monkeypatch.setattr(pool, "_pool", lambda: threads)
    gate, order = threading.Event(), []
    turns = Turns(1)
    tasks = [asyncio.ensure_future(turns.run(0, Line.FRONT, gate.wait, 10))]

    def ask(user, line=Line.ORDINARY, *, name=None, go_on=False):
        run = turns.go_on if go_on else turns.run
        tasks.append(asyncio.ensure_future(run(user, line, order.append, name or user)))
        return tasks[-1]

    async def go():
        gate.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        return order

    yield ask, go
    threads.shutdown(wait=True)


async def begun(ask, *wishes):
    """Ask one after the other."""
    await asyncio.sleep(0)
    for wish in wishes:
        ask(*wish)
        await asyncio.sleep(0)


async def test_a_flood_delays_another_user_by_one_command(held):
    ask, go = held
    await begun(ask, *[(A,)] * 50, (B,), (C,))

    order = await go()

    assert (order.index(B), order.index(C)) == (1, 2)


async def test_what_takes_risk_away_goes_in_front_of_every_order(held):
    ask, go = held
    await begun(ask, *[(A,)] * 20, (A, Line.FRONT), (B, Line.FRONT))
    first = (await go())[:2]

    assert first == [A, B]


async def test_a_flood_of_cancels_leaves_others_one_turn_in_five(held):
    ask, go = held
    await begun(ask, *[(A, Line.FRONT)] * 50, (B,), (B,))

    order = await go()

    # The thread was held up by one turn in front.
    places = [place for place, user in enumerate(order) if user == B]
    assert places == [FRONT_IN_A_ROW - 1, 2 * FRONT_IN_A_ROW]


async def test_who_has_gone_gives_the_turn_to_the_next(held):
    ask, go = held
    await asyncio.sleep(0)
    gone = ask(A, name="gone")
    ask(B)
    await asyncio.sleep(0)
    gone.cancel()

    assert await go() == [B]


async def test_what_has_begun_ends_before_the_same_user_begins_more(held):
    ask, go = held
    await asyncio.sleep(0)
    for number in range(3):
        ask(A, name=f"begin {number}")
    await asyncio.sleep(0)
    ask(A, name="end", go_on=True)
    await asyncio.sleep(0)

    assert await go() == ["end", "begin 0", "begin 1", "begin 2"]


async def test_a_user_has_so_many_requests_waiting_and_cancels_are_never_refused(settings):
    settings.OMS_WAITING_PER_USER = 2
    turns = Turns(1)

    with turns.waiting(A, Line.ORDINARY), turns.waiting(A, Line.ORDINARY):
        with pytest.raises(RateLimited) as refused, turns.waiting(A, Line.ORDINARY):
            pass
        with turns.waiting(A, Line.FRONT), turns.waiting(B, Line.ORDINARY):
            pass

    assert refused.value.headers == {"Retry-After": "1"}
    with turns.waiting(A, Line.ORDINARY):
        pass


async def test_a_flood_lets_who_waits_for_an_answer_go_first_but_not_what_takes_risk_away():
    """Between two of its commands it rests, and for as long the thread is free for the other."""
    turns, flood = Turns(1), []
    with turns.waiting(A, Line.ORDINARY, commands=50), courtesy().waiting(parties(user_id=B)):
        took_s = 0.05
        flood += [asyncio.ensure_future(turns.run(A, Line.ORDINARY, sleep, took_s)) for _ in "12"]
        await asyncio.gather(*flood[:1])
        resting = not flood[1].done()
        cancel = await turns.run(A, Line.FRONT, lambda: "cancelled")
        order = await turns.run(B, Line.ORDINARY, lambda: "ordered")
        still_resting = not flood[1].done()
        await asyncio.gather(*flood)

    assert (cancel, order) == ("cancelled", "ordered")
    assert resting
    assert still_resting


async def test_one_user_s_snapshots_delay_another_s_by_one_and_live_events_by_none(
    monkeypatch, settings
):
    settings.OMS_SOCKET_THREADS = 1
    threads = ThreadPoolExecutor(1)
    monkeypatch.setattr(pool, "_reading_pool", lambda: threads)
    gate, order = threading.Event(), []
    held = asyncio.ensure_future(reading.for_everybody(gate.wait, 10))
    await asyncio.sleep(0)
    tasks = [asyncio.ensure_future(reading.for_user(A, order.append, A)) for _ in range(20)]
    tasks.append(asyncio.ensure_future(reading.for_user(B, order.append, B)))
    tasks.append(asyncio.ensure_future(reading.for_everybody(order.append, "live")))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(held, *tasks)
    threads.shutdown()

    assert (order.index("live"), order.index(B)) == (0, 2)


def logged_in() -> str:
    """The cookie of a browser in which somebody has logged in."""
    client = Client()
    client.force_login(User.objects.create_user(pk=77, username="browser", role=Role.TRADER))
    name = django_settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


@pytest.mark.django_db(transaction=True)
async def test_requests_take_turns_by_who_asks_and_health_has_none():
    """Whoever has a key or a session by their user, else by their address."""
    gate, order = asyncio.Event(), []
    browser = await sync_to_async(logged_in)()
    door = threading.Barrier(django_settings.OMS_DOOR_THREADS)

    async def app(scope, _receive, _send):
        order.append(scope["name"])
        if scope["path"] != "/healthz":
            await gate.wait()

    turns = InTurns(app, threads=1)
    tasks = []

    def ask(name, path="/oms/orders/open", *, user=None, cookie="", method="GET"):
        caller = user and Caller(user, "name", Role.TRADER, user, {})
        scope = {"name": name, "path": path, "method": method, "client": ("192.0.2.1", 1),
                 "headers": [(b"cookie", cookie.encode())],
                 "oms.visit": Visit(caller=caller)}  # fmt: skip
        tasks.append(asyncio.ensure_future(turns(scope, None, None)))

    for number in range(20):
        ask(f"flood {number}", user=A)
        await asyncio.sleep(0)
    ask("user", user=B)
    ask("session", cookie=browser)
    for number in range(3):
        ask(f"stranger {number}", cookie=f"{django_settings.SESSION_COOKIE_NAME}=made-up-{number}")
    ask("kill", "/oms/risk/kill", user=A, method="POST")
    ask("health", "/healthz")
    # All threads at the door are free: who asks is known of everybody, and all stand in line.
    await asyncio.gather(*(pool.at_the_door(door.wait, 10) for _ in range(door.parties)))
    for _ in range(5):
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*tasks)

    assert order[:3] == ["flood 0", "health", "kill"]
    lines = [name.split()[0] for name in order[3:]]
    assert set(lines[:4]) == {"flood", "user", "session", "stranger"}
    # What can be made up gives nobody a second line.
    assert set(lines[4:6]) == {"flood", "stranger"}
    assert len(order) == len(tasks)


async def test_a_turn_whose_work_fails_is_given_back():
    turns = Turns(1)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await turns.run(A, Line.ORDINARY, lambda: 1 // 0)
    assert await turns.run(B, Line.ORDINARY, lambda: "fine") == "fine"


@pytest.mark.parametrize("name", ["send_order", "change_order", "close_position", "cancel_order"])
async def test_who_lacks_the_right_is_refused_without_a_turn(monkeypatch, name):
    """Neither a thread nor the database is asked, with an account named or without one."""
    reader = Caller(1, "reader", Role.READONLY, 1, {7: AccountRights(frozenset({Right.READ}))})
    payload = {
        "send_order": {"symbol": "A/B", "side": "buy", "order_type": "market", "qty": "1"},
        "change_order": {"order_id": 1, "new_qty": "1"},
        "close_position": {"position_id": 1},
        "cancel_order": {"order_id": 1},
    }[name]

    async def nobody(*_facts):
        raise AssertionError("a thread was asked")

    monkeypatch.setattr(pool, "_on", nobody)
    bodies = [{"account_id": 7, "command": name, "payload": payload}]
    bodies += [] if name == "send_order" else [{"command": name, "payload": payload}]
    answer = await commands.answer(commands.Post(caller=reader, query={}, given=bodies))

    assert answer.status == 403
    assert {row["error"]["code"] for row in answer.body["results"]} == {"permission_denied"}
