"""One position takes over another."""

from decimal import Decimal

import pytest

from accounts.words import Right, Role
from oms_project.errors import (
    Invalid,
    PermissionDenied,
    PositionCloseInProgress,
    PositionNotFound,
)
from positions.models import Deal, Event, JournalEntry, Position
from positions.tests.ledger.checking import differences

D = Decimal


def merge(desk, source, target, **payload):
    return desk.give(
        "merge_positions", source_position_id=source.pk, target_position_id=target.pk, **payload
    )


@pytest.fixture
def hedge(new_desk):
    desk = new_desk(position_mode="hedge")
    desk.source = desk.bought("1", "100")
    desk.target = desk.bought("3", "110")
    return desk


def test_quantity_and_cost_move_and_the_deals_stay(hedge):
    command = merge(hedge, hedge.source, hedge.target)
    source, target = hedge.fresh(hedge.source), hedge.fresh(hedge.target)

    assert (command.status, command.position_ids) == ("completed", [source.pk, target.pk])
    assert (target.qty, target.avg_price, target.state) == (4, D("107.5"), "open")
    assert (source.qty, source.cost, source.state) == (0, 0, "merged")
    assert (source.merged_into_id, source.closed_at is not None) == (target.pk, True)
    assert [deal.position_id for deal in Deal.objects.order_by("id")] == [source.pk, target.pk]
    assert differences(hedge) == []


def test_it_is_an_entry_of_the_journal_and_two_events(hedge):
    command = merge(hedge, hedge.source, hedge.target)

    entry = JournalEntry.objects.get()
    assert (entry.kind, entry.booking_no, entry.command_id) == ("merge", 3, command.pk)
    assert (entry.facts["qty"], entry.facts["cost"]) == ("1", "100")
    assert hedge.events()[-2:] == ["position_merged", "position_updated"]
    merged = Event.objects.get(event="position_merged").payload
    assert (merged["state"], merged["merged_into"]) == ("merged", hedge.target.pk)


def test_open_orders_move_and_their_fills_follow(hedge):
    order = hedge.rest(qty="2")
    source = hedge.fill(order, "0.5", "90").position

    merge(hedge, source, hedge.target)
    moved = hedge.fresh(order)
    hedge.fill(order, "1.5", "90")
    target = hedge.fresh(hedge.target)

    assert (moved.position_id, moved.previous_position_id) == (target.pk, source.pk)
    assert hedge.deals()[-1].position_id == target.pk
    assert (target.qty, target.cost) == (5, 510)
    assert hedge.fresh(source).state == "merged"
    assert differences(hedge) == []


def test_fills_follow_a_chain_of_merges(hedge):
    order = hedge.rest(qty="2")
    first = hedge.fill(order, "0.5", "90").position
    merge(hedge, first, hedge.source)
    merge(hedge, hedge.source, hedge.target)

    hedge.fill(order, "1.5", "90")

    assert hedge.fresh(hedge.target).qty == 6
    assert differences(hedge) == []


def test_a_late_fill_of_an_order_that_was_over_follows_too(hedge):
    """Its order was final at the merge, so it was not moved; its own position was."""
    order = hedge.rest(qty="2")
    source = hedge.fill(order, "0.5", "90").position
    type(order).objects.filter(pk=order.pk).update(is_open=False, status="CANCELED")
    merge(hedge, source, hedge.target)

    hedge.tell(hedge.trade(order, "1.5", "90"))

    assert hedge.fresh(hedge.target).qty == 5
    assert differences(hedge) == []


def test_the_profit_stays_where_it_was_made(hedge):
    hedge.fill(hedge.close(hedge.target, qty="1"), "1", "120")

    merge(hedge, hedge.target, hedge.source)

    assert [hedge.fresh(row).profit for row in (hedge.target, hedge.source)] == [10, 0]
    assert differences(hedge) == []


def test_a_pending_close_of_the_source_is_refused(hedge):
    hedge.close(hedge.source, qty="0.1", type="limit", price="120")

    with pytest.raises(PositionCloseInProgress):
        merge(hedge, hedge.source, hedge.target)


def test_a_pending_close_of_the_target_is_no_hindrance(hedge):
    hedge.close(hedge.target, qty="0.1", type="limit", price="120")

    merge(hedge, hedge.source, hedge.target)

    target = hedge.fresh(hedge.target)
    assert (target.qty, target.state) == (4, "close_requested")


def test_side_strategy_and_itself_are_checked(hedge):
    short = hedge.filled("sell", "1").position
    foreign = hedge.filled("buy", "1", strategy_id=hedge.strategy().pk).position

    for target in (short, foreign, hedge.source):
        with pytest.raises(Invalid):
            merge(hedge, hedge.source, target)
    assert JournalEntry.objects.count() == 0


def test_external_and_merged_positions_are_refused(hedge):
    third = hedge.bought("1")
    merge(hedge, hedge.source, hedge.target)
    Position.objects.filter(pk=third.pk).update(is_external=True)

    for source in (hedge.source, third):
        with pytest.raises(Invalid):
            merge(hedge, source, hedge.target)


def test_rights_are_as_for_closing(hedge):
    reader = hedge.caller_with(rights=frozenset({Right.READ, Right.TRADE}))
    robot = hedge.caller_with(Role.ROBOT, strategies=[hedge.strategy().pk])

    with pytest.raises(PermissionDenied):
        merge(hedge, hedge.source, hedge.target, caller=reader)
    with pytest.raises(PositionNotFound):
        merge(hedge, hedge.source, hedge.target, caller=robot)


# --- stops ---


@pytest.mark.parametrize(
    ("payload", "stops"),
    [
        ({}, (90, 130)),
        ({"stop_mode": "keep"}, (90, 130)),
        ({"stop_mode": "clear"}, (None, None)),
        ({"stop_mode": "set", "stop_loss": "95"}, (95, None)),
        ({"stop_mode": "set", "stop_loss": "95", "stop_gain": "140"}, (95, 140)),
    ],
)
def test_the_targets_stops_are_kept_cleared_or_set(hedge, venue, payload, stops):
    venue.prices[hedge.symbol] = D(100)
    Position.objects.filter(pk=hedge.target.pk).update(stop_loss="90", stop_gain="130")
    Position.objects.filter(pk=hedge.source.pk).update(stop_loss="80")

    merge(hedge, hedge.source, hedge.target, **payload)

    target = hedge.fresh(hedge.target)
    assert (target.stop_loss, target.stop_gain) == stops


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"stop_mode": "set"}, "stop_mode"),
        ({"stop_loss": "95"}, "stop_mode"),
        ({"stop_mode": "clear", "stop_gain": "95"}, "stop_mode"),
        ({"stop_mode": "set", "stop_loss": "95.001"}, "stop_loss"),
        ({"stop_mode": "set", "stop_loss": "95", "stop_gain": "94"}, "stop_loss"),
    ],
)
def test_stops_that_make_no_sense_are_refused(hedge, payload, field):
    with pytest.raises(Invalid) as refusal:
        merge(hedge, hedge.source, hedge.target, **payload)

    assert refusal.value.details["field"] == field
    assert hedge.fresh(hedge.source).state == "open"
