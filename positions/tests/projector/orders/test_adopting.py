"""Orders that nobody here gave."""

from dataclasses import replace
from decimal import Decimal

import pytest

from positions import projector
from positions.engine.types import OrderStatus, OrderType, PositionMode, Side, TimeInForce
from positions.models import Deal, ExchangeOrder, Execution, Instruction, Order, Position
from positions.reports import OrderReport, Reports
from positions.tests.desk import NOON
from positions.tests.fakes import LINEAR, SPOT
from positions.tests.ledger.checking import differences


def test_without_adopt_a_foreign_order_is_passed_over(desk):
    projector.apply(desk.account.pk, desk.foreign("sell", "2", ("2", "105")))

    assert not Order.objects.exists()
    assert not Execution.objects.exists()


def test_a_foreign_order_becomes_an_external_one_with_one_position_of_its_own(desk):
    own = desk.bought("1")

    order = desk.adopt(desk.foreign("sell", "2", ("0.5", "105"), ("1.5", "106")))

    dedicated = Position.objects.get(is_external=True)
    assert (order.reason, order.strategy_id, order.reconciled) == ("external", 0, False)
    assert (order.command_id, order.exchange_client_order_id) == (None, None)
    assert (order.status, order.filled_qty, order.position) == ("FILLED", 2, dedicated)
    assert (dedicated.side, dedicated.qty, dedicated.reason) == ("sell", 2, "external")
    assert desk.fresh(own).qty == 1
    assert [deal.reconciled for deal in desk.deals()] == [True, False, False]
    assert differences(desk) == []


def test_it_is_stored_as_the_exchange_describes_it(desk):
    report = desk.foreign(
        "buy",
        "3",
        price=Decimal("99.5"),
        order_type=OrderType.STOP_LIMIT,
        trigger_price=Decimal(98),
        time_in_force=TimeInForce.GTC,
    )

    order = desk.adopt(report)

    leg = ExchangeOrder.objects.get(order=order)
    assert (order.order_type, order.time_in_force) == ("stop_limit", "GTC")
    assert (order.qty, order.price, order.trigger_price) == (3, Decimal("99.5"), 98)
    assert (leg.exchange_order_id, leg.client_order_id, leg.qty) == (
        order.exchange_order_id,
        None,
        3,
    )
    assert "theirs" in order.note
    assert not Instruction.objects.exists()


def test_without_fills_there_is_no_position_yet(desk):
    order = desk.adopt(desk.foreign("buy", "1"))

    assert (order.status, order.is_open, order.position_id) == ("SUBMITTED", True, None)
    assert not Position.objects.exists()
    assert desk.events() == ["order_submitted"]


@pytest.mark.parametrize("status", ["CANCELED", "EXPIRED", "REJECTED"])
def test_one_that_ended_is_stored_so(desk, status):
    order = desk.adopt(desk.foreign("buy", "1", status=OrderStatus(status)))

    assert (order.status, order.is_open) == (status, False)


def test_finding_it_again_adds_no_rows(desk):
    reports = desk.foreign("sell", "2", ("2", "105"))

    for _ in range(3):
        desk.adopt(reports)

    counts = [model.objects.count() for model in (Order, ExchangeOrder, Execution, Deal, Position)]
    assert counts == [1, 1, 1, 1, 1]


def test_its_later_reports_and_fills_need_no_adopting(desk):
    order = desk.adopt(desk.foreign("sell", "2", ("1", "105"), name="f1"))
    late = desk.foreign_trade("f1", "sell", "1", "107")

    projector.apply(desk.account.pk, Reports(trades=(late,)))
    later = replace(desk.foreign("sell", "2", name="f1").orders[0], status=OrderStatus.FILLED)
    projector.apply(desk.account.pk, Reports((replace(later, filled_qty=Decimal(2)),)))

    after = desk.fresh(order)
    assert (after.status, after.filled_qty) == ("FILLED", 2)
    assert Position.objects.get().qty == 2


def test_a_trade_without_its_orders_report_never_makes_an_order(desk):
    """It may be ours: trades need not carry our client order id."""
    trade = desk.foreign_trade("f1", "sell", "1")

    projector.apply(desk.account.pk, Reports(trades=(trade,)), adopt=True)

    assert not Order.objects.exists()


def test_what_it_filled_without_showing_the_trades_is_owed(desk):
    reports = desk.foreign("sell", "2", ("2", "105"))

    owing = projector.apply(desk.account.pk, Reports(reports.orders), adopt=True)
    settled = projector.apply(desk.account.pk, Reports(trades=reports.trades))

    assert [order.exchange_order_id for order in owing] == [reports.orders[0].exchange_order_id]
    assert settled == []
    assert Order.objects.get().status == "FILLED"


def test_an_order_with_one_of_our_client_ids_is_ours(desk):
    ours = desk.rest()
    report = desk.foreign("buy", "1", client_order_id=desk.leg(ours).client_order_id)

    projector.apply(desk.account.pk, report, adopt=True)

    assert Order.objects.get() == ours


def test_a_nameless_order_waits_while_one_of_ours_has_no_id_yet(desk):
    """The exchange tells no client ids: it may be the order whose answer we wait for."""
    sent = desk.send()
    desk.claim()
    nameless = desk.foreign("buy", "1", client_order_id=None)

    projector.apply(desk.account.pk, nameless, adopt=True)
    alone = Order.objects.count()
    desk.report(sent, OrderStatus.CANCELED, "0")
    projector.apply(desk.account.pk, nameless, adopt=True)

    assert alone == 1
    assert Order.objects.count() == 2


def test_a_report_that_tells_no_side_is_passed_over(desk):
    report = OrderReport(LINEAR, "f1", None, OrderStatus.SUBMITTED, qty=Decimal(1))

    projector.apply(desk.account.pk, Reports((report,)), adopt=True)

    assert not Order.objects.exists()


def test_two_strangers_may_use_one_client_id(desk):
    first = desk.adopt(desk.foreign("buy", "1", ("1", "100")))
    second = desk.adopt(desk.foreign("buy", "1", ("1", "100")))

    assert first.pk != second.pk
    assert Position.objects.filter(is_external=True).count() == 2


@pytest.mark.parametrize("mode", list(PositionMode))
def test_in_every_mode_its_position_is_apart_from_our_own(new_desk, mode):
    desk = new_desk(position_mode=mode)
    own = desk.bought("1")
    order = desk.external("buy", "2")

    desk.filled("buy", "1")

    assert desk.fresh(own).qty == (1 if mode == PositionMode.HEDGE else 2)
    assert desk.fresh(order).position.qty == 2
    assert differences(desk) == []


# --- what people may do with it ---


def test_it_counts_in_the_exchanges_net_and_not_in_what_is_held(new_desk):
    desk = new_desk(SPOT)
    desk.external("buy", "5")

    with pytest.raises(Exception, match="Only 0 BTC is held"):
        desk.send("sell", "1")
    linear = new_desk(position_mode="strategy_netting")
    position = linear.bought("2")
    linear.external("sell", "1")
    close = linear.close(position, qty="2")

    assert linear.leg(close).reduce_only is False


def test_a_person_may_cancel_it_by_the_exchanges_id(desk):
    order = desk.adopt(desk.foreign("buy", "1"))

    desk.give("cancel_order", order_id=order.pk)
    claim = desk.claim_one()

    assert claim.kind == "cancel"
    assert claim.instruction.exchange_order.exchange_order_id == order.exchange_order_id
    desk.report(order, OrderStatus.CANCELED, "0")
    assert desk.fresh(order).status == "CANCELED"


def test_cancelling_all_leaves_it_alone(desk):
    theirs, ours = desk.adopt(desk.foreign("buy", "1")), desk.rest()

    command = desk.give("cancel_all_orders")

    assert command.order_ids == [ours.pk]
    assert desk.fresh(theirs).cancel_requested_at is None


def test_it_cannot_be_changed_before_it_is_assigned(desk):
    order = desk.adopt(desk.foreign("buy", "1"))

    with pytest.raises(Exception, match="reassign it first"):
        desk.give("change_order", order_id=order.pk, new_price="90")


@pytest.mark.parametrize("mode", ["netting", "hedge"])
def test_its_position_cannot_be_closed_before_it_is_assigned(new_desk, mode):
    desk = new_desk(position_mode=mode)
    position = desk.external("buy", "1").position

    with pytest.raises(Exception, match="reassign the order first") as refusal:
        desk.close(position)

    assert refusal.value.code == "validation_error"
    assert refusal.value.details["field"] == "position_id"


def test_in_hedge_no_order_may_name_its_position(new_desk):
    desk = new_desk(position_mode="hedge")
    position = desk.external("buy", "1").position

    with pytest.raises(Exception, match="reassign the order first"):
        desk.send("sell", "1", position_id=position.pk)


def test_its_fills_know_when_and_what(desk):
    desk.external("sell", "2", "105")

    execution = Execution.objects.get()
    assert (execution.external, execution.forced) == (True, None)
    assert execution.executed_at > NOON
    assert execution.side == Side.SELL
