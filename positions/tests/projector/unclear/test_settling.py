"""The trades of a fill that was booked provisionally take its place when they come."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.audit import OPERATOR
from accounts.words import Role
from positions.engine.types import CaseAction, OrderStatus
from positions.ledger.balances import Moved, balances, net_positions
from positions.models import Case, Execution, JournalEntry, JournalKind, Order
from positions.projector.reassign.settling import NAMED_AFTER
from positions.services.decide_case import Decision, decide
from positions.tests.desk import NOON, Desk
from positions.tests.fakes import LINEAR, SPOT
from positions.tests.guarded import Guarded
from positions.tests.ledger.checking import differences
from positions.tests.projector.unclear.unlisted import booked, later, listed

D = Decimal
FILLED, CANCELED = OrderStatus.FILLED, OrderStatus.CANCELED


def give(desk: Desk, order: Order, strategy_id: int) -> None:
    """An admin gives the order to another strategy."""
    desk.reassign(order, to=strategy_id, override=True, caller=desk.caller_with(Role.ADMIN))


def settlings(desk: Desk) -> list[JournalEntry]:
    rows = JournalEntry.objects.filter(account=desk.account, kind=JournalKind.SETTLE_PROVISIONAL)
    return list(rows.order_by("booking_no"))


# --- settled ---


def test_what_comes_in_parts_waits_until_it_covers(desk):
    order = booked(desk)

    listed(desk, order, "1.5", "99")

    assert [deal.qty for deal in desk.deals()] == [D(2)]
    assert desk.fresh(order).provisional
    assert settlings(desk) == []
    assert differences(desk) == []

    listed(desk, order, "0.5", "103", fee="0.1", fee_currency="USDT")

    order = desk.fresh(order)
    assert [(deal.qty, deal.price, deal.reconciled) for deal in desk.deals()] == [
        (D("1.5"), 99, True), (D("0.5"), 103, True)
    ]  # fmt: skip
    assert (order.provisional, order.filled_qty, order.avg_fill_price) == (False, D(2), D(100))
    assert (order.fee, order.fees_by_currency) == (D("0.1"), {"USDT": "0.1"})
    assert desk.leg(order).owes_since is None
    assert Execution.objects.count() == 3
    assert differences(desk) == []


def test_a_trade_told_again_settles_nothing_twice(desk):
    order = booked(desk)
    trade = desk.trade(order, "2", "99", executed_at=NOON)

    desk.tell(trade)
    desk.tell(trade)
    later(3600)

    assert len(settlings(desk)) == 1
    assert [deal.qty for deal in desk.deals()] == [D(2)]
    assert differences(desk) == []


def test_more_than_was_reported_is_booked_whole(desk):
    order = desk.send("buy", "3", price="100")
    desk.claim()
    desk.report(order, CANCELED, "2", average=D(100))
    later(NAMED_AFTER.total_seconds())
    decide(Case.objects.get().pk, Decision(CaseAction.BOOK_PROVISIONAL, "so"), OPERATOR)

    listed(desk, order, "1", "100")
    listed(desk, order, "2", "100")

    assert net_positions(desk.account.pk) == {LINEAR: D(3)}
    assert (desk.fresh(order).status, desk.fresh(order).filled_qty) == ("FILLED", D(3))
    assert differences(desk) == []


def test_more_than_was_reported_beside_a_close_by_is_booked_whole_too(new_desk, venue):
    desk = new_desk(position_mode="hedge")
    venue.prices[LINEAR] = D(100)
    order = desk.send("buy", "3", price="100")
    desk.claim()
    desk.report(order, CANCELED, "2", average=D(100))
    later(NAMED_AFTER.total_seconds())
    decide(Case.objects.get().pk, Decision(CaseAction.BOOK_PROVISIONAL, "so"), OPERATOR)
    short = desk.filled("sell", "1").position
    desk.give("close_by", position_id_a=desk.fresh(order).position_id, position_id_b=short.pk)

    listed(desk, order, "3", "98", fee="0.3", fee_currency="USDT")

    correction = desk.deals()[-1]
    assert net_positions(desk.account.pk) == {LINEAR: D(2)}
    assert (correction.kind, correction.profit, correction.fee) == ("correction", D(4), D("0.3"))
    assert desk.fresh(order).filled_qty == 3
    assert differences(desk) == []


def test_a_second_fill_that_is_never_listed_has_a_name_of_its_own(desk):
    order = desk.send("buy", "3", price="100")
    desk.claim()
    desk.report(order, CANCELED, "1", average=D(100))
    later(NAMED_AFTER.total_seconds())
    decide(Case.objects.get().pk, Decision(CaseAction.BOOK_PROVISIONAL, "so"), OPERATOR)
    desk.report(order, CANCELED, "2", average=D(101))
    later(NAMED_AFTER.total_seconds())

    decide(Case.objects.open().get().pk, Decision(CaseAction.BOOK_PROVISIONAL, "so"), OPERATOR)

    names = Execution.objects.order_by("number").values_list("exchange_trade_id", flat=True)
    leg = desk.leg(order)
    assert [*names] == [f"provisional-{leg.pk}", f"provisional-{leg.pk}-2"]
    listed(desk, order, "2", "100")
    assert net_positions(desk.account.pk) == {LINEAR: D(2)}
    assert differences(desk) == []


@pytest.mark.parametrize("mode", ["netting", "strategy_netting", "hedge"])
@pytest.mark.parametrize("reversal", ["split", "mt5"])
@pytest.mark.django_db
def test_the_position_keeps_its_id_and_its_stops(mode, reversal):
    desk = Guarded(position_mode=mode, reversal=reversal)
    order = booked(desk, stop_loss="50")
    before = order.position

    listed(desk, order, "2", "99")

    (position,) = desk.positions()
    assert (position.pk, position.qty, position.avg_price) == (before.pk, D(2), D(99))
    assert position.stop_loss == 50
    assert differences(desk) == []


@pytest.mark.parametrize("reversal", ["split", "mt5"])
def test_one_that_turned_a_position_is_settled_where_it_turned(new_desk, reversal):
    desk = new_desk(reversal=reversal)
    desk.bought("1", "90")

    order = booked(desk, "sell", "3")
    listed(desk, order, "3", "101")

    (position,) = desk.positions()
    assert (position.side, position.qty, position.avg_price) == ("sell", D(2), D(101))
    assert sum(deal.profit for deal in desk.deals()) == 11
    assert differences(desk) == []


def test_a_close_is_over_and_settled(desk):
    position = desk.bought("2", "90")
    close = desk.close(position)
    desk.claim()
    desk.report(close, FILLED, "2", average=D(100))
    later(NAMED_AFTER.total_seconds())
    decide(Case.objects.get().pk, Decision(CaseAction.BOOK_PROVISIONAL, "so"), OPERATOR)
    assert desk.fresh(position).state == "closed"

    listed(desk, close, "2", "100.5", executed_at=NOON + timedelta(hours=1))

    assert (desk.fresh(position).state, desk.fresh(position).profit) == ("closed", D(21))
    assert differences(desk) == []


def test_who_took_the_order_over_meanwhile_has_its_trades(desk):
    order, strategy = booked(desk), desk.strategy()
    give(desk, order, strategy.pk)
    assert [deal.reconciled for deal in desk.deals()] == [False]

    listed(desk, order, "2", "99")

    assert [deal.strategy_id for deal in desk.deals()] == [strategy.pk]
    assert differences(desk) == []


def test_a_reassign_between_two_of_its_trades(desk):
    order, strategy = booked(desk), desk.strategy()
    listed(desk, order, "1", "99")
    give(desk, order, strategy.pk)

    listed(desk, order, "1", "99")

    assert {deal.strategy_id for deal in desk.deals()} == {strategy.pk}
    assert differences(desk) == []
    give(desk, order, 0)
    assert {deal.strategy_id for deal in desk.deals()} == {0}
    assert differences(desk) == []


def test_a_merge_behind_it_leaves_a_correction_on_the_target(new_desk):
    desk = new_desk(position_mode="hedge")
    order, target = booked(desk), desk.bought("1", "100")
    source = order.position
    desk.give("merge_positions", source_position_id=source.pk, target_position_id=target.pk)

    listed(desk, order, "2", "98")

    correction = desk.deals()[-1]
    assert (correction.kind, correction.position_id, correction.profit) == (
        "correction", target.pk, D(4)
    )  # fmt: skip
    assert desk.fresh(source).state == "merged"
    assert not desk.fresh(order).provisional
    assert differences(desk) == []


def test_a_correction_takes_a_base_fee_from_the_dust_record(new_desk):
    desk = new_desk(SPOT)
    order = booked(desk, "buy", "1")
    close = desk.close(order.position)
    desk.fill(close, "0.9995", "100")  # The rest is dust: a correction lies in the range.

    listed(desk, order, "1", "100", fee="0.001", fee_currency="BTC")

    assert balances(desk.account.pk)["BTC"] == D("-0.0005")
    assert differences(desk) == []


# --- money ---


def test_balances_count_what_is_live(new_desk):
    desk = new_desk(SPOT)
    moved = Moved(desk.account.pk)
    order = booked(desk, "buy", "2")
    assert moved.now() == {"BTC": D(2), "USDT": D(-200)}

    listed(desk, order, "1", "99", fee="0.001", fee_currency="BTC")
    assert moved.now() == {"BTC": D(2), "USDT": D(-200)}

    listed(desk, order, "1", "99", fee="0.001", fee_currency="BTC")
    assert moved.now() == {"BTC": D("1.998"), "USDT": D(-198)}
    assert Moved(desk.account.pk).now() == moved.now()


def test_a_reading_in_pieces_settles_once(new_desk):
    desk = new_desk(SPOT)
    order = booked(desk, "buy", "2")
    for _ in range(3):
        desk.bought("1", "100")
    listed(desk, order, "2", "99")

    moved = Moved(desk.account.pk)
    while not moved.read_on(1):
        pass

    assert moved.now() == Moved(desk.account.pk).now() == {"BTC": D(5), "USDT": D(-498)}


# --- crashes ---


def test_a_crash_while_settling_leaves_what_was_and_the_next_one_settles(desk, stumbles):
    order = booked(desk)
    trade = desk.trade(order, "2", "99", executed_at=NOON)
    stumbles()
    with pytest.raises(RuntimeError):
        desk.tell(trade)
    assert [deal.reconciled for deal in desk.deals()] == [False]
    assert differences(desk) == []

    desk.tell(trade)

    assert [(deal.price, deal.reconciled) for deal in desk.deals()] == [(D(99), True)]
    assert differences(desk) == []
