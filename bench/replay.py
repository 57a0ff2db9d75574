"""G7: how fast is a ledger proven, beside adding the same fills up in a bare loop?"""

import time

from django.core.management import call_command

from bench.bare import add_up
from bench.ledger.happened import Ids
from bench.ledger.kinds import KINDS
from bench.ledger.writing import write_account
from bench.measuring import Goal, Result, compare
from positions.engine.holding import Fill
from positions.engine.money import exact_decimals
from positions.ledger import rebuild, stream
from positions.ledger.executions import fill_of
from positions.ledger.findings import Finding
from positions.ledger.stream import Counters
from positions.models import AccountLane

DEALS = 9_000
ROUNDS = 5
GOAL = Goal(
    "G7 rebuild_positions --verify, executions per CPU second: 100,000 (1M in 10 s)",
    "/s",
    ours_at_least=100_000,
)


def run() -> list[Result]:
    """Generate a ledger of all kinds of accounts, and prove it a few times."""
    call_command("migrate", verbosity=0)
    ids = Ids()
    for number, kind in enumerate(KINDS):
        write_account(kind.name, kind, deals=DEALS // len(KINDS), seed=7 + number, ids=ids)
    account_ids = list(AccountLane.objects.values_list("account_id", flat=True))
    fills = [_fills(account_id) for account_id in account_ids]
    total = sum(map(len, fills))
    return [
        compare(
            GOAL,
            baseline=lambda: _bare(fills, total),
            ours=lambda: _verify(account_ids, total),
            rounds=ROUNDS,
        )
    ]


def _bare(fills: list[list[Fill]], total: int) -> float:
    began = time.process_time()
    with exact_decimals():
        for each in fills:
            add_up(each)
    return total / (time.process_time() - began)


def _verify(account_ids: list[int], total: int) -> float:
    found: list[Finding] = []
    began = time.process_time()
    for account_id in account_ids:
        rebuild.verify(account_id, report=found.append, seen=lambda _: None)
    seconds = time.process_time() - began
    assert not found, found[0]
    return total / seconds


def _fills(account_id: int) -> list[Fill]:
    rows = stream.executions(account_id, Counters(), stream.counters(account_id))
    return [fill_of(row) for row in rows]
