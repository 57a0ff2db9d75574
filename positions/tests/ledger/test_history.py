"""A long and mixed past follows from its ledger to the last digit."""

from functools import partial

import pytest

from positions.ledger import invariants, replay, stream
from positions.ledger.shelf import Shelf
from positions.models import Deal, Execution, JournalEntry, Position
from positions.tests.ledger.checking import differences
from positions.tests.ledger.history import KINDS, History

ROUNDS = 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_history_verifies(db, kind):
    past = History(kind, seed=7).live(ROUNDS)

    assert Deal.objects.count() > 100
    assert past.reassigned > 1
    assert differences(past.desk) == []


@pytest.mark.parametrize("kind", ["netting, mt5", "hedge"])
def test_it_verifies_however_little_is_kept_in_memory(db, kind, monkeypatch):
    """Pages of three rows, four positions in memory: nothing may depend on where they are cut."""
    desk = History(kind, seed=4).live(6).desk
    monkeypatch.setattr(stream, "PAGE", 3)
    for module in (replay, invariants):
        monkeypatch.setattr(module, "Shelf", partial(Shelf, most=4))

    assert differences(desk) == []


def test_the_histories_hold_what_a_ledger_can_hold(db):
    for kind in ("netting, mt5", "strategies on spot", "hedge on spot", "hedge"):
        History(kind, seed=4).live(6)

    kinds = set(JournalEntry.objects.values_list("kind", flat=True))
    entries = set(Deal.objects.values_list("entry", flat=True))
    assert kinds == {
        "close_by", "merge", "correction", "funding", "reassign", "settle_provisional"
    }  # fmt: skip
    assert entries == {"in", "out", "inout", "out_by", None}
    assert Deal.objects.filter(base_fee="0").count() < Deal.objects.count()
    assert Execution.objects.exclude(fee_rate=None).exists()
    assert Execution.objects.filter(external=True).exists()
    assert (
        {"liquidation", "adl"}
        >= set(Execution.objects.exclude(forced=None).values_list("forced", flat=True))
        > set()
    )
    assert Position.objects.exclude(superseded_by=None).exists()
