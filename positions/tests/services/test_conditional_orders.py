"""Which conditional orders are accepted? A refusal names its field and sends nothing."""

from decimal import Decimal

import pytest

from oms_project.errors import Invalid
from positions import rows
from positions.engine.types import OrderType, Trailing, TriggerBy
from positions.models import Instruction, Order
from positions.tests.fakes import LINEAR, SPOT
from positions.volumes import held_on_spot


@pytest.fixture
def every_type(venue):
    """Both markets take every type, and distances in percent."""
    for symbol in (LINEAR, SPOT):
        venue.add_types(symbol, *OrderType)
        venue.change_market(symbol, trailing_by=frozenset({Trailing.PERCENT}))
    return venue


@pytest.mark.parametrize(
    ("order_type", "prices"),
    [
        ("stop", {"trigger_price": "90"}),
        ("stop", {"stop_price": "90"}),
        ("stop_limit", {"trigger_price": "90", "price": "89"}),
        ("take_profit", {"trigger_price": "110"}),
        ("take_profit_limit", {"trigger_price": "110", "price": "109"}),
        ("trailing_stop", {"trailing_percent": "1.50"}),
    ],
)
def test_every_type_is_accepted_with_its_prices(desk, every_type, order_type, prices):
    order = desk.send("sell", type=order_type, **prices)

    leg = desk.leg(order)
    trigger = prices.get("trigger_price") or prices.get("stop_price")
    assert order.order_type == order_type
    assert order.trigger_price == leg.trigger_price == (trigger and Decimal(trigger))
    wanted = {"percent": "1.5"} if order_type == "trailing_stop" else None
    assert order.trailing == wanted


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"type": "stop"}, "trigger_price"),
        ({"type": "stop", "trigger_price": "90.001"}, "trigger_price"),
        ({"type": "stop", "trigger_price": "2000000"}, "trigger_price"),
        ({"type": "stop", "trigger_price": "90", "price": "89"}, "price"),
        ({"type": "stop_limit", "trigger_price": "90"}, "price"),
        ({"type": "limit", "price": "90", "trigger_price": "90"}, "trigger_price"),
        ({"type": "stop", "trigger_price": "4"}, "qty"),  # Worth too little where it triggers.
        ({"type": "stop", "trigger_price": "90", "time_in_force": "IOC"}, "time_in_force"),
        ({"type": "stop", "trigger_price": "90", "post_only": True}, "time_in_force"),
        ({"type": "trailing_stop"}, "trailing_amount, trailing_percent"),
        (
            {"type": "trailing_stop", "trailing_amount": "1", "trailing_percent": "1"},
            "trailing_amount, trailing_percent",
        ),
        ({"type": "trailing_stop", "trailing_amount": "1"}, "trailing_amount"),
        ({"type": "trailing_stop", "trailing_percent": "1", "trigger_price": "9"}, "trigger_price"),
        ({"type": "market", "trailing_percent": "1"}, "trailing_percent"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(desk, every_type, payload, field):
    with pytest.raises(Invalid) as refusal:
        desk.send("sell", **payload)

    assert refusal.value.details["field"] == field
    assert not Order.objects.exists()
    assert not Instruction.objects.exists()


def test_a_type_that_the_market_does_not_take_is_refused(desk):
    with pytest.raises(Invalid) as refusal:
        desk.send("sell", type="stop", trigger_price="90")

    assert refusal.value.details["limit"] == ["limit", "market"]


def test_on_spot_a_trigger_is_never_post_only(new_desk, every_type):
    """ccxt would send Binance a post-only order without the trigger."""
    desk = new_desk(SPOT)
    desk.bought("2")
    stop = {"type": "stop_limit", "trigger_price": "90", "price": "89"}

    with pytest.raises(Invalid) as refusal:
        desk.send("sell", post_only=True, **stop)

    assert refusal.value.details["field"] == "time_in_force"
    assert "PO" not in refusal.value.details["limit"]


def test_a_resting_stop_on_spot_promises_what_it_would_sell(new_desk, every_type):
    desk = new_desk(SPOT)
    desk.bought("2")
    desk.send("sell", "1.5", type="stop", trigger_price="90")

    with pytest.raises(Invalid):
        desk.send("sell", "1")

    assert held_on_spot(desk.account, "BTC") == Decimal("0.5")


def test_the_risk_desk_judges_by_the_trigger_where_there_is_no_price(desk, every_type, risk):
    desk.send("sell", type="stop", trigger_price="90")

    assert risk.asked[-1].price == 90


@pytest.mark.parametrize(("percent", "limit"), [("0.09", "0.1"), ("10.1", "10")])
def test_a_trailing_percent_keeps_the_markets_bounds(desk, every_type, percent, limit):
    bounds = {"min_trailing_percent": Decimal("0.1"), "max_trailing_percent": Decimal(10)}
    every_type.change_market(desk.symbol, **bounds)

    with pytest.raises(Invalid) as refusal:
        desk.send(type="trailing_stop", trailing_percent=percent)

    assert refusal.value.details["field"] == "trailing_percent"
    assert refusal.value.details["limit"] == Decimal(limit)


# --- which price a trigger waits for ---

BOTH = frozenset({TriggerBy.LAST, TriggerBy.MARK})
STOP = {"side": "sell", "type": "stop", "trigger_price": "90"}


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ({}, "last"),
        ({"trigger_by": "last"}, "last"),
        ({"trigger_by": "mark"}, "mark"),
        ({"params": {"workingType": "MARK_PRICE"}}, "mark"),
        ({"trigger_by": "mark", "params": {"workingType": "MARK_PRICE"}}, "mark"),
    ],
)
def test_the_price_that_a_trigger_waits_for_is_kept_and_shown(desk, every_type, asked, kept):
    every_type.change_market(LINEAR, trigger_by=BOTH)

    order = desk.send(**STOP, **asked)

    assert order.trigger_by == rows.order_row(order)["trigger_by"] == kept


def test_an_order_without_a_trigger_waits_for_no_price(desk):
    assert desk.send().trigger_by is None


@pytest.mark.parametrize(
    ("asked", "limit", "value"),
    [
        (STOP | {"trigger_by": "index"}, ["last", "mark"], "index"),
        ({"trigger_by": "last"}, None, "last"),
        ({"type": "limit", "price": "100", "trigger_by": "mark"}, None, "mark"),
        (STOP | {"trigger_by": "last", "params": {"workingType": "MARK_PRICE"}}, "mark", "last"),
    ],
)
def test_a_price_that_is_not_carried_is_refused(desk, every_type, asked, limit, value):
    every_type.change_market(LINEAR, trigger_by=BOTH)

    with pytest.raises(Invalid) as refused:
        desk.send(**asked)

    told = refused.value.details
    assert (told["field"], told["limit"], told["value"]) == ("trigger_by", limit, value)
    assert not Order.objects.exists()


def test_on_spot_and_where_nothing_is_known_only_the_last_price_is_carried(new_desk, every_type):
    desk = new_desk(SPOT)
    desk.bought("1")

    with pytest.raises(Invalid) as refused:
        desk.send(**STOP, trigger_by="mark")

    assert refused.value.details["limit"] == ["last"]


def test_the_stops_of_a_position_wait_for_the_last_price(desk, every_type):
    every_type.change_market(LINEAR, trigger_by=BOTH)
    every_type.prices[LINEAR] = Decimal(100)
    position = desk.bought("1")

    with pytest.raises(Invalid) as refused:
        desk.give("position_change", position_id=position.pk, stop_loss="90", trigger_by="mark")
    desk.give("position_change", position_id=position.pk, stop_loss="90", trigger_by="last")
    leg = Order.objects.open().legs().get()

    assert refused.value.details["limit"] == ["last"]
    assert leg.trigger_by == "last"
