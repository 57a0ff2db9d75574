"""Trades become deals and positions; fees of every kind."""

from decimal import Decimal

import pytest

from positions.engine.types import OrderStatus
from positions.ledger.balances import balances
from positions.models import Dust, Event, Position
from positions.tests.fakes import SPOT
from positions.tests.ledger.checking import differences

D = Decimal


def test_an_opening_fill_makes_a_position(desk):
    order = desk.filled("buy", "2", "100")

    position = order.position

    assert (position.side, position.qty, position.avg_price, position.state) == (
        "buy",
        2,
        100,
        "open",
    )
    assert (position.ticket, position.opening_order_id) == (order.pk, order.pk)
    assert (position.reason, position.cost) == ("trader", 200)
    assert desk.events()[-3:] == ["deal_created", "position_opened", "order_updated"]


def test_a_reversal_splits_into_two_positions(desk):
    old = desk.bought("1")
    order = desk.send("sell", "3")

    desk.fill(order, "3", "110", fee="0.33", fee_currency="USDT")
    out, into = desk.deals()[-2:]
    order = desk.fresh(order)

    assert (out.entry, out.qty, out.profit, out.fee) == ("out", 1, 10, D("0.11"))
    assert (into.entry, into.qty, into.fee) == ("in", 2, D("0.22"))
    assert desk.fresh(old).state == "closed"
    assert (order.position_id, order.previous_position_id) == (into.position_id, None)
    assert out.execution_id == into.execution_id


def test_a_reversal_in_mt5_keeps_the_position_and_changes_its_ticket(new_desk):
    desk = new_desk(reversal="mt5")
    old = desk.bought("1")

    order = desk.filled("sell", "3", "110")
    deal, position = desk.deals()[-1], desk.fresh(old)

    assert (deal.entry, deal.qty, deal.profit) == ("inout", 3, 10)
    assert (position.pk, position.ticket, position.side) == (old.pk, order.pk, "sell")
    assert (position.qty, position.state) == (2, "open")


def test_in_hedge_every_opening_order_makes_its_own_position(new_desk):
    desk = new_desk(position_mode="hedge")

    one, other = desk.bought("1"), desk.bought("2")
    short = desk.filled("sell", "1").position

    assert len({one.pk, other.pk, short.pk}) == 3
    assert [row.side for row in desk.positions()] == ["buy", "buy", "sell"]


def test_in_hedge_a_later_fill_reopens_the_position_of_its_order(new_desk):
    desk = new_desk(position_mode="hedge")
    order = desk.rest(qty="2")
    desk.fill(order, "1")
    position = desk.fresh(order).position
    desk.fill(desk.close(position), "1", "110")
    closed = desk.fresh(position).state

    desk.fill(order, "1", "105")
    after = desk.fresh(position)

    assert closed == "closed"
    assert (after.state, after.qty, after.closed_at) == ("open", 1, None)


def test_in_hedge_the_excess_of_a_close_opens_its_own_position(new_desk):
    """Two closes of the whole: the second was in doubt and adopted late."""
    desk = new_desk(position_mode="hedge")
    position = desk.bought("1")
    close = desk.close(position)
    desk.claim()
    Position.objects.filter(pk=position.pk).update(qty="0.4", cost="40")

    desk.report(close, OrderStatus.FILLED, "1", trades=[desk.trade(close, "1", "110")])
    old, excess = desk.fresh(position), desk.positions()[0]
    close = desk.fresh(close)

    assert (old.state, old.qty) == ("closed", 0)
    assert (excess.side, excess.qty, excess.reason) == ("sell", D("0.6"), "correction")
    assert close.position_id == position.pk


@pytest.mark.parametrize(
    ("fee", "currency", "in_quote", "total"),
    [
        ("0.2", "USDT", "0.2", {"USDT": "0.2"}),
        ("-0.02", "USDT", "-0.02", {"USDT": "-0.02"}),
        ("0.001", "BTC", "0.1", {"BTC": "0.001"}),
        ("0.1", "BNB", None, {"BNB": "0.1"}),
        ("0", "USDT", "0", {}),
    ],
)
def test_fees_stay_in_their_currency(desk, fee, currency, in_quote, total):
    order = desk.send(qty="1")
    desk.fill(order, "1", "100", fee=fee, fee_currency=currency)
    (deal,), (position,), order = desk.deals(), desk.positions(), desk.fresh(order)

    assert (deal.fee, deal.fee_currency) == (D(fee), currency)
    assert deal.fee_quote == (None if in_quote is None else D(in_quote))
    assert position.fees_by_currency == total
    assert (order.fee, order.fee_currency) == (D(fee), currency)
    assert position.qty == 1


@pytest.mark.parametrize("fee", [None, "0.2"])
def test_a_fill_whose_fee_or_its_currency_is_missing_is_booked(desk, fee):
    order = desk.send(qty="1")
    desk.fill(order, "1", "100", fee=fee)
    (deal,), (position,), order = desk.deals(), desk.positions(), desk.fresh(order)

    assert (deal.fee, deal.fee_quote, order.fee) == (None, None, None)
    assert (position.qty, position.fees_by_currency) == (1, {})
    assert deal.execution.fee == (None if fee is None else D(fee))
    assert order.status == "FILLED"


def test_a_third_currency_is_valued_where_its_rate_was_found(desk, venue):
    venue.prices["BNB/USDT"] = D(700)  # Of now, not of then.
    order = desk.send(qty="1")

    rates = {"BNB": D(600)}
    desk.fill(order, "1", "100", fee="0.1", fee_currency="BNB", fee_rates=rates)
    (deal,) = desk.deals()

    assert (deal.fee_rate, deal.fee_quote) == (600, 60)
    assert desk.positions()[0].fees == 60


def test_on_spot_a_base_fee_makes_the_position_smaller(new_desk):
    desk = new_desk(SPOT)
    order = desk.send(qty="1")

    desk.fill(order, "1", "100", fee="0.001", fee_currency="BTC")
    position = desk.positions()[0]

    assert (position.qty, position.avg_price, position.cost) == (D("0.999"), 100, D("99.9"))


def test_on_spot_a_third_currency_fee_leaves_its_own_record(new_desk):
    desk = new_desk(SPOT)
    order = desk.send(qty="1")

    desk.fill(order, "1", "100", fee="0.1", fee_currency="BNB")

    assert Dust.objects.get(currency="BNB").qty == D("-0.1")
    assert desk.positions()[0].qty == 1


def test_an_orders_fee_adds_up_over_its_fills(desk):
    order = desk.rest(qty="2")
    desk.fill(order, "1", fee="0.1", fee_currency="USDT")
    desk.fill(order, "1", fee="0.2", fee_currency="USDT")

    order = desk.fresh(order)

    assert (order.fee, order.fee_currency) == (D("0.3"), "USDT")


def test_an_average_price_is_not_rounded_to_28_digits(desk):
    order = desk.rest(qty="3")
    desk.fill(order, "1", "99999.999999999999999991")
    desk.fill(order, "1", "99999.999999999999999992")
    desk.fill(order, "1", "99999.999999999999999993")

    order = desk.fresh(order)

    assert order.filled_value == D("299999.999999999999999976")
    assert order.avg_fill_price == D("99999.999999999999999992")
    assert order.position.cost == D("299999.999999999999999976")


def test_strategies_net_apart(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one, other = desk.strategy(), desk.strategy()

    desk.filled("buy", "2", strategy_id=one.pk)
    desk.filled("sell", "1.5", strategy_id=other.pk)

    assert [(row.strategy_id, row.side, row.qty) for row in desk.positions()] == [
        (one.pk, "buy", 2),
        (other.pk, "sell", D("1.5")),
    ]


def test_in_netting_a_position_belongs_to_its_first_orders_strategy(desk):
    one, other = desk.strategy(), desk.strategy()
    desk.filled("buy", "1", strategy_id=one.pk)

    order = desk.filled("buy", "1", strategy_id=other.pk)

    assert order.strategy_id == other.pk
    assert order.position.strategy_id == one.pk
    assert [deal.strategy_id for deal in desk.deals()] == [one.pk, other.pk]
    assert [deal.position_strategy_id for deal in desk.deals()] == [one.pk, one.pk]


def test_a_deal_on_anothers_position_is_told_to_both_strategies(desk):
    one, other, third = (desk.strategy().pk for _ in "abc")
    desk.filled("buy", "1", strategy_id=one)

    desk.filled("sell", "0.4", strategy_id=other)

    seen = {
        strategy_id: Event.objects.visible_to(
            desk.caller_with(strategies=[strategy_id]), [desk.account.pk]
        )
        .filter(event="deal_created")
        .count()
        for strategy_id in (one, other, third)
    }
    assert seen == {one: 2, other: 1, third: 0}


def test_every_fee_of_an_order_is_kept_per_currency(new_desk):
    """An exchange may charge one fill in one currency and the next in another."""
    desk = new_desk(SPOT)
    order = desk.send("buy", "3")
    desk.fill(order, "1", fee="0.0003", fee_currency="BNB")
    desk.fill(order, "1", fee="0.001", fee_currency="BTC")
    order = desk.fill(order, "1", fee="0.0002", fee_currency="BNB")

    assert order.fees_by_currency == {"BNB": "0.0005", "BTC": "0.001"}
    assert (order.fee, order.fee_currency) == (D("0.0005"), "BNB")
    assert order.position.fees_by_currency == {"BNB": "0.0005", "BTC": "0.001"}
    assert order.position.qty == D("2.999")
    assert differences(desk) == []


def test_one_fill_with_fees_in_two_currencies_keeps_both(new_desk):
    """The one in base makes the position smaller, whichever the exchange names first."""
    desk = new_desk(SPOT)
    facts = {"fee": "0.0002", "fee_currency": "BNB", "other_fees": (("BTC", D("0.001")),)}
    facts["fee_rates"] = {"BNB": D(600)}

    order = desk.fill(desk.send("buy", "1"), "1", **facts)

    (deal,) = desk.deals()
    assert (deal.fee, deal.fee_currency, deal.base_fee) == (D("0.001"), "BTC", D("0.001"))
    assert deal.other_fees == [["BNB", "0.0002", "0.12"]]
    assert order.fees_by_currency == {"BTC": "0.001", "BNB": "0.0002"}
    assert order.position.fees_by_currency == {"BTC": "0.001", "BNB": "0.0002"}
    assert order.position.fees == D("0.22")
    assert Dust.objects.get(currency="BNB").qty == D("-0.0002")
    assert balances(desk.account.pk) == {
        "BTC": D("0.999"), "USDT": D(-100), "BNB": D("-0.0002")
    }  # fmt: skip
    assert differences(desk) == []


def test_two_fees_of_a_fill_across_zero_are_all_booked(desk):
    desk.bought("1")
    facts = {"fee": "0.3", "fee_currency": "USDT", "other_fees": (("PTS", D("2")),)}

    order = desk.fill(desk.send("sell", "3"), "3", **facts)

    out, into = desk.deals()[1:]
    assert (out.fee + into.fee, out.other_fees) == (D("0.3"), [])
    assert into.other_fees == [["PTS", "2", None]]
    assert order.position.fees_by_currency == {"USDT": "0.2", "PTS": "2"}
    assert differences(desk) == []
