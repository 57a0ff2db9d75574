"""Which order breaks which limit? By table, and what holds for any of them."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from positions.engine.market import Market
from positions.engine.types import MarketKind, PositionMode, Side
from riskdesk.limits import DECIMALS
from riskdesk.measures import Asked, Exposure, Held, Priced, Recent, Working
from riskdesk.rules import Limits, judge

BTC = Market("BTC/USDT:USDT", MarketKind.LINEAR, "BTC", "USDT", "USDT")
ETH = Market("ETH/USDT:USDT", MarketKind.LINEAR, "ETH", "USDT", "USDT")
EUR = Market("BTC/EUR", MarketKind.SPOT, "BTC", "EUR")
INVERSE = Market("BTC/USD:BTC", MarketKind.INVERSE, "BTC", "USD", "BTC", Decimal(100))
NETTING, HEDGE = PositionMode.NETTING, PositionMode.HEDGE
BUY, SELL = Side.BUY, Side.SELL
FLAT = Exposure(NETTING)


def order(qty="1", side=BUY, price="100", *, limit_price=None, market=BTC, **facts):
    """An order that asks to pass; the last price is 100 unless said otherwise."""
    known = {"last_price": Decimal(100), "book": 0, "reduces": False} | facts
    return Asked(
        market,
        side,
        Decimal(qty),
        None if limit_price is None else Decimal(limit_price),
        None if price is None else Decimal(price),
        **known,
    )


def held(qty, side=BUY, *, market=BTC, book=0):
    return Held(market.symbol, book, side, Decimal(qty))


def working(qty, side=BUY, *, market=BTC, book=0, **facts):
    return Working(market.symbol, book, side, Decimal(qty), **facts)


def recent(qty="1", age_s="0", price=None):
    price = None if price is None else Decimal(price)
    return Recent(BTC.symbol, BUY, Decimal(qty), price, Decimal(age_s))


def exposure(*parts, mode=NETTING, **facts):
    """Positions and orders; ETH costs 10 and BTC/EUR 90."""
    priced = {
        ETH.symbol: Priced(ETH, Decimal(10)),
        EUR.symbol: Priced(EUR, Decimal(90)),
        BTC.symbol: Priced(BTC, Decimal(100)),
    }
    return Exposure(
        mode,
        held=tuple(each for each in parts if isinstance(each, Held)),
        working=tuple(each for each in parts if isinstance(each, Working)),
        recent=tuple(each for each in parts if isinstance(each, Recent)),
        priced=priced,
        **facts,
    )


UNPRICED = Exposure(NETTING, held=(held("1", market=ETH),))
CASES = {
    # what: (order, exposure, limits, the limit broken, its value) — None passes
    "qty at the limit": (order("2"), FLAT, {"max_order_qty": 2}, None),
    "qty above": (order("2.1"), FLAT, {"max_order_qty": 2}, "2.1"),
    "qty zero lets nothing open": (order("1"), FLAT, {"max_order_qty": 0}, "1"),
    "value at the limit": (order("2"), FLAT, {"max_order_notional": 200}, None),
    "value above": (order("2", price="101"), FLAT, {"max_order_notional": 200}, "202"),
    "value in contracts": (
        order("3", market=INVERSE),
        FLAT,
        {"max_order_notional": 299},
        "300",
    ),
    "value without a price": (
        order("2", price=None, last_price=None),
        FLAT,
        {"max_order_notional": 200},
        "None",
    ),
    "buy within the collar": (order(limit_price="105"), FLAT, {"price_collar_percent": 5}, None),
    "buy beyond it": (order(limit_price="105.1"), FLAT, {"price_collar_percent": 5}, "105.1"),
    "buy far below": (order(limit_price="1"), FLAT, {"price_collar_percent": 5}, None),
    "sell beyond it": (
        order(side=SELL, limit_price="94.9"),
        FLAT,
        {"price_collar_percent": 5},
        "94.9",
    ),
    "market orders have no price": (order(), FLAT, {"price_collar_percent": 5}, None),
    "no last price to compare": (
        order(limit_price="100", last_price=None),
        FLAT,
        {"price_collar_percent": 5},
        "None",
    ),
    "one order too many": (
        order(),
        exposure(working("1"), working("1")),
        {"max_open_orders": 2},
        "3",
    ),
    "as many as allowed": (order(), exposure(working("1")), {"max_open_orders": 2}, None),
    "a change is no new order": (
        order(is_change=True),
        exposure(working("1"), working("1")),
        {"max_open_orders": 2},
        None,
    ),
    "net counts positions and orders": (
        order("1"),
        exposure(held("2"), working("1")),
        {"max_net_qty": 3},
        "4",
    ),
    "net up to the limit": (order("1"), exposure(held("2")), {"max_net_qty": 3}, None),
    "an opposite order nets nothing yet": (
        order("1"),
        exposure(held("3"), working("3", SELL)),
        {"max_net_qty": 3},
        "4",
    ),
    "a reversal beyond the limit": (
        order("7", SELL),
        exposure(held("3")),
        {"max_net_qty": 3},
        "4",
    ),
    "another symbol is another net": (
        order("1"),
        exposure(held("3", market=ETH)),
        {"max_net_qty": 3},
        None,
    ),
    "over the limit already, towards it": (
        order("1", SELL),
        exposure(held("9")),
        {"max_net_qty": 3},
        None,
    ),
    "hedge legs net": (
        order("1"),
        exposure(held("3", book=1), held("3", SELL, book=2), mode=HEDGE),
        {"max_net_qty": 3},
        None,
    ),
    "hedge legs do not net in gross": (
        order("1"),
        exposure(held("3", book=1), held("3", SELL, book=2), mode=HEDGE),
        {"max_gross_qty": 6},
        "7",
    ),
    "a close adds nothing to gross": (
        order("1"),
        exposure(held("3", book=1), working("3", SELL, book=1, reduces=True), mode=HEDGE),
        {"max_gross_qty": 4},
        None,
    ),
    "strategies do not net in gross": (
        order("1", book=1),
        exposure(held("3", book=1), held("3", SELL, book=2), mode=PositionMode.STRATEGY_NETTING),
        {"max_gross_qty": 6},
        "7",
    ),
    "net value over symbols": (
        order("1"),
        exposure(held("5", market=ETH)),
        {"max_net_notional": 149},
        "150",
    ),
    "other quote currencies apart": (
        order("1"),
        exposure(held("5", market=EUR)),
        {"max_net_notional": 149},
        None,
    ),
    "gross value over symbols": (
        order("1"),
        exposure(held("1", SELL), held("5", market=ETH)),
        {"max_gross_notional": 149},
        None,
    ),
    "gross value above": (
        order("2"),
        exposure(held("5", market=ETH)),
        {"max_gross_notional": 249},
        "250",
    ),
    "a position without a price": (order("1"), UNPRICED, {"max_net_notional": 1000}, "None"),
    "loss at the limit": (
        order(),
        exposure(profit_today=Decimal(-50)),
        {"max_daily_loss": 50},
        "50",
    ),
    "loss below": (order(), exposure(profit_today=Decimal(-49)), {"max_daily_loss": 50}, None),
    "profit is no loss": (order(), exposure(profit_today=Decimal(9)), {"max_daily_loss": 0}, None),
    "turnover counts what waits": (
        order("1"),
        exposure(working("2", price=Decimal(100)), turnover_today=Decimal(300)),
        {"max_daily_turnover": 599},
        "600",
    ),
    "turnover up to the limit": (
        order("1"),
        exposure(turnover_today=Decimal(300)),
        {"max_daily_turnover": 400},
        None,
    ),
    "too many in the interval": (
        order(),
        exposure(recent(age_s="3"), recent(age_s="9.9"), recent(age_s="10")),
        {"max_orders": 2, "orders_interval_s": 10},
        "3",
    ),
    "slow enough": (
        order(),
        exposure(recent(age_s="3"), recent(age_s="10")),
        {"max_orders": 2, "orders_interval_s": 10},
        None,
    ),
    "the same again": (order("1"), exposure(recent("1", "4")), {"repeat_within_s": 5}, "4"),
    "the same, later": (order("1"), exposure(recent("1", "5")), {"repeat_within_s": 5}, None),
    "another quantity": (order("2"), exposure(recent("1")), {"repeat_within_s": 5}, None),
    "another price": (
        order("1", limit_price="99"),
        exposure(recent("1", price="98")),
        {"repeat_within_s": 5},
        None,
    ),
    "on the allow-list": (order(), FLAT, {"symbols": (BTC.symbol,)}, None),
    "not on it": (order(), FLAT, {"symbols": (ETH.symbol,)}, BTC.symbol),
    "an empty list allows nothing": (order(), FLAT, {"symbols": ()}, BTC.symbol),
}


@pytest.mark.parametrize("case", CASES)
def test_an_order_is_judged(case):
    asked, counted, changes, value = CASES[case]
    limits = _limits(changes)

    refusal = judge(asked, counted, limits)

    found = None if refusal is None else str(refusal.value)
    assert found == value
    if refusal is not None:
        assert refusal.rule in changes
        assert refusal.message


@pytest.mark.parametrize("case", CASES)
def test_what_reduces_is_never_refused_and_nothing_is_while_limits_are_off(case):
    asked, counted, changes, _ = CASES[case]

    assert judge(replace(asked, reduces=True), counted, _limits(changes)) is None
    assert judge(asked, counted, Limits()) is None


def test_the_collars_bound_is_named():
    refusal = judge(order(limit_price="110"), FLAT, Limits(price_collar_percent=Decimal(5)))

    assert (refusal.field, refusal.limit, refusal.value) == ("price", 105, 110)


def _limits(changes):
    exact = {name: Decimal(value) for name, value in changes.items() if name in DECIMALS}
    return Limits(**changes | exact)


# --- what holds for any exposure ----------------------------------------------------------------

amounts = st.decimals("0.001", "1000", places=3)
sides = st.sampled_from(Side)
books = st.integers(0, 2)
positions = st.builds(Held, st.just(BTC.symbol), books, sides, amounts)
orders = st.builds(Working, st.just(BTC.symbol), books, sides, amounts)
exposures = st.builds(
    Exposure,
    st.sampled_from(PositionMode),
    st.lists(positions, max_size=4).map(tuple),
    st.lists(orders, max_size=4).map(tuple),
    st.just({BTC.symbol: Priced(BTC, Decimal(100))}),
)
exposure_limits = st.sampled_from(
    ["max_net_qty", "max_gross_qty", "max_net_notional", "max_gross_notional"]
)


@given(exposures, exposure_limits, amounts, amounts, sides, books)
def test_whatever_fills_what_was_let_pass_stays_within_the_limit(
    counted, rule, limit, qty, side, book
):
    """From flat, every sequence of accepted orders ends within the limit, if all of them fill."""
    flat = replace(counted, held=(), working=())
    asked = order(str(qty), side, book=book)
    limits = Limits(**{rule: limit})
    accepted = flat
    for each in counted.working:
        again = replace(asked, side=each.side, qty=each.qty, book=each.book)
        if judge(again, accepted, limits) is None:
            accepted = replace(accepted, working=(*accepted.working, each))

    net = sum((each.side.sign * each.qty for each in accepted.working), Decimal(0))
    value = abs(net) * (100 if "notional" in rule else 1)

    assert value <= limit


@given(exposures, exposure_limits, amounts, amounts, sides, books)
def test_a_larger_order_never_passes_where_a_smaller_does_not(
    counted, rule, limit, qty, side, book
):
    limits = Limits(**{rule: limit})
    small, large = order(str(qty), side, book=book), order(str(qty * 2), side, book=book)

    if judge(small, counted, limits) is not None:
        assert judge(large, counted, limits) is not None
