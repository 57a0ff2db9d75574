"""What one reconciliation brings in, compares, and leaves for a person to decide."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts.audit import OPERATOR
from gateway import loop, runs
from gateway.evidence import storage
from gateway.models import RawTrade, ReconcileRun
from gateway.reconcile import reconciling
from gateway.runs import Asked
from gateway.sessions import kept as sessions
from gateway.tests.strangers.trader import BOTH, LINEAR, SPOT, TABLES, D, Trader, bought, failing
from gateway.words import Scope
from positions.engine.types import CaseAction
from positions.models import Case, Event, Order, Position
from positions.services.decide_case import Decision, decide

pytestmark = pytest.mark.django_db(transaction=True)


def reconcile(trader: Trader, scope: Scope = Scope.SHORT, **bounds) -> ReconcileRun:
    """One run, to its end."""
    since = bounds.pop("since", timezone.now() - timedelta(minutes=10))
    run = runs.begin(trader.pk, Asked(scope, since, **bounds))
    loop.call(reconciling.reconcile(run), 60)
    return ReconcileRun.objects.get(pk=run.pk)


def cases(trader: Trader) -> dict[str, Case]:
    return {case.subject: case for case in Case.objects.open().filter(account_id=trader.pk)}


def deposit(paper, trader: Trader, amount: str, asset: str = "USDT") -> None:
    """Money comes in, or goes, without a trade."""
    market = "linear" if trader.symbol.endswith(":USDT") else "spot"
    words = {"api_key": trader.key, "market": market, "asset": asset, "amount": amount}
    paper.control("POST", "deposits", **words)


@BOTH
def test_a_run_brings_in_compares_and_is_told(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    bought(trader, "0.01")
    trader.strange()

    run = reconcile(trader)

    assert (run.state, run.error, run.phase) == ("succeeded", None, None)
    assert (run.found["orders"], run.found["trades"]) == (1, 1)
    assert run.found["balances"] == {"answer": "equal", "differences": 0, "why": ""}
    tick = Event.objects.filter(account_id=trader.pk, event="reconciliation_tick").get()
    assert (tick.payload["run_id"], tick.payload["open_cases"]) == (run.pk, 1)


@BOTH
def test_twice_and_after_a_restart_with_open_positions_adds_no_rows(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    bought(trader, "0.01")
    trader.strange()
    trader.strange(price="30000")
    reconcile(trader, Scope.LONG)
    before = rows(trader)

    reconcile(trader, Scope.LONG)
    reconcile(trader)
    loop.call(sessions.close_all(), 5)
    trader.hurry()
    reconcile(trader, Scope.HOURLY)
    loop.call(sessions.close_all(), 5)
    trader.hurry()
    reconcile(trader, Scope.LONG, since=timezone.now() - timedelta(days=10))

    assert rows(trader) == before
    assert Position.objects.open().filter(account_id=trader.pk).exists()


def rows(trader: Trader) -> dict[str, int]:
    """How many rows there are of everything but the rounds' own record of themselves."""
    counts = {table.__name__: table.objects.count() for table in TABLES}
    ticks = Event.objects.filter(event="reconciliation_tick").count()
    return counts | {"Event": counts["Event"] - ticks, "Case": Case.objects.count()}


@BOTH
def test_money_that_came_without_a_trade_is_a_case_until_it_is_booked(paper, where):
    trader = Trader(paper, where)
    trader.begin()

    deposit(paper, trader, "250")
    run = reconcile(trader)
    (case,) = cases(trader).values()
    told = case.kind, case.subject, case.facts["amount"], case.action
    decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "deposit"), OPERATOR)
    after = reconcile(trader)

    assert run.found["balances"]["answer"] == "different"
    assert told == ("transfer", "balance of USDT", "250", "book_transfer")
    assert after.found["balances"]["answer"] == "equal"
    assert cases(trader) == {}


@BOTH
def test_a_strangers_position_is_a_case_until_somebody_has_it(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    trader.strange(qty="0.02")
    trader.desk.send()
    reconcile(trader)
    (case,) = cases(trader).values()

    trader.desk.reassign(trader.externals()[0], to=0)
    reconcile(trader)

    assert (case.kind, case.facts["order_ids"]) == ("external_trade", [trader.externals()[0].pk])
    assert cases(trader) == {}


def test_an_account_with_tables_of_its_own_is_reconciled_alike(paper):
    trader = Trader(paper, SPOT, raw_storage="dedicated")
    trader.begin()
    bought(trader, "0.01")
    trader.strange()
    reconcile(trader)
    (own,) = set(storage.tables_of(RawTrade, [trader.pk])) - {RawTrade}
    before = own.objects.count()

    again = reconcile(trader, Scope.LONG)

    assert again.found["balances"]["answer"] == "equal"
    assert (before, own.objects.count()) == (2, 2)
    assert not RawTrade.objects.filter(account_id=trader.pk).exists()


def test_money_that_goes_back_by_itself_ends_the_case(paper):
    trader = Trader(paper, SPOT)
    trader.begin()
    deposit(paper, trader, "250")
    reconcile(trader)
    (case,) = cases(trader).values()

    deposit(paper, trader, "-250")
    reconcile(trader)

    case.refresh_from_db()
    assert (case.state, case.owner) == ("resolved", None)


def test_a_hidden_fill_is_booked_by_a_person_and_the_sides_agree(paper):
    """Hidden: the exchange has lost the trade from its lists, the position it still shows."""
    trader = Trader(paper, LINEAR)
    trader.begin()
    bought(trader, "0.01")
    trader.strange(qty="0.02")

    with failing(paper, "GET /fapi/v1/userTrades", kind="lookup_lag", ms=600_000):
        reconcile(trader)
        found = cases(trader)
        case = found[f"position of {trader.symbol}"]
        decide(case.pk, Decision(CaseAction.BOOK_FILL, "seen there", D(60000)), OPERATOR)
        after = reconcile(trader)

    assert (case.kind, case.facts["amount"]) == ("unexplained", "0.02")
    assert found["balance of USDT"].action == CaseAction.NOTE
    assert after.found["positions"]["answer"] == "equal"
    assert Order.objects.get(account_id=trader.pk, reason="external").filled_qty == D("0.02")


def test_what_cannot_be_asked_fails_the_run_and_resolves_no_case(paper):
    trader = Trader(paper, LINEAR)
    trader.begin()
    deposit(paper, trader, "5")
    reconcile(trader)

    with failing(paper, "GET /fapi/v3/positionRisk"):
        run = reconcile(trader)

    assert run.state == "failed"
    assert run.error["code"] == "exchange_timeout"
    assert [case.state for case in cases(trader).values()] == ["open"]


def test_a_failed_run_keeps_what_it_brought_in(paper):
    trader = Trader(paper, SPOT)
    trader.begin()
    trader.strange(price="30000")

    with failing(paper, "GET /api/v3/myTrades"):
        run = reconcile(trader)

    assert (run.state, run.phase, run.found["orders"]) == ("failed", "comparing", 1)
    assert run.error["details"]["lists"] == [trader.symbol]
    assert len(trader.externals()) == 1


def test_a_period_reads_its_days_and_moves_no_cursor(paper):
    trader = Trader(paper, SPOT)
    trader.begin()
    trader.desk.send()
    trader.bring_in()
    trader.strange()
    tomorrow = timezone.now() + timedelta(days=1)

    run = reconcile(trader, Scope.PERIOD, since=tomorrow - timedelta(days=2), until=tomorrow)
    again = trader.bring_in()

    assert (run.state, run.found["orders"]) == ("succeeded", 1)
    assert again.orders == 0
    assert len(trader.externals()) == 1


def test_a_hint_leads_to_a_symbol_that_nobody_knew(paper):
    trader = Trader(paper, SPOT)
    trader.begin()
    trader.symbol = "ETH/USDT"
    trader.strange(qty="0.1")

    unknown = reconcile(trader)
    hinted = reconcile(trader, symbols=["ETH/USDT"])

    assert (unknown.found["orders"], hinted.found["orders"]) == (0, 1)


def test_the_command_prints_what_it_found_and_fails_where_it_could_not_ask(paper):
    trader = Trader(paper, SPOT)
    trader.begin()
    trader.desk.send()
    trader.strange()

    out = StringIO()
    call_command("reconcile", "--account-id", str(trader.pk), stdout=out)
    with failing(paper, "GET /api/v3/myTrades"), pytest.raises(CommandError, match="not be asked"):
        call_command("reconcile", "--account-id", str(trader.pk))

    told = json.loads(out.getvalue())
    assert (told["scope"], told["orders"], told["positions"]["answer"]) == ("long", 1, "equal")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--scope", "period"], "--start-date"),
        (["--start-date", "2026-01-01"], "--start-date"),
        (
            ["--scope", "period", "--start-date", "2026-01-02", "--end-date", "2026-01-01"],
            "before",
        ),
        (["--scope", "period", "--start-date", "yesterday"], "not a day"),
    ],
)
def test_the_command_refuses_days_that_are_no_period(paper, words, says):
    trader = Trader(paper, SPOT)

    with pytest.raises(CommandError, match=says):
        call_command("reconcile", "--account-id", str(trader.pk), *words)
