"""At which price a stop fires, and where it may be set."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from positions.engine.errors import ValidationError
from positions.engine.stops import TrailingDistance, Watch, check_stops, check_trailing
from positions.engine.types import GroupRole, Side

D = Decimal
BUY, SELL = Side
LOSS, GAIN = GroupRole.STOP_LOSS, GroupRole.TAKE_PROFIT


@pytest.mark.parametrize(
    ("role", "side", "price", "fires"),
    [
        (LOSS, BUY, "90.01", False),
        (LOSS, BUY, "90", True),
        (LOSS, BUY, "50", True),
        (GAIN, BUY, "89.99", False),
        (GAIN, BUY, "90", True),
        (LOSS, SELL, "89.99", False),
        (LOSS, SELL, "90", True),
        (GAIN, SELL, "90.01", False),
        (GAIN, SELL, "90", True),
    ],
)
def test_a_stop_fires_when_the_price_is_there_or_past_it(role, side, price, fires):
    assert Watch(role, side, D(90)).is_reached(D(price)) is fires


def test_a_trailing_stop_follows_the_best_price_and_never_goes_back():
    watch = Watch(LOSS, BUY, trailing=TrailingDistance(amount=D(5)))

    levels = []
    for price in (100, 110, 106, 120):
        watch = watch.after(D(price))
        levels.append(watch.level())

    assert levels == [95, 105, 105, 115]
    assert watch.is_reached(D(115))


def test_a_short_trails_from_above_by_percent():
    watch = Watch(LOSS, SELL, trailing=TrailingDistance(percent=D(10)))

    watch = watch.after(D(100)).after(D(80)).after(D(85))

    assert watch.level() == 88
    assert watch.is_reached(D(88))
    assert not watch.is_reached(D("87.9"))


def test_beside_a_fixed_stop_the_tighter_one_counts():
    watch = Watch(LOSS, BUY, D(97), TrailingDistance(amount=D(5)))

    assert watch.after(D(100)).level() == 97
    assert watch.after(D(110)).level() == 105


def test_before_the_first_price_a_trailing_stop_has_no_level():
    watch = Watch(LOSS, BUY, trailing=TrailingDistance(amount=D(5)))

    assert watch.level() is None
    assert not watch.is_reached(D(1))


prices = st.lists(st.decimals("1", "1000", places=2), min_size=1, max_size=20)


@given(prices, st.sampled_from(Side), st.decimals("0.1", "50", places=1))
def test_a_trailing_level_only_ever_tightens(seen, side, percent):
    watch = Watch(LOSS, side, trailing=TrailingDistance(percent=percent))
    levels = []
    for price in seen:
        watch = watch.after(price)
        levels.append(watch.level())

    assert levels == sorted(levels, reverse=side is SELL)


@pytest.mark.parametrize(
    ("side", "loss", "gain", "mark", "field"),
    [
        (BUY, "101", None, "100", "stop_loss"),
        (BUY, "100", None, "100", "stop_loss"),
        (BUY, None, "99", "100", "stop_gain"),
        (SELL, "99", None, "100", "stop_loss"),
        (SELL, None, "101", "100", "stop_gain"),
        (BUY, "90", "80", None, "stop_loss"),
        (SELL, "90", "95", None, "stop_loss"),
    ],
)
def test_a_stop_that_would_fire_at_once_is_refused(side, loss, gain, mark, field):
    given_stops = [None if text is None else D(text) for text in (loss, gain, mark)]

    with pytest.raises(ValidationError) as refused:
        check_stops(side, stop_loss=given_stops[0], stop_gain=given_stops[1], mark=given_stops[2])

    assert refused.value.facts["field"] == field


def test_stops_on_their_own_sides_pass():
    check_stops(BUY, stop_loss=D(90), stop_gain=D(110), mark=D(100))
    check_stops(SELL, stop_loss=D(110), stop_gain=D(90), mark=D(100))
    check_stops(BUY, stop_loss=D(190), stop_gain=None, mark=None)


@pytest.mark.parametrize(
    "distance",
    [
        TrailingDistance(),
        TrailingDistance(amount=D(1), percent=D(1)),
        TrailingDistance(percent=D(100)),
        TrailingDistance(amount=D(0)),
    ],
)
def test_a_trailing_distance_is_one_and_within_bounds(distance):
    with pytest.raises(ValidationError):
        check_trailing(distance)
