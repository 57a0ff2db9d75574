"""Runs are asked for once, made once, and remembered for a week."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.tests import builders
from gateway import runs
from gateway.models import ReconcileRun
from gateway.runs import Asked
from gateway.words import Phase, RunState, Scope

SHORT = Asked(Scope.SHORT)

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(settings):
    settings.EXCHANGE_IDS = "accounts.tests.builders.exchange_ids"
    return builders.account("a")


def ask(account, wish=SHORT, user_id=None) -> ReconcileRun:
    return ReconcileRun.objects.get(pk=runs.ask([account.pk], wish, user_id=user_id)[0])


def begin(account, scope=Scope.SHORT) -> ReconcileRun:
    return runs.begin(account.pk, Asked(scope, timezone.now()))


def state(run) -> str:
    return ReconcileRun.objects.get(pk=run.pk).state


def test_a_wish_that_waits_is_not_doubled_and_another_one_is_another_run(account):
    first, again, longer = ask(account), ask(account), ask(account, Asked(Scope.LONG))

    assert first.pk == again.pk != longer.pk
    assert runs.take(account.pk).pk == first.pk
    assert ask(account).pk not in (first.pk, longer.pk)


def test_the_oldest_is_taken_first_and_once(account):
    first, second = ask(account), ask(account, Asked(Scope.LONG))

    assert [runs.take(account.pk).pk, runs.take(account.pk).pk] == [first.pk, second.pk]
    assert runs.take(account.pk) is None
    assert not runs.start(first.pk)


def test_its_end_is_written_once(account):
    run = begin(account)
    runs.progress(run.pk, Phase.TRADES, 3, 9)
    runs.fail(run.pk, {"code": "exchange_error"}, {"orders": 1})
    runs.succeed(run.pk, {})

    run.refresh_from_db()
    assert (run.state, run.phase, run.done, run.total) == ("failed", "trades", 3, 9)
    assert (run.error, run.found) == ({"code": "exchange_error"}, {"orders": 1})
    assert run.finished_at is not None


def test_what_a_dead_process_left_waits_again_where_somebody_asked_for_it(account):
    asked = ask(account, user_id=builders.user("trader").pk)
    runs.take(account.pk)
    due = begin(account)

    runs.take_up(account.pk)

    assert (state(asked), state(due)) == (RunState.PENDING, RunState.FAILED)


def test_when_loops_last_succeeded(account):
    for scope in (Scope.SHORT, Scope.SHORT, Scope.LONG, Scope.PERIOD):
        runs.succeed(begin(account, scope).pk, {})
    failed = begin(account, Scope.HOURLY)
    runs.fail(failed.pk, {}, {})

    newest = ReconcileRun.objects.filter(scope=Scope.SHORT).latest("id").finished_at
    assert runs.last_successes(account.pk).keys() == {Scope.SHORT, Scope.LONG}
    assert runs.last_successes(account.pk)[Scope.SHORT] == newest


def test_who_waits_among_those_that_are_served(account):
    ask(account)

    assert runs.accounts_waiting([account.pk, 10**9]) == [account.pk]
    assert runs.accounts_waiting([10**9]) == []


def test_old_runs_go_but_the_last_success_of_each_loop_stays(account):
    old = [begin(account, scope) for scope in (Scope.SHORT, Scope.SHORT, Scope.LONG)]
    for run in old:
        runs.succeed(run.pk, {})
    waiting, failed = ask(account), begin(account)
    runs.fail(failed.pk, {}, {})
    ReconcileRun.objects.exclude(state=RunState.PENDING).update(
        finished_at=timezone.now() - runs.KEPT - timedelta(hours=1)
    )

    assert runs.prune(timezone.now()) == 2
    kept = set(ReconcileRun.objects.values_list("pk", flat=True))
    assert kept == {old[1].pk, old[2].pk, waiting.pk}
