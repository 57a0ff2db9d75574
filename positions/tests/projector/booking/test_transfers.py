"""Refused or broken off, a transfer leaves nothing behind."""

import pytest

from positions.models import Command, Deal, Event, JournalEntry
from positions.projector.booking import transfers


@pytest.mark.parametrize("command", ["close_by", "merge_positions"])
def test_a_transfer_is_one_transaction(new_desk, monkeypatch, command):
    desk = new_desk(position_mode="hedge")
    one = desk.bought("1")
    other = desk.filled("sell" if command == "close_by" else "buy", "1").position
    names = {
        "close_by": ("position_id_a", "position_id_b"),
        "merge_positions": ("source_position_id", "target_position_id"),
    }
    before = [model.objects.count() for model in (Command, Deal, Event, JournalEntry)]

    def breaks(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(transfers, "tell_position", breaks)
    with pytest.raises(ZeroDivisionError):
        desk.give(command, **dict(zip(names[command], (one.pk, other.pk), strict=True)))

    after = [model.objects.count() for model in (Command, Deal, Event, JournalEntry)]
    assert after == before
    assert [desk.fresh(row).qty for row in (one, other)] == [1, 1]
