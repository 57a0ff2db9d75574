"""Whose positions may be closed, and when."""

import pytest

from accounts.words import Role
from oms_project.errors import Invalid, PositionNotFound
from positions.services.targets import check_comment, check_live, require_closable


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
