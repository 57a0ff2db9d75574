"""Whose positions may be closed, and when; and of which part of an account, if it is there."""

import pytest

from accounts.models import Strategy
from accounts.words import Role
from oms_project.errors import Invalid, OmsError, PositionNotFound, StrategyPermissionDenied
from positions.models import Command
from positions.services.targets import check_comment, check_live, require_closable
from positions.tests.fakes import LINEAR

BOTH = ("cancel_all_orders", "close_all_positions")


def test_a_position_of_another_account_does_not_exist(desk, new_desk):
    foreign = new_desk().bought("1")

    with pytest.raises(PositionNotFound):
        require_closable(desk.caller, desk.account, foreign.pk)


def test_ones_own_is_handed_out(desk):
    own = desk.bought("1")

    assert require_closable(desk.caller, desk.account, own.pk) == own


def test_only_the_risk_desk_has_to_comment(desk):
    check_comment(desk.caller, "")

    with pytest.raises(Invalid):
        check_comment(desk.caller_with(Role.RISK), "  ")


@pytest.mark.parametrize(
    ("state", "passes"),
    [("open", True), ("close_requested", True), ("closed", False), ("merged", False)],
)
def test_what_is_over_cannot_be_closed(desk, state, passes):
    position = desk.bought("1")
    position.state = state

    if passes:
        check_live(position)
    else:
        with pytest.raises(Invalid):
            check_live(position)


# --- a part of an account ---


@pytest.mark.parametrize("command", BOTH)
@pytest.mark.parametrize(
    ("part", "code", "field"),
    [
        ({"symbol": "FOO/BAR"}, "validation_error", "symbol"),
        ({"symbol": LINEAR.lower()}, "validation_error", "symbol"),
        ({"strategy_ids": [0, 987]}, "invalid_strategy_id", "strategy_ids"),
    ],
)
def test_a_part_that_is_not_there_is_no_work_done(new_desk, command, part, code, field):
    desk = new_desk()
    position, resting = desk.bought("1"), desk.rest()

    with pytest.raises(OmsError) as refusal:
        desk.give(command, **part)

    details = refusal.value.details
    assert (refusal.value.code, details["field"]) == (code, field)
    assert str(details["value"]) in (part.get("symbol"), "987")
    assert not Command.objects.filter(kind=command).exists()
    assert desk.fresh(resting).cancel_requested_at is None
    assert desk.fresh(position).state == "open"


def test_the_exchanges_own_id_of_a_market_is_understood(new_desk, venue):
    desk = new_desk(LINEAR)
    position, resting = desk.bought("1"), desk.rest()
    venue.change_market(LINEAR, market_id="ETHPERP")

    assert desk.give("cancel_all_orders", symbol="ETHPERP").order_ids == [resting.pk]
    assert desk.give("close_all_positions", symbol="ETHPERP").position_ids == [position.pk]


def test_a_strategy_that_left_the_account_is_named_while_something_of_it_is_open(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    gone = desk.strategy()
    position = desk.bought("1", strategy_id=gone.pk)
    gone.accounts.clear()

    found = desk.give("close_all_positions", strategy_ids=[gone.pk])

    assert found.position_ids == [position.pk]


def test_a_restricted_key_is_not_told_which_strategies_there_are(new_desk):
    desk = new_desk()
    robot = desk.caller_with(Role.ROBOT, strategies=[desk.strategy().pk])
    foreign = desk.strategy().pk
    assert not Strategy.objects.filter(pk=foreign + 1).exists()

    for command in BOTH:
        for strategy_id in (foreign, foreign + 1):
            with pytest.raises(StrategyPermissionDenied):
                desk.give(command, caller=robot, strategy_ids=[strategy_id])
