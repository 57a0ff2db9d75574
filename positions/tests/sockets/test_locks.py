"""Whoever follows ``seq`` skips nothing, however many write: what only row locks can show."""

import asyncio
import threading

import pytest
from django.db import connections

from positions.api.pool import in_pool
from positions.models import Event
from positions.outbox import holding
from positions.services.retention import prune_events
from positions.sockets.snapshots import read_log, take
from positions.tests.desk import Desk
from positions.tests.sockets.client import connected
from positions.tests.sockets.test_subscribing import log_of, shown

pytestmark = [
    pytest.mark.mariadb,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("row_locks"),
]
WRITERS, EACH = 8, 25
ALL = WRITERS * EACH


class Writers:
    """Threads that write events to one account, some in transactions that are undone."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self.failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(WRITERS)]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()
        assert self.failures == []

    def _write(self, writer: int) -> None:
        try:
            for number in range(EACH):
                self._break_off()
                with holding(self.account_id) as lane:
                    lane.tell("order_updated", {"writer": writer, "number": number})
        except Exception as failure:
            self.failures.append(failure)
        finally:
            connections.close_all()

    def _break_off(self) -> None:
        try:
            with holding(self.account_id) as lane:
                lane.tell("order_updated", {"never": "seen"})
                lane.write()
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass


def test_a_reader_that_follows_seq_skips_no_event():
    account_id = Desk().account.pk
    found: list[int] = []

    with Writers(account_id):
        while len(found) < ALL:
            after = found[-1] if found else 0
            # Plain rows, as any reader of the log sees them: no hole may ever show.
            rows = Event.objects.filter(account_id=account_id).since(after)
            found += rows.values_list("seq", flat=True)

    assert found == list(range(1, ALL + 1))


async def test_sockets_get_what_eight_writers_write_once_and_in_order(trader):
    async with connected(trader.key) as live, connected(trader.key) as late:
        await live.subscribe(trader.account_id)
        writers = Writers(trader.account_id)
        writers.__enter__()
        first = await live.events(ALL // 2)
        middle = first[ALL // 4]["seq"]
        wish = {"account_ids": [trader.account_id], "since_seq": middle, "with_snapshot": False}
        await late.ask("subscribe", wish)
        rest = await live.events(ALL - len(first))
        resumed = await late.events(ALL - middle)
        await asyncio.to_thread(writers.__exit__)

    log = await in_pool(log_of, trader.account_id)
    assert shown([*first, *rest]) == log
    assert shown(resumed) == log[middle:]


def test_a_snapshot_is_of_one_moment_while_orders_are_written():
    """The seq of a snapshot says exactly which orders are in it."""
    desk = Desk()
    failures: list[Exception] = []

    def trade() -> None:
        try:
            for _ in range(30):
                desk.send(price="90")
        except Exception as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    seen = []
    thread = threading.Thread(target=trade)
    thread.start()
    while thread.is_alive():
        snapshot = take(desk.caller, [desk.account.pk])
        seen.append((snapshot.seqs[desk.account.pk], len(snapshot.orders)))
    thread.join()

    assert failures == []
    assert [orders for _, orders in seen] == [seq for seq, _ in seen]


def test_what_is_deleted_meanwhile_is_no_hole():
    desk = Desk()
    with Writers(desk.account.pk):
        pass
    newest = Event.objects.order_by("-created_at").first().created_at

    gone = prune_events(before=newest)
    kept = read_log(desk.account.pk, after=gone, most=ALL)

    assert [event.seq for event in kept] == list(range(gone + 1, ALL + 1))
