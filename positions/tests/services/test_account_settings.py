"""What of an account may change, and what only while it is flat."""

import pytest

from accounts.tests.builders import OPERATOR
from oms_project.errors import AccountNotFound, Conflict
from positions.engine.types import OrderStatus
from positions.models import AccountLane
from positions.services.account_settings import change_account


def change(desk, **changes):
    return change_account(account_id=desk.account.pk, changes=changes, by=OPERATOR)


@pytest.mark.parametrize(("name", "value"), [("position_mode", "hedge"), ("reversal", "mt5")])
def test_what_fills_are_booked_by_changes_on_a_flat_account(desk, name, value):
    change(desk, **{name: value})

    assert getattr(desk.fresh(desk.account), name) == value


@pytest.mark.parametrize("name", ["position_mode", "reversal"])
def test_an_open_position_keeps_mode_and_reversal_as_they_are(desk, name):
    desk.bought("1")
    before = getattr(desk.fresh(desk.account), name)
    value = {"position_mode": "hedge", "reversal": "mt5"}[name]

    with pytest.raises(Conflict) as refusal:
        change(desk, **{name: value})

    assert refusal.value.details["field"] == name
    assert getattr(desk.fresh(desk.account), name) == before


def test_an_open_order_does_too(desk):
    order = desk.rest()
    with pytest.raises(Conflict):
        change(desk, reversal="mt5")
    desk.give("cancel_order", order_id=order.pk)
    desk.claim()
    desk.report(order, OrderStatus.CANCELED)

    change(desk, reversal="mt5")

    assert desk.fresh(desk.account).reversal == "mt5"


def test_the_same_value_and_other_settings_change_at_any_time(desk):
    desk.bought("1")

    change(desk, label="new name", position_mode=desk.account.position_mode)

    assert desk.fresh(desk.account).label == "new name"


def test_an_account_that_is_not_there_is_not_found_and_gets_no_lane(db):
    with pytest.raises(AccountNotFound):
        change_account(account_id=99, changes={"label": "x"}, by=OPERATOR)

    assert not AccountLane.objects.filter(pk=99).exists()
