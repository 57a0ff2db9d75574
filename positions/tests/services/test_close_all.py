"""Close every position, each by its own order, whatever happens to the others."""

from decimal import Decimal

import pytest

from accounts.words import Right, Role
from oms_project.errors import (
    Invalid,
    OrderRejected,
    PermissionDenied,
    StrategyPermissionDenied,
)
from positions import projector
from positions.engine.types import CommandStatus, OrderStatus, PositionState
from positions.models import Command, Order, Position
from positions.projector.orders.close_all import left_of
from positions.services.close_all import _resting
from positions.tests.fakes import INVERSE, LINEAR, SPOT
from positions.tests.guarded import Guarded

KINDS = [
    (symbol, mode)
    for symbol in (LINEAR, SPOT, INVERSE)
    for mode in ("netting", "strategy_netting", "hedge")
]


def close_all(desk, **payload):
    return desk.give("close_all_positions", **payload)


def closes(command):
    return list(Order.objects.filter(pk__in=command.order_ids).order_by("id"))


@pytest.mark.parametrize(("symbol", "mode"), KINDS)
def test_every_position_is_closed_by_an_order_of_its_own(new_desk, symbol, mode):
    desk = new_desk(symbol, position_mode=mode)
    held = {desk.bought("1").pk, desk.bought("2", strategy_id=desk.strategy().pk).pk}

    command = close_all(desk)
    for order in closes(command):
        desk.fill(order, str(order.qty))
    command.refresh_from_db()

    assert {order.position_id for order in closes(command)} == held
    assert (command.status, left_of(command)) == (CommandStatus.COMPLETED, [])
    assert not Position.objects.open().exists()


def test_symbol_side_and_strategies_cut_what_is_closed(new_desk):
    desk = new_desk(position_mode="hedge")
    own = desk.strategy().pk
    long, short = desk.bought("1"), desk.filled("sell", "1").position
    other, mine = desk.bought("1", symbol=INVERSE), desk.bought("1", strategy_id=own)

    asked = [
        ({"symbol": INVERSE}, [other]),
        ({"side": "sell"}, [short]),
        ({"strategy_ids": [own]}, [mine]),
        ({"strategy_ids": [0], "side": "buy"}, [long, other]),
    ]
    for payload, expected in asked:
        found = close_all(desk, **payload).position_ids
        assert found == [each.pk for each in expected], payload


def test_a_percentage_is_rounded_down_to_the_step(new_desk, venue):
    desk = new_desk(position_mode="hedge")
    desk.bought("1.005")

    (order,) = closes(close_all(desk, percent="33.3"))

    assert order.qty == Decimal("0.334")
    assert not order.asks_for_all


def test_a_part_below_the_step_is_told_and_the_rest_is_closed(new_desk):
    desk = new_desk(position_mode="hedge")
    small, large = desk.bought("0.01"), desk.bought("1")

    command = close_all(desk, percent="1")

    assert [order.position_id for order in closes(command)] == [large.pk]
    assert left_of(command) == [{"position_id": small.pk, "code": "validation_error"}]


def test_what_a_plain_sell_holds_is_not_closed_and_told(new_desk):
    desk = new_desk(SPOT)
    position = desk.bought("2")
    desk.rest("sell", "0.7", "120")

    command = close_all(desk)
    (order,) = closes(command)
    desk.fill(order, "1.3")
    command.refresh_from_db()

    assert order.qty == Decimal("1.3")
    assert left_of(command) == [{"position_id": position.pk, "code": "validation_error"}]
    assert command.status == CommandStatus.COMPLETED  # A part of it was closed.
    assert desk.fresh(position).qty == Decimal("0.7")


def test_what_external_positions_take_of_the_net_is_not_closed_and_told(desk):
    position = desk.bought("2")
    external = desk.external("sell", "0.5").position

    command = close_all(desk)

    assert [order.qty for order in closes(command)] == [Decimal("1.5")]
    assert {each["position_id"]: each["code"] for each in left_of(command)} == {
        position.pk: "conflict",
        external.pk: "validation_error",
    }


@pytest.mark.parametrize(
    ("longs", "short", "capped"),
    [
        (("3", "2"), None, [True, True]),
        (("3", "5", "3"), "4", [True, False, False, False]),
        (("5", "3"), "4", [False, False, False]),
    ],
)
def test_closes_that_take_the_net_from_each_other_are_not_told_reduce_only(
    new_desk, longs, short, capped
):
    """The exchange would cut one and refuse the next: what is left of its net is not enough."""
    desk = new_desk(position_mode="hedge")
    for qty in longs:
        desk.bought(qty)
    if short:
        desk.filled("sell", short)

    found = closes(close_all(desk))

    assert [desk.leg(order).reduce_only for order in found] == capped


def test_a_part_that_the_exchange_refuses_too_is_told_once_and_fails(new_desk):
    desk = new_desk(SPOT)
    position = desk.bought("2")
    desk.rest("sell", "0.7", "120")
    command = close_all(desk)
    claim = desk.claim_one()

    projector.refuse(claim.instruction.pk, claim.fence, OrderRejected(exception="InvalidOrder"))
    command.refresh_from_db()

    assert left_of(command) == [{"position_id": position.pk, "code": "order_rejected"}]
    assert command.status == CommandStatus.FAILED


@pytest.mark.parametrize("percent", ["0.5", "0.99", "100.5", "101"])
def test_a_percentage_is_from_1_to_100(desk, percent):
    with pytest.raises(Invalid) as refused:
        close_all(desk, percent=percent)
    assert refused.value.details["field"] == "percent"
    assert refused.value.details["limit"] == [1, 100]


def test_without_positions_there_is_nothing_to_do(desk):
    command = close_all(desk)

    assert (command.status, command.order_ids, left_of(command)) == ("completed", [], [])


@pytest.mark.parametrize(("symbol", "mode"), KINDS)
def test_a_resting_close_ends_before_its_position_is_closed(new_desk, symbol, mode):
    desk = new_desk(symbol, position_mode=mode)
    position = desk.bought("2")
    resting = desk.close(position, qty="1.5", order_type="limit", price="120")
    desk.claim()
    desk.report(resting, OrderStatus.SUBMITTED)

    command = close_all(desk)
    assert (command.status, command.order_ids) == (CommandStatus.ACCEPTED, [])
    desk.claim()
    desk.report(resting, OrderStatus.CANCELED)
    command.refresh_from_db()

    (order,) = closes(command)
    assert (order.qty, command.status) == (2, CommandStatus.ACCEPTED)
    desk.fill(order, "2")
    command.refresh_from_db()
    assert command.status == CommandStatus.COMPLETED
    assert Position.objects.get(pk=position.pk).state == PositionState.CLOSED


def test_what_a_resting_close_filled_meanwhile_is_not_closed_again(desk):
    position = desk.bought("2")
    resting = desk.close(position, qty="1.5", order_type="limit", price="120")
    desk.claim()
    desk.report(resting, OrderStatus.SUBMITTED)
    command = close_all(desk)
    desk.claim()

    desk.fill(resting, "1.5", "120")
    command.refresh_from_db()

    assert [order.qty for order in closes(command)] == [Decimal("0.5")]


def test_a_cancel_in_doubt_holds_its_own_position_only(new_desk):
    desk = new_desk(position_mode="hedge")
    held, free = desk.bought("1"), desk.bought("1")
    resting = desk.close(held, order_type="limit", price="120")
    desk.claim()
    desk.report(resting, OrderStatus.SUBMITTED)

    command = close_all(desk)
    claims = desk.claim()
    assert [order.position_id for order in closes(command)] == [free.pk]
    assert len(claims) == 2
    desk.fill(closes(command)[0], "1")
    command.refresh_from_db()
    assert command.status == CommandStatus.ACCEPTED
    assert command.plan["waiting"] == [held.pk]

    # Whoever serves the account next knows nothing but the rows.
    again = Command.objects.get(pk=command.pk)
    desk.report(resting, OrderStatus.CANCELED)
    again.refresh_from_db()
    assert {order.position_id for order in closes(again)} == {held.pk, free.pk}


def test_a_resting_close_that_was_never_sent_holds_nothing_up(desk):
    position = desk.bought("2")
    resting = desk.close(position, order_type="limit", price="120")

    command = close_all(desk)

    assert Order.objects.get(pk=resting.pk).status == OrderStatus.CANCELED
    assert [order.qty for order in closes(command)] == [2]
    assert not _resting(position.pk).exists()


def test_two_resting_closes_end_both_before_one_close(desk):
    position = desk.bought("2")
    resting = [
        desk.close(position, qty="1", order_type="limit", price=price) for price in ("120", "130")
    ]
    desk.claim()
    for each in resting:
        desk.report(each, OrderStatus.SUBMITTED)
    command = close_all(desk)
    desk.claim()

    desk.report(resting[0], OrderStatus.CANCELED)
    command.refresh_from_db()
    assert command.order_ids == []
    desk.report(resting[1], OrderStatus.CANCELED)
    command.refresh_from_db()

    assert [order.qty for order in closes(command)] == [2]


def test_the_exchanges_no_is_told_and_alone_fails_the_command(new_desk):
    desk = new_desk(position_mode="hedge")
    one, two = desk.bought("1"), desk.bought("1")
    command = close_all(desk)
    first, second = closes(command)
    desk.claim()

    desk.report(first, OrderStatus.REJECTED)
    desk.fill(second, "1")
    command.refresh_from_db()
    assert (first.position_id, second.position_id) == (one.pk, two.pk)
    assert command.status == CommandStatus.COMPLETED
    assert left_of(command) == [{"position_id": one.pk, "code": "order_rejected"}]

    again = close_all(desk)
    desk.claim()
    desk.report(closes(again)[0], OrderStatus.REJECTED)
    again.refresh_from_db()
    assert (again.status, again.error["code"]) == (CommandStatus.FAILED, "order_rejected")
    assert again.error["details"]["left"] == left_of(again)


@pytest.mark.parametrize("filled", ["0.4", "0"])
def test_what_the_exchange_cut_is_told(new_desk, filled):
    desk = new_desk(LINEAR, position_mode="hedge")
    whole, cut = desk.bought("1"), desk.bought("1")

    command = close_all(desk)
    first, second = closes(command)
    desk.claim()
    desk.fill(first, "1")
    trades = [desk.trade(second, filled)] if filled != "0" else []
    desk.report(second, OrderStatus.CANCELED, filled, trades=trades)
    command.refresh_from_db()

    assert (first.position_id, second.position_id) == (whole.pk, cut.pk)
    assert command.status == CommandStatus.COMPLETED
    assert left_of(command) == [{"position_id": cut.pk, "code": "order_rejected"}]


def test_an_unassigned_external_position_is_left_and_told(desk):
    position = desk.external("buy", "1").position

    command = close_all(desk)

    assert left_of(command) == [{"position_id": position.pk, "code": "validation_error"}]
    assert command.status == CommandStatus.FAILED


def test_a_close_at_market_on_its_way_is_not_doubled(desk):
    position = desk.bought("2")
    desk.close(position)

    command = close_all(desk)

    assert command.order_ids == []
    assert left_of(command) == [{"position_id": position.pk, "code": "position_close_in_progress"}]


def test_a_restricted_key_closes_its_own_only(new_desk):
    desk = new_desk(position_mode="hedge")
    own = desk.strategy().pk
    mine, _ = desk.bought("1", strategy_id=own), desk.bought("1")
    caller = desk.caller_with(strategies=[own])

    with pytest.raises(StrategyPermissionDenied):
        close_all(desk, caller=caller, strategy_ids=[0])
    assert close_all(desk, caller=caller).position_ids == [mine.pk]


def test_it_takes_the_right_to_close_and_of_the_desk_a_comment(new_desk):
    desk = new_desk()
    desk.bought("1")
    trades_only = desk.caller_with(rights=frozenset({Right.READ, Right.TRADE}))

    with pytest.raises(PermissionDenied):
        close_all(desk, caller=trades_only)
    with pytest.raises(Invalid) as refused:
        close_all(desk, caller=desk.caller_with(Role.RISK))
    assert refused.value.details["field"] == "comment"


def test_the_same_request_closes_once(desk):
    desk.bought("2")

    first = close_all(desk, request_id="r-1")
    again = close_all(desk, request_id="r-1")

    assert (first.pk, len(closes(first)), Order.objects.open().count()) == (again.pk, 1, 1)


@pytest.mark.parametrize("mode", ["strategy_netting", "hedge"])
def test_a_stop_and_a_resting_close_end_before_the_one_close_is_sent(db, mode):
    desk = Guarded(position_mode=mode)
    other = desk.strategy().pk
    theirs = desk.filled("buy", "1", strategy_id=other).position
    position = desk.held()
    (stop,) = desk.resting()
    resting = desk.close(position, qty="0.5", order_type="limit", price="120")
    desk.carry_on()

    command = close_all(desk, strategy_ids=[position.strategy_id])
    desk.carry_on()
    command.refresh_from_db()

    assert desk.fresh(stop).status == desk.fresh(resting).status == OrderStatus.CANCELED
    assert command.status == CommandStatus.COMPLETED
    assert desk.fresh(position).state == PositionState.CLOSED
    assert desk.fresh(theirs).qty == 1
    sold = [deal.qty for deal in desk.deals() if deal.side == "sell"]
    assert sum(sold) == 1
