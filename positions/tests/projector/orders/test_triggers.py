"""Where an exchange keeps triggers apart, an order has two lives there, and one here."""

from itertools import permutations

import pytest

from oms_project.errors import Invalid
from positions import projector
from positions.engine.money import ZERO
from positions.engine.types import CommandStatus, OrderStatus, OrderType
from positions.models import ExchangeOrder, Order
from positions.projector.apply import Owing
from positions.reports import OrderReport, Reports
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR

TRIGGER, PLACED = "7", "8"


@pytest.fixture
def desk(db, venue):
    venue.add_types(LINEAR, *OrderType)
    return Desk()


def waiting(desk: Desk, **payload) -> Order:
    """A stop that rests among the triggers."""
    order = desk.send("sell", **{"type": "stop", "trigger_price": "90"} | payload)
    desk.claim()
    tell_trigger(desk, order)
    return desk.fresh(order)


def tell_trigger(
    desk: Desk,
    order: Order,
    status: OrderStatus | None = OrderStatus.SUBMITTED,
    *,
    trigger_id: str = TRIGGER,
    placed: str | None = None,
) -> list[Owing]:
    """What the exchange says of the trigger."""
    leg = desk.leg(order)
    report = OrderReport(
        symbol=order.symbol,
        status=status,
        client_order_id=leg.client_order_id,
        qty=leg.qty,
        filled_qty=None if placed else ZERO,
        conditional_order_id=trigger_id,
        exchange_order_id=placed,
    )
    return projector.apply(desk.account.pk, Reports((report,)))


def tell_placed(desk: Desk, order: Order, status: OrderStatus, filled="0", **facts) -> list[Owing]:
    """What the exchange says of the order that the trigger placed."""
    return desk.report(order, status, filled, exchange_order_id=PLACED, **facts)


def test_a_trigger_rests_under_its_own_id(desk):
    order = waiting(desk)

    leg = desk.leg(order)
    assert (order.status, order.exchange_order_id) == (OrderStatus.SUBMITTED, TRIGGER)
    assert (leg.conditional_order_id, leg.exchange_order_id) == (TRIGGER, None)
    assert order.command.status == CommandStatus.COMPLETED


def test_what_it_places_has_another_id_and_its_fills_are_the_orders(desk):
    order = waiting(desk)

    owing = tell_trigger(desk, order, placed=PLACED)
    between = desk.fresh(order)
    trade = desk.trade(order, "1", "89")
    tell_placed(desk, order, OrderStatus.FILLED, "1", trades=[trade])

    assert owing == [Owing(order.pk, order.symbol, PLACED, is_unseen=True)]
    assert (between.status, between.exchange_order_id) == (OrderStatus.SUBMITTED, PLACED)
    assert between.next_check_at is not None
    order = desk.fresh(order)
    assert (order.status, order.filled_qty, order.next_check_at) == (OrderStatus.FILLED, 1, None)
    assert trade.exchange_order_id == PLACED
    assert [deal.exchange_trade_id for deal in desk.deals()] == [trade.exchange_trade_id]


@pytest.mark.parametrize("turns", list(permutations(range(4))))
def test_news_may_come_in_any_order_and_twice(desk, turns):
    order = waiting(desk)
    news = [
        lambda: tell_trigger(desk, order, placed=PLACED),
        lambda: tell_placed(desk, order, OrderStatus.SUBMITTED),
        lambda: tell_placed(desk, order, OrderStatus.FILLED, "1"),
        lambda: desk.tell(trade),
    ]
    trade = desk.trade(order, "1", "89", exchange_order_id=PLACED, client_order_id=None)

    for turn in (*turns, *turns):
        news[turn]()

    order = desk.fresh(order)
    assert (order.status, order.filled_qty) == (OrderStatus.FILLED, 1)
    assert len(desk.deals()) == 1
    assert ExchangeOrder.objects.filter(order=order).count() == 1


def test_the_same_number_may_stand_for_a_trigger_and_for_an_order(desk):
    plain = desk.rest()
    stop = desk.send("sell", type="stop", trigger_price="90")
    desk.claim()
    desk.report(plain, OrderStatus.SUBMITTED, exchange_order_id=TRIGGER)
    ExchangeOrder.objects.filter(order=plain).update(exchange_order_id=TRIGGER)
    tell_trigger(desk, stop)

    desk.report(plain, OrderStatus.CANCELED, exchange_order_id=TRIGGER, client_order_id=None)

    assert desk.fresh(plain).status == OrderStatus.CANCELED
    assert desk.fresh(stop).status == OrderStatus.SUBMITTED


def test_a_market_stop_that_fills_a_part_and_expires_keeps_its_fills(desk):
    order = waiting(desk)
    tell_trigger(desk, order, placed=PLACED)

    trade = desk.trade(order, "0.4", "89")
    tell_placed(desk, order, OrderStatus.EXPIRED, "0.4", trades=[trade])

    order = desk.fresh(order)
    assert str(order.filled_qty) == "0.4"
    assert order.status == OrderStatus.EXPIRED


@pytest.mark.parametrize(
    "status", [OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED]
)
def test_a_trigger_that_ends_before_it_places_an_order_ends_the_order(desk, status):
    order = waiting(desk)

    tell_trigger(desk, order, status)

    order = desk.fresh(order)
    assert (order.status, order.filled_qty) == (status, 0)


def test_a_late_word_of_the_trigger_does_not_undo_what_its_order_said(desk):
    order = waiting(desk)
    tell_trigger(desk, order, placed=PLACED)
    tell_placed(desk, order, OrderStatus.CANCELED)

    tell_trigger(desk, order)
    tell_trigger(desk, order, placed=PLACED)

    assert desk.fresh(order).status == OrderStatus.CANCELED


def test_an_unanswered_stop_is_adopted_waiting_or_triggered(desk):
    unanswered = [desk.send("sell", type="stop", trigger_price="90") for _ in range(2)]
    for claim in desk.claim():
        projector.mark_unknown(claim.instruction.pk, claim.fence)

    first, second = unanswered
    tell_trigger(desk, first)
    tell_trigger(desk, second, trigger_id="70", placed=PLACED)
    tell_placed(desk, second, OrderStatus.FILLED, "1", trades=[desk.trade(second, "1", "89")])

    assert desk.fresh(first).status == OrderStatus.SUBMITTED
    assert desk.fresh(second).status == OrderStatus.FILLED
    assert {desk.fresh(order.command).status for order in unanswered} == {CommandStatus.COMPLETED}


def test_an_order_that_somebody_else_has_is_not_taken_from_them(desk):
    other = desk.rest()
    ExchangeOrder.objects.filter(order=other).update(exchange_order_id=PLACED)
    order = waiting(desk)

    owing = tell_trigger(desk, order, placed=PLACED)

    assert owing == []
    assert desk.leg(desk.fresh(other)).exchange_order_id == PLACED
    assert desk.leg(order).exchange_order_id is None


def test_changing_the_trigger_replaces_it(desk):
    order = waiting(desk)

    desk.give("change_order", order_id=order.pk, new_trigger_price="85")
    desk.claim()
    tell_trigger(desk, order, OrderStatus.CANCELED)
    desk.claim()
    tell_trigger(desk, order, trigger_id="9")

    order, leg = desk.fresh(order), desk.leg(order)
    assert (order.status, order.trigger_price) == (OrderStatus.SUBMITTED, 85)
    assert (leg.conditional_order_id, leg.trigger_price) == ("9", 85)
    assert order.exchange_order_id == "9"


def test_a_change_that_the_trigger_overtakes_is_given_up(desk):
    order = waiting(desk)
    change = desk.give("change_order", order_id=order.pk, new_trigger_price="85")
    desk.claim()

    tell_trigger(desk, order, placed=PLACED)
    tell_placed(desk, order, OrderStatus.FILLED, "1", trades=[desk.trade(order, "1", "89")])

    order = desk.fresh(order)
    assert (order.status, order.trigger_price) == (OrderStatus.FILLED, 90)
    assert desk.fresh(change).status == CommandStatus.FAILED
    assert desk.claim() == []


def test_what_has_triggered_is_changed_as_a_plain_order(desk):
    order = waiting(desk, type="stop_limit", price="80")
    tell_trigger(desk, order, placed=PLACED)
    tell_placed(desk, order, OrderStatus.SUBMITTED)

    desk.give("change_order", order_id=order.pk, new_price="81")
    desk.claim()
    tell_placed(desk, order, OrderStatus.CANCELED)

    order, leg = desk.fresh(order), desk.leg(order)
    assert (leg.price, leg.trigger_price) == (81, None)
    assert order.trigger_price == 90


def test_what_went_on_as_a_plain_order_has_no_trigger_to_move(desk):
    order = waiting(desk, type="stop_limit", price="80")
    tell_trigger(desk, order, placed=PLACED)
    tell_placed(desk, order, OrderStatus.SUBMITTED)
    desk.give("change_order", order_id=order.pk, new_price="81")
    desk.claim()
    tell_placed(desk, order, OrderStatus.CANCELED)
    desk.claim()
    desk.report(order, OrderStatus.SUBMITTED)

    with pytest.raises(Invalid) as refusal:
        desk.give("change_order", order_id=order.pk, new_trigger_price="70")

    assert refusal.value.details["field"] == "new_trigger_price"
