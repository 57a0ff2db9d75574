"""One loop per process, and the way from it to the database."""

import asyncio
import decimal
import os
import threading
from time import sleep

import pytest
from django.db import connection

from accounts.models import Account
from gateway import loop
from positions.courtesy import courtesy, parties


@pytest.fixture(autouse=True)
def _fresh_loop():
    yield
    loop.stop()


async def thread_name() -> str:
    return threading.current_thread().name


def test_everything_runs_on_one_thread_of_its_own():
    assert loop.call(thread_name(), 5) == loop.call(thread_name(), 5) == "exchange-loop"


def test_a_call_that_takes_too_long_is_cancelled():
    ended = threading.Event()

    async def slow():
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    with pytest.raises(TimeoutError):
        loop.call(slow(), 0.05)

    assert ended.wait(5)


def test_waiting_for_the_loop_on_the_loop_is_an_error_not_a_deadlock():
    async def wait_for_itself():
        loop.call(thread_name(), 1)

    with pytest.raises(RuntimeError, match="await"):
        loop.call(wait_for_itself(), 5)


def test_after_stopping_the_next_call_starts_a_new_loop():
    loop.call(thread_name(), 5)

    loop.stop()

    assert loop.call(thread_name(), 5) == "exchange-loop"


def test_a_forked_child_has_a_loop_of_its_own():
    loop.call(thread_name(), 5)
    child = os.fork()
    if child == 0:
        try:
            fine = loop.call(thread_name(), 5) == "exchange-loop"
        except BaseException:
            fine = False
        os._exit(0 if fine else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_database_work_sees_a_clean_decimal_context():
    """ccxt leaves ROUND_HALF_UP behind in the context in which it formatted a quantity."""

    async def work():
        decimal.getcontext().rounding = decimal.ROUND_HALF_UP
        return await loop.db(lambda: decimal.getcontext().rounding)

    assert loop.call(work(), 5) == decimal.ROUND_HALF_EVEN


@pytest.mark.django_db(transaction=True)
def test_the_database_is_reached_on_a_thread_that_keeps_its_connection():
    def look() -> tuple[str, int]:
        assert Account.objects.count() == 0  # Opens the connection, if none is open.
        return threading.current_thread().name, id(connection.connection)

    async def work():
        return await loop.db(look), await loop.db(look)

    first, second = loop.call(work(), 5)

    assert first == second
    assert first[0].startswith("exchange-db")


@pytest.mark.django_db(transaction=True)
def test_a_broken_connection_is_replaced():
    def break_it():
        connection.ensure_connection()
        connection.errors_occurred = True
        connection.is_usable = lambda: False

    async def work():
        await loop.db(break_it)
        return await loop.db(Account.objects.count)

    try:
        assert loop.call(work(), 5) == 0
    finally:
        loop.stop()


def test_an_error_in_the_database_work_arrives_where_it_was_awaited():
    async def work():
        await loop.db(lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        loop.call(work(), 5)


async def test_accounts_take_turns_on_the_database_threads(settings):
    """One account's thousand calls delay another's by one; its own stay in order."""
    settings.OMS_DB_THREADS = 1
    loop.stop()
    gate, done = threading.Event(), []
    held = asyncio.ensure_future(_for(1, gate.wait, 10))
    await asyncio.sleep(0.05)
    waiting = [asyncio.ensure_future(_for(1, done.append, f"a{number}")) for number in range(20)]
    await asyncio.sleep(0)
    waiting.append(asyncio.ensure_future(_for(2, done.append, "b")))
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(held, *waiting)
    loop.stop()

    assert done.index("b") == 1
    assert [each for each in done if each != "b"] == [f"a{number}" for number in range(20)]


async def test_what_lets_others_go_first_holds_up_neither_them_nor_the_same_account(settings):
    """A busy account's bookings rest while another waits; what is urgent on it does not."""
    settings.OMS_DB_THREADS = 1
    loop.stop()
    done, busy = [], parties(account_ids=[1])
    with courtesy().waiting(parties(account_ids=[2])):
        polite = [asyncio.ensure_future(_for(1, sleep, 0.05, yielding=busy)) for _ in range(3)]
        await asyncio.wait(polite, return_when=asyncio.FIRST_COMPLETED)
        await _for(2, done.append, "other")
        await _for(1, done.append, "urgent")
        rested = sum(each.done() for each in polite)
        await asyncio.gather(*polite)
    loop.stop()

    assert done == ["other", "urgent"]
    assert rested == 1


async def _for(account_id, work, *args, yielding=None):
    loop.whose.set(account_id)
    loop.yielding.set(yielding)
    return await loop.db(work, *args)
