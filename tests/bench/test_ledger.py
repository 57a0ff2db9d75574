"""Is a generated ledger what the product itself would have written?"""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from bench.ledger.happened import Ids
from bench.ledger.kinds import KINDS
from bench.ledger.past import Past
from positions.engine.money import exact_decimals
from positions.engine.types import DealRule
from tests.bench.replica import Replica

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_projector_books_the_same_deals_from_the_same_trades(db, kind):
    later = timezone.now() + timedelta(days=1)  # Than what is booked without a time of its own.
    past = Past(kind, seed=11, ids=Ids(), start=later, rules=(DealRule.ORDER,))
    with exact_decimals():
        happened = list(past.until(120))

    replica = Replica(past).live(happened)

    generated = [deal for each in happened for deal in each.deals]
    assert replica.deals() == [replica.translated(deal) for deal in generated]


def test_twenty_thousand_deals_are_proven_and_every_tampering_is_named(tmp_path):
    command = [sys.executable, "-m", "bench.ledger", "--deals", "20000", "--accounts", "9"]
    env = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}

    done = subprocess.run(
        command, cwd=ROOT, env=env | {"OMS_DATA_DIR": str(tmp_path)}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("found and named") == 3
