"""A sell that waits for a stop at the exchange sells what that left."""

from decimal import Decimal

from oms_project.errors import OrderRejected
from positions import projector
from positions.tests.fakes import SPOT
from positions.tests.guarded import Guarded

D = Decimal
REFUSAL = OrderRejected(exception="OrderImmediatelyFillable", exchange_code="-2021")


def test_a_close_on_spot_that_fails_gets_its_stop_back(db):
    desk = Guarded(SPOT, protection="exchange")
    position = desk.held()
    (stop,) = desk.resting()
    desk.close(position)
    desk.claim()
    desk.cancelled(stop)
    (close,) = desk.claim()

    projector.refuse(close.instruction.pk, close.fence, REFUSAL)
    desk.carry_on()

    assert desk.state(position) == "resting"


def test_a_close_on_spot_shrinks_to_what_a_partly_filled_stop_left(db):
    desk = Guarded(SPOT, protection="exchange")
    position = desk.held()
    (stop,) = desk.resting()
    close = desk.close(position)
    desk.claim()
    desk.executed(stop, "0.4")

    desk.cancelled(stop)
    desk.carry_on()

    assert desk.fresh(close).qty == D("0.6")
    assert desk.fresh(position).state == "closed"


def test_a_sell_that_reduces_waits_for_the_stop_too(db):
    desk = Guarded(SPOT, protection="exchange")
    position = desk.held()

    sell = desk.send("sell", "0.4")
    first = desk.take()
    desk.cancelled(desk.resting()[0])
    desk.carry_on()

    assert list(first) == ["cancel stop_loss"]
    assert desk.fresh(sell).status == "FILLED"
    assert [leg.qty for leg in desk.resting()] == [D("0.6")]
    assert desk.state(position) == "resting"


def test_a_close_waits_for_its_stop_even_where_more_is_held_than_it_sells(db):
    desk = Guarded(SPOT, position_mode="hedge", protection="exchange")
    position, other = desk.held(), desk.held()

    close = desk.close(position, qty="0.3")
    desk.carry_on()

    assert desk.fresh(close).status == "FILLED"
    assert [(leg.position_id, leg.qty) for leg in desk.resting()] == [
        (other.pk, 1),
        (position.pk, D("0.7")),
    ]
