"""Two positions close each other without an order."""

from decimal import Decimal

import pytest

from accounts.words import Right, Role
from oms_project.errors import (
    ExchangeTimeout,
    Invalid,
    PermissionDenied,
    PositionCloseInProgress,
    PositionNotFound,
    StrategyPermissionDenied,
)
from positions.models import Command, Event, Instruction, JournalEntry, Order, Position
from positions.tests.fakes import LINEAR, SPOT
from positions.tests.ledger.checking import differences

D = Decimal


def close_by(desk, a, b, **payload):
    return desk.give("close_by", position_id_a=a.pk, position_id_b=b.pk, **payload)


@pytest.fixture
def hedge(new_desk):
    desk = new_desk(position_mode="hedge")
    desk.long = desk.bought("3", "100")
    desk.short = desk.filled("sell", "1", "110").position
    return desk


@pytest.fixture
def rivals(new_desk):
    """A long of one strategy, a short of another."""
    desk = new_desk(position_mode="strategy_netting")
    desk.one, desk.other = desk.strategy().pk, desk.strategy().pk
    desk.long = desk.filled("buy", "1", "100", strategy_id=desk.one).position
    desk.short = desk.filled("sell", "1", "104", strategy_id=desk.other).position
    return desk


def test_the_smaller_closes_whole_and_the_larger_keeps_its_price(hedge):
    orders, instructions = Order.objects.count(), Instruction.objects.count()

    command = close_by(hedge, hedge.long, hedge.short)
    long, short = hedge.fresh(hedge.long), hedge.fresh(hedge.short)

    assert (command.status, command.order_ids) == ("completed", [])
    assert command.position_ids == [long.pk, short.pk]
    assert (long.qty, long.avg_price, long.profit, long.state) == (2, 100, 10, "open")
    assert (short.qty, short.cost, short.profit, short.state) == (0, 0, 0, "closed")
    assert (Order.objects.count(), Instruction.objects.count()) == (orders, instructions)
    assert differences(hedge) == []


def test_the_deals_are_transfers_and_the_entry_goes_before_them(hedge):
    command = close_by(hedge, hedge.long, hedge.short, comment="tidy")

    (entry,) = JournalEntry.objects.all()
    deals = hedge.deals()[-2:]
    assert (entry.booking_no, entry.kind, entry.command_id) == (3, "close_by", command.pk)
    assert [deal.booking_no for deal in deals] == [4, 5]
    assert {(deal.kind, deal.reason, deal.entry, deal.comment) for deal in deals} == {
        ("transfer", "close_by", "out_by", "tidy")
    }
    assert [(deal.side, deal.qty, deal.price) for deal in deals] == [
        ("sell", 1, 110),
        ("buy", 1, 110),
    ]
    assert {(deal.order_id, deal.execution_id, deal.fee) for deal in deals} == {(None, None, None)}


def test_what_happened_is_told_once_where_one_strategy_owns_both(hedge):
    close_by(hedge, hedge.long, hedge.short)

    assert hedge.events()[-5:] == [
        "deal_created",
        "deal_created",
        "position_updated",
        "position_closed",
        "close_by_executed",
    ]
    payload = Event.objects.order_by("-seq")[0].payload
    assert payload["position_ids"] == [hedge.long.pk, hedge.short.pk]
    assert (payload["qty"], payload["price"], len(payload["deal_ids"])) == ("1", "110", 2)


def test_a_part_is_enough(hedge):
    close_by(hedge, hedge.long, hedge.short, qty="0.25")

    assert hedge.fresh(hedge.long).qty == D("2.75")
    assert hedge.fresh(hedge.short).qty == D("0.75")
    assert differences(hedge) == []


def test_two_strategies_close_at_the_mark_and_each_is_told_of_its_own(rivals, venue):
    venue.prices[LINEAR] = D(103)

    close_by(rivals, rivals.long, rivals.short)

    told = Event.objects.filter(event="close_by_executed").order_by("seq")
    assert [rivals.fresh(row).profit for row in (rivals.long, rivals.short)] == [3, 1]
    assert [(row.strategy_id, row.payload["position_ids"]) for row in told] == [
        (rivals.one, [rivals.long.pk]),
        (rivals.other, [rivals.short.pk]),
    ]
    assert JournalEntry.objects.get().facts["mark"] == "103"
    assert differences(rivals) == []


def test_two_strategies_without_a_known_price_are_refused(rivals):
    with pytest.raises(ExchangeTimeout) as refusal:
        close_by(rivals, rivals.long, rivals.short)

    assert refusal.value.details["symbol"] == LINEAR
    assert not Command.objects.filter(kind="close_by").exists()


def test_the_mark_can_change_nothing_within_one_strategy(hedge, venue):
    venue.prices[LINEAR] = D(500)

    close_by(hedge, hedge.long, hedge.short)

    assert hedge.fresh(hedge.long).profit == 10


def test_volume_of_a_pending_close_is_refused(hedge):
    hedge.close(hedge.short, qty="0.6", type="limit", price="100")

    with pytest.raises(PositionCloseInProgress):
        close_by(hedge, hedge.long, hedge.short, qty="0.5")
    close_by(hedge, hedge.long, hedge.short, qty="0.4")

    short = hedge.fresh(hedge.short)
    assert (short.qty, short.state) == (D("0.6"), "close_requested")


def test_a_part_keeps_the_markets_step(hedge, venue):
    """Else what is left of both could not be closed at the exchange."""
    with pytest.raises(Invalid) as refusal:
        close_by(hedge, hedge.long, hedge.short, qty="0.2505")

    details = refusal.value.details
    assert (details["field"], details["limit"]) == ("qty", D("0.001"))
    venue.change_market(hedge.symbol, amount_step=D("0.3"))
    close_by(hedge, hedge.long, hedge.short, qty="1")  # All of one of them always may.
    assert hedge.fresh(hedge.short).state == "closed"


@pytest.mark.parametrize("qty", ["1.001", "7"])
def test_more_than_the_smaller_is_refused(hedge, qty):
    with pytest.raises(Invalid):
        close_by(hedge, hedge.long, hedge.short, qty=qty)


def test_one_position_and_two_of_one_side_are_refused(hedge):
    other_long = hedge.bought("1")

    for a, b in ((hedge.long, hedge.long), (hedge.long, other_long)):
        with pytest.raises(Invalid):
            close_by(hedge, a, b)


def test_another_symbol_is_refused(new_desk):
    desk = new_desk(SPOT, position_mode="hedge")
    spot = desk.bought("1")
    future = desk.filled("sell", "1", symbol=LINEAR).position

    with pytest.raises(Invalid) as refusal:
        close_by(desk, spot, future)

    assert refusal.value.details["field"] == "symbol"


def test_an_external_position_has_to_be_assigned_first(hedge):
    Position.objects.filter(pk=hedge.short.pk).update(is_external=True)

    with pytest.raises(Invalid, match="reassign"):
        close_by(hedge, hedge.long, hedge.short)


def test_a_closed_position_is_refused(hedge):
    close_by(hedge, hedge.long, hedge.short)

    with pytest.raises(Invalid, match="not open"):
        close_by(hedge, hedge.long, hedge.short)


def test_both_strategies_have_to_be_the_callers(rivals, venue):
    venue.prices[LINEAR] = D(103)
    robot = rivals.caller_with(Role.ROBOT, strategies=[rivals.one])

    for a, b in ((rivals.long, rivals.short), (rivals.short, rivals.long)):
        with pytest.raises((PositionNotFound, StrategyPermissionDenied)):
            close_by(rivals, a, b, caller=robot)


def test_closing_needs_its_right(hedge):
    reader = hedge.caller_with(rights=frozenset({Right.READ, Right.TRADE}))

    with pytest.raises(PermissionDenied):
        close_by(hedge, hedge.long, hedge.short, caller=reader)


def test_the_risk_desk_says_why(hedge):
    desk = hedge.caller_with(Role.RISK)

    with pytest.raises(Invalid, match="comment"):
        close_by(hedge, hedge.long, hedge.short, caller=desk)
    close_by(hedge, hedge.long, hedge.short, caller=desk, comment="too large")

    assert hedge.fresh(hedge.short).state == "closed"


def test_a_repeated_request_closes_once(hedge):
    first = close_by(hedge, hedge.long, hedge.short, qty="0.5", request_id="r-1")
    again = close_by(hedge, hedge.long, hedge.short, qty="0.5", request_id="r-1")

    assert first.pk == again.pk
    assert hedge.fresh(hedge.short).qty == D("0.5")
