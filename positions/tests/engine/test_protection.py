"""Where a trigger belongs, and which step leads there."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from positions.engine.protection import (
    STEPS,
    Claimant,
    Need,
    Place,
    Step,
    TriggerState,
    plan_places,
    room_of_net,
    step_of,
)
from positions.engine.types import Side

D = Decimal
BUY, SELL = Side
EXCHANGE, OMS = Place


def long(number: int, qty: str, resting: str = "0", **facts) -> Claimant:
    return Claimant(number, BUY, D(qty), D(resting), **facts)


def short(number: int, qty: str, resting: str = "0", **facts) -> Claimant:
    return Claimant(number, SELL, D(qty), D(resting), **facts)


# What the exchange holds, the positions oldest first, and who rests there then.
CASES = [
    ("alone it rests at the exchange", "1", [long(1, "1")], {1}),
    ("no net, nothing rests", "0", [long(1, "1")], set()),
    ("the net is on the other side", "-1", [long(1, "1")], set()),
    ("another strategy offsets a part of it", "0.9", [long(1, "1")], set()),
    ("a short of the same size rests on a short net", "-2", [short(1, "2")], {1}),
    ("both fit", "3", [long(1, "1"), long(2, "2")], {1, 2}),
    ("the oldest newcomer comes first", "2.5", [long(1, "1"), long(2, "2")], {1}),
    ("who does not fit lets the next try", "1.5", [long(1, "2"), long(2, "1")], {2}),
    ("who rests keeps its place before an older newcomer", "2", [long(1, "2"), long(2, "1", "1")],
     {2}),
    ("two that rest, room for the older", "1.5", [long(1, "1", "1"), long(2, "1", "1")], {1}),
    ("the older does not fit any more, the younger stays", "1", [long(1, "2", "2"),
     long(2, "1", "1")], {2}),
    ("a newcomer waits for the volume that is leaving", "2", [long(1, "3", "3"), long(2, "1")],
     set()),
    ("one that shrank stays, its old volume still counts", "1.6",
     [long(1, "0.6", "1"), long(2, "1")], {1}),
    ("one that shrank does not push out another that rests", "1.6",
     [long(1, "0.6", "1"), long(2, "1", "1")], {1, 2}),
    ("one that grew keeps its place while it fits", "2", [long(1, "2", "1")], {1}),
    ("what may not rest does not", "1", [long(1, "1", may_rest=False)], set()),
    ("what may not rest any more still fills its room", "1.5",
     [long(1, "1", "1", may_rest=False), long(2, "1")], set()),
    ("an emptied position has no place", "1", [long(1, "0", "1"), long(2, "1")], set()),
    ("only the net's side has room", "1", [long(1, "1"), short(2, "1")], {1}),
]  # fmt: skip


@pytest.mark.parametrize(("net", "claimants", "resting"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_the_plan(net, claimants, resting):
    places = plan_places(claimants, room=room_of_net(D(net)))

    assert {number for number, place in places.items() if place is EXCHANGE} == resting


quantities = st.decimals("0.001", "5", places=3)


@st.composite
def scenes(draw):
    """Positions of both sides, some of which rest, and a net."""
    claimants = []
    for number in range(draw(st.integers(1, 8))):
        qty = draw(quantities)
        claimants.append(
            Claimant(
                position_id=number,
                side=draw(st.sampled_from(Side)),
                qty=qty,
                resting=draw(st.sampled_from([D(0), qty, qty * 2, qty / 2])),
                may_rest=draw(st.booleans()),
            )
        )
    return claimants, draw(st.decimals("-12", "12", places=3))


@given(scenes())
def test_the_plan_never_gives_away_more_than_the_net(scene):
    claimants, net = scene

    places = plan_places(claimants, room=room_of_net(net))

    for side in Side:
        given_away = sum(
            each.qty
            for each in claimants
            if each.side is side and places[each.position_id] is EXCHANGE
        )
        assert given_away <= max(side.sign * net, D(0))


@given(scenes())
def test_a_newcomer_only_takes_what_nothing_rests_on(scene):
    claimants, net = scene

    places = plan_places(claimants, room=room_of_net(net))

    for each in claimants:
        if each.resting or places[each.position_id] is OMS:
            continue
        others = sum(
            max(other.resting, other.qty if places[other.position_id] is EXCHANGE else D(0))
            for other in claimants
            if other.side is each.side and other is not each
        )
        assert each.side.sign * net - others >= each.qty


@given(scenes())
def test_planning_again_after_the_moves_changes_nothing(scene):
    claimants, net = scene
    room = room_of_net(net)
    first = plan_places(claimants, room=room)
    moved = [
        Claimant(
            each.position_id,
            each.side,
            each.qty,
            each.qty if first[each.position_id] is EXCHANGE else D(0),
            each.may_rest,
        )
        for each in claimants
    ]

    second = plan_places(moved, room=room)

    kept = {number for number, place in first.items() if place is EXCHANGE}
    assert kept <= {number for number, place in second.items() if place is EXCHANGE}


def test_every_state_has_an_answer_to_every_need():
    assert all(set(STEPS[state]) == set(Need) for state in TriggerState)


def test_the_oms_fires_only_what_nothing_at_the_exchange_can_fire():
    firing = {state for state in TriggerState for need in Need
              if step_of(state, need) is Step.FIRE}  # fmt: skip

    assert firing == {TriggerState.WATCHED}


def test_a_row_is_dropped_only_when_nothing_is_at_the_exchange():
    dropping = {state for state in TriggerState if step_of(state, Need.GONE) is Step.DROP}

    assert dropping == {TriggerState.WATCHED}


def test_the_exchange_is_shown_as_the_place_until_it_has_confirmed_the_end():
    places = {state: state.place for state in TriggerState}

    assert [state for state, place in places.items() if place is EXCHANGE] == [
        TriggerState.RESTING,
        TriggerState.WITHDRAWING,
    ]
