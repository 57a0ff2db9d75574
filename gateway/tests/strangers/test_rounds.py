"""An account is reconciled at its start, by its loops, and when somebody asks."""

import asyncio
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, sleep

import pytest
from django.utils import timezone

from accounts.models import Account
from gateway import loop, runs
from gateway.models import ReconcileRun
from gateway.reconcile.rounds import Importer
from gateway.runs import Asked
from gateway.tests.strangers.trader import SPOT, Trader, failing
from gateway.words import RunState, Scope

pytestmark = pytest.mark.django_db(transaction=True)

SOON_S = 15.0


@contextmanager
def importing(trader: Trader):
    """The account's importer at work."""
    importer = Importer(trader.pk)
    task = loop.run(importer.run())
    try:
        yield importer
    finally:
        task.cancel()


def over(trader: Trader) -> list[ReconcileRun]:
    ended = ReconcileRun.objects.filter(account_id=trader.pk, finished_at__isnull=False)
    return list(ended.order_by("finished_at"))


def until(is_so) -> None:
    end_s = monotonic() + SOON_S
    while not is_so():
        assert monotonic() < end_s, [
            (run.scope, run.state, run.error) for run in ReconcileRun.objects.all()
        ]
        sleep(0.05)


def policy(trader: Trader, **every_s: float) -> None:
    """The loops of the account, in seconds."""
    told = {name: {"every_s": seconds} for name, seconds in every_s.items()}
    Account.objects.filter(pk=trader.pk).update(reconcile_policy=told)


def test_the_first_round_ever_is_a_long_one_then_the_short_loop_runs(paper):
    trader = Trader(paper, SPOT)
    policy(trader, short=0.1)

    with importing(trader):
        until(lambda: len(over(trader)) >= 3)

    assert [run.scope for run in over(trader)[:3]] == ["long", "short", "short"]
    assert {run.state for run in over(trader)} == {"succeeded"}


def test_after_a_restart_every_symbol_is_read_but_not_as_far_back(paper):
    trader = Trader(paper, SPOT)
    runs.succeed(runs.begin(trader.pk, Asked(Scope.LONG)).pk, {})
    left = runs.begin(trader.pk, Asked(Scope.SHORT))

    with importing(trader):
        until(lambda: any(run.scope == Scope.HOURLY for run in over(trader)))

    left.refresh_from_db()
    assert left.state == RunState.FAILED


def test_what_is_asked_for_is_made_even_where_a_loop_is_always_due(paper):
    trader = Trader(paper, SPOT)
    policy(trader, short=0)

    with importing(trader) as importer:
        until(lambda: len(over(trader)) >= 2)
        (run_id,) = runs.ask([trader.pk], Asked(Scope.HOURLY), user_id=trader.desk.user.pk)
        importer.look()
        until(lambda: ReconcileRun.objects.get(pk=run_id).finished_at)

    run = ReconcileRun.objects.get(pk=run_id)
    assert run.state == RunState.SUCCEEDED
    assert timedelta(hours=1) < timezone.now() - run.since < timedelta(hours=3)


def test_a_round_that_fails_is_followed_by_the_next(paper):
    trader = Trader(paper, SPOT)
    policy(trader, short=0.1)

    with importing(trader):
        with failing(paper, "GET /api/v3/openOrders"):
            until(lambda: any(run.state == RunState.FAILED for run in over(trader)))
        until(lambda: over(trader)[-1].state == RunState.SUCCEEDED)


def test_strangers_are_brought_in_before_the_next_loop(paper):
    trader = Trader(paper, SPOT)

    with importing(trader) as importer:
        until(lambda: over(trader))
        placed = trader.strange()
        importer.ring(trader.symbol, [placed["id"]])
        # The bell is an event of the exchange loop, which this thread has to wake.
        loop.call(asyncio.sleep(0), 5)
        until(trader.externals)

    assert len(over(trader)) == 1
