"""Reports of the exchange: twice, late, out of order, with and without their trades."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest

from positions.engine.types import OrderStatus
from positions.ledger.executions import digest
from positions.models import Event, Execution
from positions.projector import apply
from positions.projector.orders.outcomes import mark_unknown
from positions.reports import OrderReport, Reports

D = Decimal


def test_an_accepted_order_shows_the_exchanges_id(desk):
    order = desk.send(price="100")
    desk.claim()

    desk.report(order, OrderStatus.SUBMITTED)
    after = desk.fresh(order)

    assert (after.status, after.exchange_order_id) == (
        "SUBMITTED",
        desk.leg(order).exchange_order_id,
    )
    assert desk.fresh(order.command).status == "completed"
    assert desk.events() == ["order_accepted", "order_submitted"]


def test_filled_is_entered_only_once_all_fills_are_booked(desk):
    order = desk.send()
    desk.claim()

    owing = desk.report(order, OrderStatus.FILLED, "1")
    early = desk.fresh(order), desk.fresh(order.command).status
    nothing_left = desk.tell(desk.trade(order, "0.4"), desk.trade(order, "0.6", "101"))
    after = desk.fresh(order)

    assert [(each.order_id, each.exchange_order_id) for each in owing] == [
        (order.pk, desk.leg(order).exchange_order_id)
    ]
    assert (early[0].status, early[0].next_check_at is not None) == ("SUBMITTED", True)
    assert early[1] == "accepted"
    assert nothing_left == []
    assert (after.status, after.filled_qty, after.avg_fill_price) == ("FILLED", 1, D("100.6"))
    assert after.next_check_at is None
    assert desk.fresh(order.command).status == "completed"


def test_filled_without_a_quantity_owes_the_whole_order(desk):
    order = desk.send()
    desk.claim()

    owing = desk.report(order, OrderStatus.FILLED, filled=None)

    assert len(owing) == 1
    assert desk.fresh(order).is_open


def test_a_cancelled_order_that_owes_fills_waits_for_them(desk):
    order = desk.rest()
    command = desk.give("cancel_order", order_id=order.pk)
    desk.claim()

    desk.report(order, OrderStatus.CANCELED, "0.3")
    early = desk.fresh(order).status, desk.fresh(command).status
    desk.tell(desk.trade(order, "0.3"))
    after = desk.fresh(order)

    assert early == ("SUBMITTED", "accepted")
    assert (after.status, after.filled_qty) == ("CANCELED", D("0.3"))
    assert desk.fresh(command).status == "completed"


def test_an_acknowledged_cancel_without_quantities_proves_no_end(desk):
    """Some exchanges answer a cancel with the word alone; what was filled is still unknown."""
    order = desk.rest()
    desk.give("cancel_order", order_id=order.pk)
    desk.claim()

    desk.report(order, OrderStatus.CANCELED, filled=None, qty=None)
    between = desk.fresh(order).status
    desk.report(order, OrderStatus.CANCELED, "0")

    assert (between, desk.fresh(order).status) == ("SUBMITTED", "CANCELED")


def test_a_trade_before_the_answer_is_booked_by_our_id(desk):
    order = desk.send(qty="2")
    desk.claim()

    desk.tell(desk.trade(order, "0.5"))
    early = desk.fresh(order)
    desk.report(order, OrderStatus.SUBMITTED, "0.5")
    after = desk.fresh(order)

    assert (early.status, early.filled_qty) == ("PARTIALLY_FILLED", D("0.5"))
    assert early.exchange_order_id is not None
    assert after.status == "PARTIALLY_FILLED"
    assert desk.fresh(order.command).status == "completed"


def test_a_stream_that_overtakes_the_answer_does_not_complete_the_command(desk):
    order = desk.send()
    desk.claim()

    desk.report(order, OrderStatus.SUBMITTED, streamed=True)
    early = desk.fresh(order).status, desk.fresh(order.command).status
    desk.report(order, OrderStatus.FILLED, "1", trades=[desk.trade(order, "1")])

    assert early == ("SUBMITTED", "accepted")
    assert desk.fresh(order).status == "FILLED"
    assert desk.fresh(order.command).status == "completed"


def test_a_stream_that_shows_the_end_completes_the_command(desk):
    order = desk.send()
    desk.claim()

    desk.report(order, OrderStatus.FILLED, "1", trades=[desk.trade(order, "1")], streamed=True)

    assert desk.fresh(order).status == "FILLED"
    assert desk.fresh(order.command).status == "completed"


def test_an_order_that_a_stream_showed_is_looked_up_when_its_answer_does_not_come(desk):
    order = desk.send(price="100")
    claim = desk.claim_one()
    desk.report(order, OrderStatus.SUBMITTED, streamed=True)

    mark_unknown(claim.instruction.pk, claim.fence)
    early = desk.fresh(order)
    desk.report(order, OrderStatus.SUBMITTED)

    assert (early.status, early.next_check_at is not None) == ("SUBMITTED", True)
    assert desk.fresh(order).status == "SUBMITTED"
    assert desk.fresh(order.command).status == "completed"


def test_a_trade_without_our_id_waits_for_the_answer(desk):
    order = desk.send(qty="2")
    desk.claim()
    trade = replace(desk.trade(order, "2"), client_order_id=None)

    desk.tell(trade)
    early = Execution.objects.count()
    owing = desk.report(order, OrderStatus.FILLED, "2")
    desk.tell(trade)

    assert (early, len(owing)) == (0, 1)
    assert desk.fresh(order).status == "FILLED"


def test_a_trade_is_booked_once(desk):
    order = desk.send(qty="2")
    desk.claim()
    trade = desk.trade(order, "0.5")

    desk.report(order, OrderStatus.PARTIALLY_FILLED, "0.5", trades=[trade, trade])
    desk.tell(trade)
    desk.tell(trade, trade)

    assert desk.fresh(order).filled_qty == D("0.5")
    assert Execution.objects.count() == len(desk.deals()) == 1


def test_a_self_trade_gives_two_orders_one_trade_id(desk):
    buy, sell = desk.send("buy", "1"), desk.send("sell", "1")
    desk.claim()

    for order in (buy, sell):
        trade = desk.trade(order, "1", exchange_trade_id="7")
        desk.report(order, OrderStatus.FILLED, "1", trades=[trade])

    assert [desk.fresh(each).status for each in (buy, sell)] == ["FILLED", "FILLED"]
    assert Execution.objects.count() == 2


def test_a_late_report_of_a_living_order_changes_nothing(desk):
    order = desk.filled("buy", "1")
    told = desk.events()

    desk.report(order, OrderStatus.SUBMITTED, "0")
    desk.report(order, OrderStatus.PARTIALLY_FILLED, "0.5")
    after = desk.fresh(order)

    assert (after.status, after.filled_qty) == ("FILLED", 1)
    assert desk.events() == told


def test_a_late_fill_of_a_cancelled_order_is_booked(desk):
    order = desk.rest(qty="1")
    desk.report(order, OrderStatus.CANCELED, "0")

    desk.tell(desk.trade(order, "0.4"))
    partly = desk.fresh(order)
    desk.tell(desk.trade(order, "0.6"))
    wholly = desk.fresh(order)

    assert (partly.status, partly.filled_qty) == ("CANCELED", D("0.4"))
    assert (wholly.status, wholly.filled_qty) == ("FILLED", 1)
    assert wholly.position.qty == 1
    assert desk.events().count("order_updated") >= 1


@pytest.mark.parametrize("seed", range(8))
def test_reports_in_any_order_end_in_the_same_place(desk, seed):
    order = desk.send(qty="3")
    desk.claim()
    trades = [desk.trade(order, "1", str(100 + number)) for number in range(3)]
    leg = desk.leg(order)
    said = OrderReport(
        order.symbol, f"x{leg.pk}", leg.client_order_id, None, qty=D(3), filled_qty=D(0)
    )
    reports = [
        Reports((replace(said, status=OrderStatus.SUBMITTED),)),
        Reports(
            (replace(said, status=OrderStatus.PARTIALLY_FILLED, filled_qty=D(1)),), (trades[0],)
        ),
        Reports((replace(said, status=OrderStatus.FILLED, filled_qty=D(3)),)),
        Reports(trades=(trades[1],)),
        Reports(trades=(trades[2], trades[0])),
    ] * 2
    random.Random(seed).shuffle(reports)

    for report in reports:
        apply(desk.account.pk, report)
    after = desk.fresh(order)

    assert (after.status, after.filled_qty, after.avg_fill_price) == ("FILLED", 3, 101)
    assert after.position.qty == 3
    assert desk.fresh(order.command).status == "completed"
    assert desk.events().count("deal_created") == 3


def test_trades_of_one_batch_are_booked_in_the_order_they_happened(desk):
    order = desk.send(qty="3")
    desk.claim()
    trades = [desk.trade(order, "1", str(100 + number)) for number in range(3)]

    desk.tell(*reversed(trades))

    assert [deal.price for deal in desk.deals()] == [100, 101, 102]


def test_what_is_not_ours_is_left_alone(desk):
    order = desk.send()
    foreign = replace(desk.trade(order, "1"), exchange_order_id="999", client_order_id="other")
    report = OrderReport(order.symbol, "999", "other", OrderStatus.FILLED, filled_qty=D(1))

    owing = apply(desk.account.pk, Reports((report,), (foreign,)))

    assert owing == []
    assert Execution.objects.count() == 0
    assert desk.events() == ["order_accepted"]


def test_the_same_ids_on_another_account_are_another_order(desk, new_desk):
    order = desk.rest()
    other = new_desk()
    leg = desk.leg(order)
    report = OrderReport(
        order.symbol, leg.exchange_order_id, leg.client_order_id, OrderStatus.CANCELED
    )

    apply(other.account.pk, Reports((report,)))

    assert desk.fresh(order).is_open


def test_a_used_client_id_does_not_steal_a_linked_order(desk):
    order = desk.rest()
    leg = desk.leg(order)
    report = OrderReport(
        order.symbol, "another", leg.client_order_id, OrderStatus.CANCELED, filled_qty=D(0)
    )

    apply(desk.account.pk, Reports((report,)))

    assert desk.fresh(order).is_open


def test_events_are_numbered_without_a_gap_and_executions_are_chained(desk):
    desk.filled("buy", "2")
    desk.filled("sell", "3")
    desk.rest()

    seqs = list(Event.objects.order_by("seq").values_list("seq", flat=True))
    chain = list(Execution.objects.order_by("number"))
    lane = desk.account.accountlane

    assert seqs == list(range(1, lane.last_seq + 1))
    assert [row.number for row in chain] == [1, 2]
    assert [row.previous_hash for row in chain] == ["", chain[0].hash]
    assert (lane.execution_count, lane.execution_hash) == (2, chain[-1].hash)
    assert [row.hash for row in chain] == [digest(row) for row in chain]
    assert [deal.booking_no for deal in desk.deals()] == [1, 2, 3]


def test_a_batch_of_known_trades_costs_no_query_per_trade(desk, django_assert_max_num_queries):
    order = desk.send(qty="100")
    desk.claim()
    trades = [desk.trade(order, "1") for _ in range(50)]
    desk.tell(*trades)

    with django_assert_max_num_queries(10):
        desk.tell(*trades)

    assert len(desk.deals()) == 50


def test_one_fill_costs_a_fixed_number_of_queries(desk, django_assert_max_num_queries):
    order = desk.send(qty="2")
    desk.claim()
    trade = desk.trade(order, "1")

    with django_assert_max_num_queries(36):
        desk.report(order, OrderStatus.PARTIALLY_FILLED, "1", trades=[trade])

    assert desk.fresh(order).filled_qty == 1


@pytest.mark.parametrize("filled", ["0", "0.4"])
def test_why_the_exchange_ended_an_order_by_itself_is_noted(desk, filled):
    order = desk.rest()
    trades = [desk.trade(order, filled)] if filled != "0" else []

    desk.report(order, OrderStatus.EXPIRED, filled, trades=trades, ended_by="self-trade prevention")

    ended = desk.fresh(order)
    assert (ended.status, ended.note) == (
        "EXPIRED",
        "Ended by the exchange: self-trade prevention.",
    )


def test_what_still_works_or_is_filled_was_not_ended(desk):
    order = desk.rest()
    desk.report(order, OrderStatus.SUBMITTED, ended_by="liquidation")
    desk.report(order, OrderStatus.FILLED, "1", trades=[desk.trade(order, "1")], ended_by="x")

    assert desk.fresh(order).note == ""
