"""Closes side by side on one net of the exchange: which of them are told to reduce only?"""

from decimal import Decimal

import pytest

from oms_project.errors import OrderRejected
from positions import projector
from positions.projector.orders.close_all import left_of
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR
from positions.tests.guarded import Guarded

D = Decimal
MODES = ["strategy_netting", "hedge"]
NOTHING_TO_REDUCE = OrderRejected(exception="InvalidOrder", exchange_code="-2022")


@pytest.fixture(params=MODES)
def shared(request, db):
    return Guarded(position_mode=request.param)


def of_another(desk, side, qty):
    return desk.filled(side, qty, strategy_id=desk.strategy().pk).position


def told(desk, *orders):
    return [desk.leg(order).reduce_only for order in orders]


def refuse(claim):
    projector.refuse(claim.instruction.pk, claim.fence, NOTHING_TO_REDUCE)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([("buy", "2"), ("buy", "1")], [True, True]),
        ([("buy", "2"), ("buy", "1"), ("sell", "1")], [False, False, False]),
        ([("sell", "2"), ("sell", "1"), ("buy", "1")], [False, False, False]),
        ([("buy", "1"), ("buy", "1"), ("buy", "1"), ("sell", "1")], [False] * 4),
        ([("buy", "2"), ("sell", "1")], [False, False]),
    ],
    ids=["same side", "beside a short", "beside a long", "three", "opposite"],
)
@pytest.mark.parametrize("mode", MODES)
def test_closes_leave_capped_only_where_the_net_is_enough_for_all_of_them(
    new_desk, mode, held, expected
):
    """Whichever the exchange fills first, it refuses none and cuts none."""
    desk = new_desk(position_mode=mode)
    for side, qty in held:
        of_another(desk, side, qty)

    command = desk.give("close_all_positions")
    claims = desk.claim()
    orders = [claim.instruction.order for claim in claims]
    net = sum(D(qty) if side == "buy" else -D(qty) for side, qty in held)
    for order in reversed(orders):
        leg = desk.leg(order)
        assert not leg.reduce_only or abs(net) >= leg.qty, "the exchange would cut it"
        net += leg.qty if order.side == "buy" else -leg.qty
        desk.fill(order, str(leg.qty))

    assert net == 0
    assert told(desk, *orders) == expected
    assert left_of(desk.fresh(command)) == []
    assert desk.fresh(command).status == "completed"


def test_a_close_is_not_told_any_more_what_a_later_order_may_take_from_it(shared):
    first, other = of_another(shared, "buy", "2"), of_another(shared, "buy", "1")
    of_another(shared, "sell", "1")
    close, second = shared.close(first), shared.close(other)
    before = told(shared, close, second)

    shared.claim()

    assert (before, told(shared, close, second)) == ([True, False], [False, False])


def test_an_opening_on_its_side_takes_the_net_from_a_close_too(shared):
    position = of_another(shared, "buy", "2")
    close = shared.close(position)
    shared.send("sell", "1", strategy_id=shared.strategy().pk)

    shared.claim()

    assert told(shared, close) == [False]


def test_where_the_net_was_left_to_it_a_close_is_told(shared):
    position = of_another(shared, "buy", "2")
    of_another(shared, "buy", "1")
    close = shared.close(position)
    shared.send("sell", "1", strategy_id=shared.strategy().pk)

    shared.claim()

    assert told(shared, close) == [True]


def test_what_is_too_small_without_the_word_keeps_it(shared, venue):
    small, large = of_another(shared, "buy", "1"), of_another(shared, "buy", "3")
    of_another(shared, "sell", "2")
    venue.change_market(LINEAR, min_cost=D(150))
    close, second = shared.close(small), shared.close(large)

    shared.claim()

    assert told(shared, close, second) == [True, False]


def test_a_close_that_loses_its_cap_waits_for_its_stop(shared):
    """Beside the stop it went only because the exchange capped both."""
    position = shared.held("2", strategy_id=shared.strategy().pk)
    other = of_another(shared, "buy", "1")
    of_another(shared, "sell", "1")
    shared.carry_on()
    (stop,) = shared.resting()
    close, second = shared.close(position), shared.close(other)
    assert told(shared, close, second) == [True, False]

    sent = {claim.instruction.order_id for claim in shared.claim()}
    assert sent == {stop.pk, second.pk}
    shared.cancelled(stop)
    shared.executed(second)
    shared.carry_on()

    assert shared.fresh(position).state == "closed"
    assert shared.fresh(close).filled_qty == 2
    assert shared.resting() == []


@pytest.mark.parametrize("booked", [True, False], ids=["booked", "on its way"])
def test_a_close_refused_because_another_took_its_net_goes_without_the_word(shared, booked):
    first, other = of_another(shared, "buy", "2"), of_another(shared, "buy", "1")
    of_another(shared, "sell", "1")
    close = shared.close(first)
    refused = shared.claim_one()
    second = shared.close(other)
    shared.claim()
    if booked:
        shared.executed(second)

    refuse(refused)
    again = shared.claim_one()

    assert again.instruction.exchange_order.client_order_id != (
        refused.instruction.exchange_order.client_order_id
    )
    assert told(shared, close) == [False]
    shared.executed(close)
    assert shared.fresh(first).state == "closed"
    assert shared.fresh(close.command).status == "completed"


def test_refused_without_the_word_too_it_ends(shared):
    first, other = of_another(shared, "buy", "2"), of_another(shared, "buy", "1")
    of_another(shared, "sell", "1")
    close = shared.close(first)
    refused = shared.claim_one()
    shared.close(other)
    shared.claim()
    refuse(refused)

    refuse(shared.claim_one())

    assert shared.fresh(close).status == "REJECTED"
    assert shared.fresh(first).state == "open"
    assert shared.claim() == []


def test_where_nobody_took_the_net_a_refusal_is_the_end(shared):
    """Somebody else may have closed it there: without the word it would turn the account round."""
    position = of_another(shared, "buy", "2")
    close = shared.close(position)

    refuse(shared.claim_one())

    assert shared.fresh(close).status == "REJECTED"
    assert shared.claim() == []


def test_on_a_netting_account_a_close_keeps_the_word(db):
    desk = Desk(position_mode="netting")
    position = desk.bought("2")
    close = desk.close(position)
    desk.send("sell", "1")

    claims = desk.claim()
    assert told(desk, close) == [True]
    refuse(next(claim for claim in claims if claim.instruction.order_id == close.pk))

    assert desk.fresh(close).status == "REJECTED"
