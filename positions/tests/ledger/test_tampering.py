"""Whatever is changed, taken away or slipped in afterwards is found and named."""

from decimal import Decimal

import pytest
from django.db.models import F

from positions.models import (
    AccountLane,
    Deal,
    Dust,
    Event,
    Execution,
    JournalEntry,
    MarketTerms,
    Position,
)
from positions.projector.booking.dust import add_dust
from positions.tests.ledger.checking import broken, differences, rebuilt

UNIT = Decimal("1e-18")


@pytest.fixture
def past(new_desk):
    """Three positions: 1 long that was raised and reduced, 2 merged into 3, 3 closed by 1."""
    desk = new_desk(position_mode="hedge")
    order = desk.rest(qty="3")
    desk.fill(order, "1", "100")
    long = desk.fill(order, "2", "101").position
    desk.fill(desk.close(long, qty="0.7", type="limit", price="110"), "0.7", "110")
    first, second = desk.filled("sell", "0.4").position, desk.filled("sell", "0.5").position
    desk.give("merge_positions", source_position_id=first.pk, target_position_id=second.pk)
    desk.give("close_by", position_id_a=long.pk, position_id_b=second.pk)
    desk.past = [long.pk, first.pk, second.pk]
    return desk


def only(queryset, **facts):
    """Change one row behind the back of the program."""
    assert queryset.update(**facts) == 1


def test_an_honest_past_has_no_difference(past):
    assert differences(past) == []
    assert [deal.booking_no for deal in past.deals()] == [1, 2, 3, 4, 5, 8, 9]
    assert list(JournalEntry.objects.values_list("booking_no", "kind")) == [
        (6, "merge"),
        (7, "close_by"),
    ]


@pytest.mark.parametrize("field", ["qty", "price", "profit", "base_fee"])
def test_a_deal_altered_by_the_smallest_unit_is_named(past, field):
    deal = past.deals()[2]
    value = getattr(deal, field)

    only(Deal.objects.filter(pk=deal.pk), **{field: value + UNIT})

    live, right = (format(each.normalize(), "f") for each in (value + UNIT, value))
    assert rebuilt(past.account.pk) == [f"deal 3 {field}: {live} / {right}"]


def test_the_sums_alone_show_an_altered_profit_and_volume(past):
    deal = past.deals()[2]
    only(Deal.objects.filter(pk=deal.pk), profit=deal.profit + UNIT, qty=deal.qty - UNIT)

    found = broken(past.account.pk)

    assert [line.split(":")[0] for line in found] == [
        f"position {past.past[0]} qty",
        f"position {past.past[0]} profit",
    ]


def test_a_deal_moved_to_another_position_is_named(past):
    long, short, _ = past.past
    only(Deal.objects.filter(booking_no=2), position=short)

    assert rebuilt(past.account.pk) == [f"deal 2 position_id: {short} / {long}"]


def test_a_deleted_deal_is_named(past):
    Deal.objects.filter(booking_no=3).delete()

    assert rebuilt(past.account.pk)[0].startswith("deal 3 row: missing / out sell 0.7")
    assert broken(past.account.pk)[0] == "booking 3 row: missing / a row"


def test_the_last_deal_deleted_is_named(past):
    Deal.objects.filter(booking_no=9).delete()

    assert rebuilt(past.account.pk)[0].startswith("deal 9 row: missing")
    assert broken(past.account.pk)[0] == "booking 9 row: missing / a row"


def test_a_deal_slipped_in_is_named(past):
    AccountLane.objects.update(last_booking_no=10)
    deal = past.deals()[-1]
    deal.pk, deal.booking_no = None, 10
    deal.save(force_insert=True)

    assert rebuilt(past.account.pk)[0].endswith("/ no such deal")


def test_a_row_beyond_the_lanes_count_is_named(past):
    AccountLane.objects.update(last_booking_no=8)

    assert "deal 9 booking_no: 9 / at most 8" in rebuilt(past.account.pk)


@pytest.mark.parametrize(
    "facts", [{"qty": Decimal("0.70000001")}, {"strategy_id": 4}, {"exchange_trade_id": "77"}]
)
def test_an_altered_execution_is_named(past, facts):
    only(Execution.objects.filter(number=3), **facts)

    for found in (rebuilt(past.account.pk), broken(past.account.pk)):
        assert found[0].startswith("execution 3 hash")


def test_an_execution_deleted_in_the_middle_is_named(past):
    Deal.objects.filter(booking_no=3).delete()
    Execution.objects.filter(number=3).delete()

    for found in (rebuilt(past.account.pk), broken(past.account.pk)):
        assert "execution 3 row: missing / a row" in found


def test_the_last_execution_deleted_is_named(past):
    Deal.objects.filter(execution__number=5).update(execution=None)
    Execution.objects.filter(number=5).delete()

    for found in (rebuilt(past.account.pk), broken(past.account.pk)):
        assert "execution 5 row: missing / a row" in found


def test_a_chain_written_anew_does_not_fit_the_lane(past):
    last = Execution.objects.get(number=5)
    only(Execution.objects.filter(number=5), exchange_trade_id="forged")
    from positions.ledger.executions import digest

    only(Execution.objects.filter(number=5), hash=digest(Execution.objects.get(number=5)))
    forged = Execution.objects.get(number=5).hash

    assert rebuilt(past.account.pk) == [
        "deal 5 exchange_trade_id: 5 / forged",
        f"execution 5 hash: {forged} / {last.hash}",
    ]


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("qty", Decimal("9"), "qty: 9 / 1.4"),
        ("cost", Decimal("1"), "cost: 1 / "),
        ("profit", Decimal("1"), "profit: 1 / "),
        ("fees", Decimal("1"), "fees: 1 / 0"),
        ("state", "closed", "state: closed / open"),
        ("side", "sell", "side: sell / buy"),
        ("ticket", 77, "ticket: 77 / "),
    ],
)
def test_an_altered_position_is_named(past, field, value, found):
    only(Position.objects.filter(pk=past.past[0]), **{field: value})

    (line,) = rebuilt(past.account.pk)

    assert line.startswith(f"position {past.past[0]} {found}")


def test_a_position_without_a_booking_is_named(past):
    row = Position.objects.get(pk=past.past[0])
    for opened_by in (None, 6):
        row.pk, row.opening_booking_no = None, opened_by
        row.save(force_insert=True)

    found = [line for line in rebuilt(past.account.pk) if line.endswith("/ no such position")]

    assert len(found) == 2


def test_a_close_requested_is_an_open_position(past):
    only(Position.objects.filter(pk=past.past[0]), state="close_requested")

    assert differences(past) == []


def test_a_deleted_merge_is_named(past):
    JournalEntry.objects.filter(kind="merge").delete()

    assert "booking 6 row: missing / an execution or a journal entry" in rebuilt(past.account.pk)
    assert "booking 6 row: missing / a row" in broken(past.account.pk)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("merge", {"qty": "0.41"}),
        ("merge", {"source_position_id": 0}),
        ("close_by", {"qty": "1000"}),
        ("close_by", {"qty": "no number"}),
        ("close_by", {"terms_id": 0}),
    ],
)
def test_a_journal_entry_that_cannot_have_happened_is_named(past, kind, facts):
    entry = JournalEntry.objects.get(kind=kind)
    only(JournalEntry.objects.filter(pk=entry.pk), facts=entry.facts | facts)

    found = rebuilt(past.account.pk)

    assert found[0].startswith(f"journal entry {entry.booking_no} booking: booked / impossible")


def test_altered_terms_of_a_market_show_in_every_deal(past):
    only(MarketTerms.objects, contract_size=Decimal(10))

    assert "deal 3 profit: 6.533333333333333333 / 65.333333333333333333" in rebuilt(past.account.pk)


def test_altered_dust_is_named_by_both(past):
    add_dust(past.account.pk, past.symbol, Decimal("0.5"))

    assert rebuilt(past.account.pk) == [f"dust {past.symbol} qty: 0.5 / 0"]
    assert broken(past.account.pk) == [f"sum of {past.symbol} qty: 1.9 / 1.4"]
    assert Dust.objects.get().qty == Decimal("0.5")


def test_a_missing_event_is_named(past):
    Event.objects.filter(seq=5).delete()

    assert broken(past.account.pk) == ["event 5 row: missing / a row"]


def test_events_gone_by_retention_are_no_gap(past):
    Event.objects.filter(seq__lt=5).delete()

    assert broken(past.account.pk) == []


def test_the_last_event_is_missed(past):
    last = AccountLane.objects.get().last_seq
    Event.objects.filter(seq=last).delete()

    assert broken(past.account.pk) == [f"event {last} row: missing / a row"]


def test_a_ledger_that_moves_on_between_two_steps_is_followed(past, monkeypatch):
    """What is booked while the replay runs is replayed too, under the lane."""
    from positions.ledger import stream

    real, asked = stream.counters, []

    def counters(account_id):
        if asked:
            past.filled("buy", "1")
        asked.append(account_id)
        return real(account_id)

    monkeypatch.setattr(stream, "counters", counters)

    assert rebuilt(past.account.pk) == []
    assert AccountLane.objects.filter(last_booking_no=F("execution_count") + 4).exists()
    assert len(asked) == 2
