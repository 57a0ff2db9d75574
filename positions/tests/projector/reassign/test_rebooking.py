"""What a reassign writes beside deals and positions."""

from positions.engine.types import PositionMode
from positions.models import Event, JournalEntry
from positions.outbox import holding
from positions.projector.reassign.rebooking import Target, book_reassign
from positions.tests.ledger.checking import differences


def moved(desk, order, strategy_id):
    with holding(desk.account.pk) as lane:
        mode = PositionMode(desk.account.position_mode)
        return book_reassign(lane, [order], Target(strategy_id), mode=mode)


def test_the_entry_is_all_that_a_replay_needs(desk):
    desk.bought("1")
    order, strategy_id = desk.external("sell", "2"), desk.strategy().pk

    outcome = moved(desk, order, strategy_id)

    entry = JournalEntry.objects.get()
    assert outcome.reassign_no == entry.booking_no == 3
    assert entry.facts == {
        "symbol": desk.symbol,
        "order_ids": [order.pk],
        "strategy_id": strategy_id,
        "position_id": None,
        "from_booking_no": 2,
        "from_time": "2026-01-31T12:00:02.000000Z",
        "position_ids": [order.position_id],
        "deal_rule": 2,
    }
    assert desk.fresh(order).reassigned_by == 3


def test_both_strategies_are_told(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one, other = desk.strategy().pk, desk.strategy().pk
    order = desk.filled("buy", "1", strategy_id=one)

    moved(desk, order, other)

    told = Event.objects.filter(event="reassigned").values_list("strategy_id", flat=True)
    gone = Event.objects.get(event="deals_superseded")
    assert sorted(told) == [one, other]
    assert (gone.strategy_id, gone.payload["superseded_by"]) == (one, 2)


def test_an_order_whose_deals_moved_along_is_shown_on_its_new_position(desk):
    """The later sell closed the long; with the external one before it, it raises a short."""
    long = desk.bought("1", "100")
    order = desk.external("sell", "1", "105")
    later = desk.filled("sell", "1", "107")

    moved(desk, order, 0)

    after = desk.fresh(later)
    assert later.position == long
    assert (after.position.side, after.position.qty) == ("sell", 1)
    assert after.previous_position_id == long.pk
    assert differences(desk) == []
