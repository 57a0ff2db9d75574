"""Closing, closing by, merging and selling: what is free, what is refused, what remains."""

from dataclasses import replace
from decimal import Decimal

import pytest

from positions.engine.close_by import close_by
from positions.engine.closing import (
    FullClose,
    PendingOrder,
    PositionFacts,
    Remainder,
    RestingClose,
    Steps,
    check_close,
    check_reduce_only,
    exchange_may_reduce_only,
    fit_closes,
    free_volume,
    half_of,
    plan_full_close,
    remainder_of_close,
)
from positions.engine.errors import CloseInProgress, ValidationError
from positions.engine.holding import Holding
from positions.engine.merge import merge
from positions.engine.spot import check_sell, held_qty
from positions.engine.types import OrderType, Side
from positions.tests.engine.ledger import INVERSE, LINEAR, SPOT

D = Decimal
BUY, SELL = Side
STEPS = Steps(qty_step=D("0.001"), min_qty=D("0.01"))


def position(number: int, side: Side, qty: str, cost: str, **facts) -> PositionFacts:
    holding = Holding(side, D(qty), D(cost))
    plain = PositionFacts(number, 1, LINEAR.symbol, 0, holding, free=holding.qty)
    return replace(plain, **facts)


def test_free_volume_counts_what_pending_closes_may_still_fill():
    pending = [
        PendingOrder(SELL, D("0.5"), D("0.2")),
        PendingOrder(SELL, D("0.4")),
        PendingOrder(SELL, D(2), protection=True),
        PendingOrder(BUY, D(5)),
    ]

    assert free_volume(Holding(BUY, D(2), D(200)), pending) == D("1.3")
    assert free_volume(Holding(BUY, D("0.5"), D(50)), pending) == 0


def test_a_close_above_the_volume_is_invalid_and_above_what_is_free_in_progress():
    check_close(D(1), volume=D(2), free=D(1))
    with pytest.raises(ValidationError):
        check_close(D("2.1"), volume=D(2), free=D(1))
    with pytest.raises(CloseInProgress):
        check_close(D("1.1"), volume=D(2), free=D(1))
    with pytest.raises(ValidationError):
        check_close(D(0), volume=D(2), free=D(1))


def test_reduce_only_is_checked_against_our_own_position():
    held = Holding(BUY, D(2), D(200))

    check_reduce_only(SELL, D(2), position=held, free=D(2))
    for side, qty, against in ((BUY, D(1), held), (SELL, D(3), held), (SELL, D(1), None)):
        with pytest.raises(ValidationError):
            check_reduce_only(side, qty, position=against, free=D(2))
    with pytest.raises(CloseInProgress):
        check_reduce_only(SELL, D(2), position=held, free=D(1))


def test_the_exchange_is_told_reduce_only_where_its_net_allows():
    assert exchange_may_reduce_only(SELL, D(1), exchange_net=D(1), market=LINEAR)
    assert exchange_may_reduce_only(BUY, D(1), exchange_net=D(-2), market=INVERSE)
    assert not exchange_may_reduce_only(SELL, D(1), exchange_net=D("0.5"), market=LINEAR)
    assert not exchange_may_reduce_only(SELL, D(1), exchange_net=D(-3), market=LINEAR)
    assert not exchange_may_reduce_only(SELL, D(1), exchange_net=D(1), market=SPOT)


def test_a_full_close_rounds_down_to_the_step_and_to_what_is_held():
    assert plan_full_close(D("1.23456"), volume=D("1.23456"), steps=STEPS) == FullClose(D("1.234"))
    assert plan_full_close(D("1.5"), volume=D("1.5"), steps=STEPS, held=D("0.9999")) == (
        FullClose(D("0.999"))
    )


def test_a_full_close_below_the_minimum_is_dust_at_once():
    small = D("0.0099")

    assert plan_full_close(small, volume=small, steps=STEPS) == FullClose(D(0), to_dust=small)


def test_what_other_closes_leave_of_a_larger_position_is_no_dust():
    with pytest.raises(CloseInProgress):
        plan_full_close(D("0.0099"), volume=D("1.1099"), steps=STEPS)


def test_a_full_close_is_refused_when_nothing_is_free_or_held():
    with pytest.raises(CloseInProgress):
        plan_full_close(D(0), volume=D(1), steps=STEPS)
    with pytest.raises(ValidationError):
        plan_full_close(D(1), volume=D(1), steps=STEPS, held=D("0.001"))
    with pytest.raises(ValidationError):
        plan_full_close(D(1), volume=D(1), steps=Steps(), held=D(-1))


@pytest.mark.parametrize(
    ("qty", "too_little", "fate"),
    [
        ("0", True, Remainder.NOTHING),
        ("0.0005", True, Remainder.DUST),
        ("0.009", False, Remainder.DUST),
        ("0.02", True, Remainder.UNCLOSABLE),
        ("0.2", False, Remainder.KEPT),
    ],
)
def test_what_a_full_close_left_is_dust_unclosable_or_kept(qty, too_little, fate):
    assert remainder_of_close(D(qty), worth_too_little=too_little, steps=STEPS) is fate


def test_close_by_within_a_strategy_pays_the_profit_once_and_exactly():
    """b's average of 100/3 does not terminate; what b releases is what a earns from."""
    a, b = position(1, BUY, "2", "60"), position(2, SELL, "3", "100")

    result = close_by(a, b, LINEAR)

    assert result.price == D("33.333333333333333333")
    assert result.leg_b.profit == 0
    assert result.leg_a.profit == D("6.666666666666666667")
    assert (result.a.qty, result.a.cost, result.b.qty) == (D(0), D(0), D(1))


def test_close_by_of_an_inverse_pair_earns_coin():
    a, b = position(1, BUY, "10000", "0.25"), position(2, SELL, "10000", "0.2")

    assert close_by(a, b, INVERSE).leg_a.profit == D("0.05")


def test_close_by_between_strategies_needs_a_mark_price():
    a = position(1, BUY, "1", "100", strategy_id=1)
    b = position(2, SELL, "1", "104", strategy_id=2)

    with pytest.raises(ValidationError) as refusal:
        close_by(a, b, LINEAR)
    assert refusal.value.facts["field"] == "mark_price"
    result = close_by(a, b, LINEAR, mark=D(90))
    assert (result.leg_a.profit, result.leg_b.profit) == (D(-10), D(14))


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "ETH/USDT:USDT"},
        {"account_id": 2},
        {"dedicated": True},
        {"position_id": 1},
        {"holding": Holding(BUY, D(1), D(100))},
        {"holding": Holding(SELL, D(0), D(0))},
    ],
)
def test_close_by_refuses_what_is_no_pair(changes):
    a, b = position(1, BUY, "1", "100"), position(2, SELL, "1", "110")

    with pytest.raises(ValidationError):
        close_by(a, replace(b, **changes), LINEAR)


def test_close_by_refuses_volume_that_a_pending_close_needs():
    a, b = position(1, BUY, "3", "300"), position(2, SELL, "2", "220", free=D("0.5"))

    with pytest.raises(CloseInProgress):
        close_by(a, b, LINEAR)
    with pytest.raises(ValidationError):
        close_by(a, b, LINEAR, qty=D("2.5"))
    assert close_by(a, b, LINEAR, qty=D("0.5")).b.qty == D("1.5")


def test_a_merge_carries_quantity_and_cost_and_leaves_profit_behind():
    source = position(1, BUY, "1", "100")
    source = replace(source, holding=source.holding._replace(profit=D(7)))

    result = merge(source, position(2, BUY, "3", "330"))

    assert (result.qty, result.cost) == (D(1), D(100))
    assert result.source == Holding(BUY, D(0), D(0), D(7))
    assert result.target == Holding(BUY, D(4), D(430))


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "ETH/USDT:USDT"},
        {"account_id": 2},
        {"strategy_id": 5},
        {"dedicated": True},
        {"position_id": 1},
        {"holding": Holding(SELL, D(1), D(100))},
        {"holding": Holding(BUY, D(0), D(0))},
    ],
)
def test_merge_refuses_what_does_not_belong_together(changes):
    source, target = position(1, BUY, "1", "100"), position(2, BUY, "1", "110")

    with pytest.raises(ValidationError):
        merge(source, replace(target, **changes))


def test_merge_refuses_a_source_with_a_pending_close_but_not_such_a_target():
    free = position(1, BUY, "1", "100")
    promised = replace(position(2, BUY, "1", "110"), free=D("0.5"))

    with pytest.raises(CloseInProgress):
        merge(promised, free)
    assert merge(free, promised).target.qty == 2


def test_what_is_held_counts_dust_and_every_open_sell():
    held = held_qty([D(1), D("-0.5")], dust=D("-0.0005"), open_sells=[D("0.2")])

    assert held == D("0.2995")


@pytest.mark.parametrize(
    ("dust", "outside", "expected"),
    [
        ("-0.2", "5", "1"),
        ("-0.2", "0.15", "0.95"),
        ("-0.2", "-3", "0.8"),
        ("0.2", "5", "1.2"),
        ("0", "5", "1"),
    ],
)
def test_fees_take_what_was_outside_before_they_take_a_position(dust, outside, expected):
    assert held_qty([D(1)], dust=D(dust), outside=D(outside)) == D(expected)


def test_a_sell_never_takes_what_is_held_below_zero():
    check_sell(D("0.3"), held=D("0.3"), currency="BTC")
    with pytest.raises(ValidationError) as refusal:
        check_sell(D("0.4"), held=D("0.3"), currency="BTC")

    assert refusal.value.facts["limit"] == D("0.3")
    assert refusal.value.facts["currency"] == "BTC"


def test_closes_are_cut_to_the_room_the_newest_first():
    closes = [RestingClose(3, D("0.3")), RestingClose(1, D("0.5")), RestingClose(2, D("0.4"))]

    assert fit_closes(D("0.7"), closes) == {1: D("0.5"), 2: D("0.2"), 3: D(0)}
    assert fit_closes(D(0), closes) == {1: D(0), 2: D(0), 3: D(0)}


def test_what_cannot_be_changed_now_keeps_what_it_has():
    closes = [RestingClose(1, D("0.5")), RestingClose(2, D("0.4"), movable=False)]

    assert fit_closes(D("0.6"), closes) == {1: D("0.2"), 2: D("0.4")}


def test_a_stop_and_a_take_profit_that_the_exchange_caps_take_the_same_room():
    stop, profit = half_of(OrderType.STOP, capped=True), half_of(OrderType.TAKE_PROFIT, capped=True)
    pair = [RestingClose(1, D(1), half=stop), RestingClose(2, D(1), half=profit)]

    assert fit_closes(D(1), pair) == {1: D(1), 2: D(1)}
    assert fit_closes(D("0.4"), pair) == {1: D("0.4"), 2: D("0.4")}
    assert fit_closes(D(1), [*pair, RestingClose(3, D("0.5"))])[3] == 0
    assert half_of(OrderType.STOP, capped=False) is None


def test_half_a_pair_leaves_its_volume_free_for_the_other_half_only():
    stop, profit = half_of(OrderType.STOP, capped=True), half_of(OrderType.TAKE_PROFIT, capped=True)
    holding, pending = Holding(BUY, D(2), D(200)), [PendingOrder(SELL, D(2), half=stop)]

    assert free_volume(holding, pending, asking=profit) == 2
    assert free_volume(holding, pending, asking=stop) == 0
    assert free_volume(holding, pending) == 0
