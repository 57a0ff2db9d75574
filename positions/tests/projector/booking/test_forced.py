"""What the exchange closes by force."""

from decimal import Decimal

import pytest

from positions import projector
from positions.engine.types import Reason
from positions.models import Case, Deal, Execution, Order, Position
from positions.reports import Reports
from positions.tests.ledger.checking import differences


def test_every_position_of_its_side_gives_its_share(new_desk):
    desk = new_desk(position_mode="hedge")
    long_one, long_two = desk.bought("1"), desk.bought("3")
    short = desk.filled("sell", "2").position

    order = desk.liquidate("sell", "2", "90")

    assert desk.fresh(long_one).qty == Decimal("0.5")
    assert desk.fresh(long_two).qty == Decimal("1.5")
    assert desk.fresh(short).qty == 2
    last_two = desk.deals()[-2:]
    assert [(deal.entry, deal.reason, deal.profit) for deal in last_two] == [
        ("out", "liquidation", -5),
        ("out", "liquidation", -15),
    ]
    assert {deal.execution_id for deal in last_two} == {Execution.objects.get(order=order).pk}
    assert (order.reason, order.reconciled, order.status) == ("liquidation", True, "FILLED")
    assert not Case.objects.exists()
    assert differences(desk) == []


def test_shares_keep_the_markets_step_and_the_fee_its_last_digit(new_desk):
    desk = new_desk(position_mode="hedge")
    for _ in range(3):
        desk.bought("1")

    reports = desk.foreign(
        "sell",
        "1",
        ("1", "90"),
        forced=Reason.ADL,
        fees={"fee": Decimal("0.1"), "fee_currency": "USDT"},
    )
    desk.adopt(reports)

    deals = desk.deals()[-3:]
    assert [deal.qty for deal in deals] == [Decimal(q) for q in ("0.334", "0.333", "0.333")]
    assert sum(deal.fee for deal in deals) == Decimal("0.1")
    assert {deal.reason for deal in deals} == {"adl"}
    assert differences(desk) == []


def test_strategies_of_one_side_share_and_an_external_position_gives_too(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one, other = desk.strategy().pk, desk.strategy().pk
    mine = desk.bought("2", strategy_id=one)
    desk.filled("sell", "1", strategy_id=other)
    theirs = desk.external("buy", "2").position

    desk.liquidate("sell", "3", "90")

    assert (desk.fresh(mine).qty, desk.fresh(theirs).qty) == (Decimal("0.5"), Decimal("0.5"))
    assert differences(desk) == []


@pytest.mark.parametrize("mode", ["netting", "strategy_netting", "hedge"])
def test_what_exceeds_all_of_them_is_a_position_and_a_case(new_desk, mode):
    desk = new_desk(position_mode=mode)
    position = desk.bought("1")

    order = desk.liquidate("sell", "3", "90")

    excess = Position.objects.get(reason="correction")
    case = Case.objects.get()
    assert desk.fresh(position).state == "closed"
    assert (excess.side, excess.qty, excess.is_external) == ("sell", 2, True)
    assert (case.kind, case.position, case.order) == ("liquidation", excess, order)
    assert desk.fresh(order).reconciled is False
    assert differences(desk) == []


def test_later_fills_of_its_order_are_forced_too_and_raise_the_same_excess(desk):
    desk.bought("1")
    desk.adopt(desk.foreign("sell", "5", ("2", "90"), forced=Reason.LIQUIDATION, name="l1"))

    later = desk.foreign_trade("l1", "sell", "3", "89")
    projector.apply(desk.account.pk, Reports(trades=(later,)))

    assert Position.objects.get(reason="correction").qty == 4
    assert set(Execution.objects.filter(order__reason="liquidation").values_list("forced")) == {
        ("liquidation",)
    }
    assert Case.objects.count() == 1
    assert differences(desk) == []


def test_an_excess_can_be_taken_over(desk):
    desk.bought("1")
    order = desk.liquidate("sell", "3", "90")

    desk.reassign(order, to=0)

    (position,) = desk.positions()
    assert (position.side, position.qty, position.is_external) == ("sell", 2, False)
    assert Case.objects.get().state == "resolved"
    assert Order.objects.get(pk=order.pk).reconciled is True
    assert Deal.objects.live().filter(position=position).get().entry == "in"
    assert differences(desk) == []


def test_an_order_known_before_its_forced_trades_is_booked_by_force_as_well(desk):
    position = desk.bought("2")
    reports = desk.foreign("sell", "2", ("2", "90"), forced=Reason.LIQUIDATION)
    projector.apply(desk.account.pk, Reports(reports.orders), adopt=True)

    projector.apply(desk.account.pk, Reports(trades=reports.trades))

    order = Order.objects.get(exchange_order_id=reports.orders[0].exchange_order_id)
    assert desk.fresh(position).state == "closed"
    assert (order.reason, order.reconciled) == ("liquidation", True)
    assert {deal.reason for deal in desk.deals() if deal.order_id == order.pk} == {"liquidation"}
