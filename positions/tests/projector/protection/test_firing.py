"""The OMS closes what no other close was promised."""

from decimal import Decimal

import pytest

from positions import projector
from positions.models import Order
from positions.tests.fakes import SPOT
from positions.tests.guarded import Guarded

D = Decimal


@pytest.fixture
def desk(db):
    """A spot account, whose stops the OMS watches."""
    return Guarded(SPOT)


def fired(desk):
    return list(Order.objects.filter(closes_position=True, group_role="stop_loss").order_by("id"))


def test_a_close_in_doubt_keeps_its_volume(desk):
    position = desk.bought("1", stop_loss="90")
    desk.close(position, qty="0.4")
    (claim,) = desk.claim()
    projector.mark_unknown(claim.instruction.pk, claim.fence)

    desk.hear("89")

    assert [order.qty for order in fired(desk)] == [D("0.6")]


def test_more_than_the_market_takes_at_once_is_sold_in_parts(desk, venue):
    desk.bought("1", stop_loss="90")
    venue.change_market(SPOT, max_market_amount=D("0.4"))

    desk.hear("89")
    desk.carry_on()

    assert [order.filled_qty for order in fired(desk)] == [D("0.4"), D("0.4"), D("0.2")]
    assert desk.positions() == []


def test_a_position_too_small_to_sell_becomes_dust(desk, venue):
    position = desk.bought("1", stop_loss="90")
    venue.change_market(SPOT, min_amount=D(2))

    desk.hear("89")

    assert fired(desk) == []
    assert desk.fresh(position).state == "closed"


def test_the_order_belongs_to_the_positions_group_and_strategy(desk):
    position = desk.bought("1", stop_loss="90")

    desk.hear("89")

    (order,) = fired(desk)
    assert (order.group_id, order.position_id) == (position.ticket, position.pk)
    assert (order.asks_for_all, order.command_id) == (True, None)
