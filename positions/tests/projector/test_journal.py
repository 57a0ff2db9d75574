"""The journal is numbered with the deals and forgets no digit."""

from decimal import Decimal

from positions.models import JournalEntry, JournalKind
from positions.outbox import holding
from positions.projector.journal import record


def test_an_entry_takes_the_next_booking_number_and_keeps_every_digit(desk):
    desk.bought("1")

    with holding(desk.account.pk) as lane:
        record(lane, JournalKind.MERGE, qty=Decimal("0.100000000000000001"), mark=None, position=3)
    desk.bought("1")

    entry = JournalEntry.objects.get()
    assert (entry.booking_no, entry.kind, entry.created_at) == (2, "merge", lane.now)
    assert entry.facts == {"qty": "0.100000000000000001", "mark": None, "position": 3}
    assert [deal.booking_no for deal in desk.deals()] == [1, 3]


def test_dust_leaves_an_entry_with_its_cost(desk, venue):
    position = desk.bought("1")
    venue.change_market(desk.symbol, amount_step=Decimal("0.3"), min_amount=Decimal("0.3"))

    desk.fill(desk.close(position), "0.9", "110")

    entry = JournalEntry.objects.get()
    assert (entry.kind, entry.facts["position_id"]) == ("correction", position.pk)
    assert (entry.facts["qty"], entry.facts["cost"]) == ("0.1", "10")
    assert desk.deals()[-1].booking_no == entry.booking_no + 1
