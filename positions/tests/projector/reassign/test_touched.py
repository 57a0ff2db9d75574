"""Where the range of a reassign begins, and what lies in it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.words import Role
from positions.engine.types import PositionMode
from positions.models import Order
from positions.outbox import holding
from positions.projector.reassign.touched import touched_by
from positions.tests.desk import NOON
from positions.tests.ledger.checking import differences


def touched(desk, *orders, strategy_id=0):
    with holding(desk.account.pk) as lane:
        mode = PositionMode(desk.account.position_mode)
        return touched_by(lane, list(orders), strategy_id, None, mode=mode)


def numbers(found):
    return sorted(deal.booking_no for deal in found.deals)


def test_deals_before_the_first_moved_execution_stay(desk):
    desk.bought("1")
    order = desk.external("sell", "2")
    desk.bought("1")

    found = touched(desk, order)

    assert (found.from_booking_no, numbers(found)) == (2, [2, 3])
    assert found.opened == {order.position_id}


def test_what_was_booked_before_but_executed_later_is_in_it(desk):
    late = desk.foreign("sell", "1", ("1", "90"))
    desk.bought("1")
    order = desk.adopt(late)

    found = touched(desk, order)

    assert (found.from_booking_no, numbers(found)) == (1, [1, 2])
    assert found.from_time == order.deals.get().executed_at


def test_funding_paid_since_then_is_in_it_and_earlier_one_is_not(desk):
    desk.bought("1")
    desk.pay("1", at=NOON + timedelta(seconds=1))
    order = desk.external("sell", "2")
    desk.pay("1")

    found = touched(desk, order)

    assert [deal.kind for deal in found.deals] == ["fill", "funding", "funding"]


def test_an_order_without_fills_touches_nothing(desk):
    found = touched(desk, desk.adopt(desk.foreign("sell", "1")))

    assert (found.from_booking_no, found.deals, found.position_ids) == (None, [], set())


@pytest.mark.parametrize(("mode", "count"), [("netting", 4), ("strategy_netting", 2), ("hedge", 1)])
def test_which_positions_are_touched_depends_on_the_mode(new_desk, mode, count):
    desk = new_desk(position_mode=mode)
    one, other, third = (desk.strategy().pk for _ in "abc")
    order = desk.external("sell", "1")
    for strategy_id in (one, other, third):
        desk.bought("1", strategy_id=strategy_id)

    found = touched(desk, order, strategy_id=other)

    assert len(found.deals) == count


@pytest.fixture
def over_closed(new_desk):
    """A hedge desk, the order of a position that was bought, and the close that filled more."""
    desk = new_desk(position_mode="hedge")
    strategy_id = desk.strategy().pk
    held = desk.bought("0.5", strategy_id=strategy_id)
    close = desk.external("sell", "2")
    desk.reassign(close, to=strategy_id, target_position_id=held.pk)
    return desk, Order.objects.get(pk=held.opening_order_id), close


def test_a_fill_whose_excess_lies_elsewhere_is_in_it_as_a_whole(over_closed):
    desk, opening, close = over_closed
    closing = [deal for deal in desk.deals() if deal.order_id == close.pk]

    found = touched(desk, opening)

    assert len({deal.position_id for deal in closing}) == 2
    assert {deal.pk for deal in closing} <= {deal.pk for deal in found.deals}
    assert {deal.position_id for deal in closing} <= found.position_ids


def test_giving_away_what_such_a_close_closed_keeps_the_net(over_closed):
    desk, opening, _ = over_closed

    boss = desk.caller_with(Role.ADMIN)
    desk.reassign(opening, to=desk.strategy().pk, caller=boss, override=True)

    assert sum(row.holding.signed_qty for row in desk.positions()) == Decimal("-1.5")
    assert differences(desk) == []
