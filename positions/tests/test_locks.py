"""One writer per account: what only a database with row locks can show."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError, close_old_connections, connection, connections
from django.utils import timezone

from accounts.rights.permissions import AccountRights, Caller
from accounts.words import Right
from oms_project.errors import IdempotencyConflict
from positions.engine.types import OrderStatus
from positions.models import (
    AccountLane,
    Command,
    Event,
    Execution,
    Instruction,
    JournalEntry,
    JournalKind,
    Order,
)
from positions.outbox import holding
from positions.projector.unclear import missing
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR
from positions.tests.ledger.checking import differences

pytestmark = [
    pytest.mark.mariadb,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("row_locks"),
]
THREADS = 8
SOON_S = 20
BUY = {"symbol": LINEAR, "side": "buy", "type": "market", "qty": "1"}


def at_once(*jobs: Callable[[], object]) -> None:
    """Run the jobs side by side, started together; their failures fail the test."""
    start, failures = threading.Barrier(len(jobs)), []

    def run(job: Callable[[], object]) -> None:
        try:
            start.wait()
            job()
        except Exception as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close_old_connections()
    assert failures == []


def test_a_process_that_stops_inside_a_transaction_does_not_keep_the_lane():
    """Paused, or gone without a word: what it held is free again, and nothing of it was booked."""
    desk = Desk()
    order = desk.rest()
    stopped, over = threading.Event(), threading.Event()

    def holds_and_stops() -> None:
        with holding(desk.account.pk) as lane:
            lane.tell("never", {})
            stopped.set()
            over.wait(SOON_S)

    def stops() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET idle_transaction_timeout = 1")
        with pytest.raises(OperationalError):
            holds_and_stops()

    def comes_next() -> None:
        stopped.wait(SOON_S)
        desk.fill(order, "1")
        over.set()

    at_once(stops, comes_next)

    assert desk.fresh(order).status == "FILLED"
    assert "never" not in desk.events()
    assert differences(desk) == []


def test_every_connection_gives_up_an_idle_transaction_with_the_lease(settings):
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@idle_transaction_timeout")
        assert cursor.fetchone() == (settings.OMS_LEASE_S,)


def test_orders_accepted_by_eight_threads_leave_no_gap():
    desk = Desk()

    at_once(*[lambda: [desk.send() for _ in range(5)]] * THREADS)

    seqs = list(Event.objects.order_by("seq").values_list("seq", flat=True))
    assert Order.objects.count() == 5 * THREADS
    assert seqs == list(range(1, 5 * THREADS + 1))
    assert AccountLane.objects.get().last_seq == len(seqs)


def test_fills_booked_by_eight_threads_are_numbered_and_chained():
    desk = Desk()
    orders = [desk.send() for _ in range(THREADS)]
    desk.claim()
    trades = [desk.trade(order, "1") for order in orders]

    def book(order, trade):
        desk.report(order, OrderStatus.FILLED, "1", trades=[trade])

    at_once(*[lambda o=o, t=t: book(o, t) for o, t in zip(orders, trades, strict=True)])

    chain = list(Execution.objects.order_by("number"))
    assert [deal.booking_no for deal in desk.deals()] == list(range(1, THREADS + 1))
    assert [row.previous_hash for row in chain] == ["", *[row.hash for row in chain[:-1]]]
    assert desk.positions()[0].qty == THREADS


def test_eight_threads_book_and_settle_a_fill_that_was_not_listed_once():
    desk = Desk(provisional_after_s=60)
    order = desk.send("buy", "3")
    desk.claim()
    desk.report(order, OrderStatus.FILLED, "3", average=Decimal(100))
    trades = [desk.trade(order, "1", "99") for _ in range(3)]
    late = timezone.now() + timedelta(seconds=60)

    at_once(*[lambda: missing.sweep(late, [desk.account.pk])] * THREADS)
    assert [deal.qty for deal in desk.deals()] == [3]
    at_once(*[lambda: desk.tell(*trades)] * THREADS)

    assert [deal.price for deal in desk.deals()] == [99] * 3
    assert Execution.objects.count() == 4
    assert JournalEntry.objects.get().kind == JournalKind.SETTLE_PROVISIONAL
    assert differences(desk) == []


def test_a_claim_is_given_to_one_of_eight_threads():
    desk = Desk()
    for _ in range(THREADS * 2):
        desk.send()
    claimed: list[int] = []

    at_once(*[lambda: claimed.extend(c.instruction.pk for c in desk.claim(most=4))] * THREADS)
    claimed.extend(claim.instruction.pk for claim in desk.claim())

    assert sorted(claimed) == sorted(Instruction.objects.values_list("pk", flat=True))


def test_two_closes_at_once_never_exceed_the_position():
    desk = Desk()
    position = desk.bought("1")
    refused: list[str] = []

    def close():
        try:
            desk.close(position)
        except Exception as refusal:
            refused.append(refusal.code)

    at_once(*[close] * THREADS)

    assert refused == ["position_close_in_progress"] * (THREADS - 1)
    assert Order.objects.filter(closes_position=True).count() == 1


def test_of_eight_close_bys_at_once_one_is_booked():
    desk = Desk(position_mode="hedge")
    ids = {
        "position_id_a": desk.bought("1").pk,
        "position_id_b": desk.filled("sell", "1").position.pk,
    }
    refused: list[str] = []

    def close_by():
        try:
            desk.give("close_by", **ids)
        except Exception as refusal:
            refused.append(refusal.code)

    at_once(*[close_by] * THREADS)

    assert refused == ["validation_error"] * (THREADS - 1)
    assert differences(desk) == []


def test_one_request_sent_by_eight_threads_is_one_order():
    desk = Desk()
    seen: set[int] = set()

    at_once(*[lambda: seen.add(desk.give("send_order", request_id="r-1", **BUY).pk)] * THREADS)

    assert len(seen) == Order.objects.count() == 1


def test_of_two_accounts_racing_for_one_request_id_one_wins():
    desks = [Desk(), Desk()]
    rights = {desk.account.pk: AccountRights(frozenset(Right)) for desk in desks}
    user = desks[0].user
    caller = Caller(user.pk, user.username, desks[0].caller.role, None, rights)
    outcomes: list[str] = []

    def give(desk: Desk, number: int) -> None:
        try:
            desk.give("send_order", request_id=f"r-{number}", caller=caller, **BUY)
            outcomes.append("accepted")
        except IdempotencyConflict:
            outcomes.append("conflict")

    for number in range(10):
        at_once(*[lambda desk=desk, number=number: give(desk, number) for desk in desks])

    assert sorted(outcomes) == ["accepted"] * 10 + ["conflict"] * 10
    assert Command.objects.count() == Order.objects.count() == 10
