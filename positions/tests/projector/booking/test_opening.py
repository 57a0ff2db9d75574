"""What an account began with is recorded once, and only of a moment at which nothing moved."""

from decimal import Decimal

import pytest

from positions.models import AccountLane, OpeningBalance
from positions.projector.booking.opening import has_opening, record_opening
from positions.tests.fakes import SPOT

OWNED = {"BTC": Decimal("2.5"), "USDT": Decimal(1000)}


def record(desk):
    lane = AccountLane.objects.get(pk=desk.account.pk)
    return record_opening(desk.account.pk, OWNED, booked_before=lane.last_booking_no)


def amounts():
    return dict(OpeningBalance.objects.values_list("currency", "amount"))


@pytest.fixture
def spot(new_desk):
    return new_desk(SPOT)


def test_an_account_that_never_traded_began_with_what_it_owns(spot):
    assert record(spot)

    assert has_opening(spot.account.pk)
    assert amounts() == OWNED
    assert not OpeningBalance.objects.filter(is_derived=True).exists()


def test_what_was_traded_before_is_taken_off(spot):
    spot.bought("1", "100")

    assert record(spot)

    assert amounts() == {"BTC": Decimal("1.5"), "USDT": Decimal(1100)}
    assert OpeningBalance.objects.filter(is_derived=True).count() == 2


def test_it_is_recorded_once(spot):
    record(spot)

    assert not record(spot)
    assert OpeningBalance.objects.count() == 2


def test_nothing_is_recorded_where_something_was_booked_since(spot):
    spot.bought("1", "100")

    assert not record_opening(spot.account.pk, OWNED, booked_before=0)
    assert not has_opening(spot.account.pk)


def test_nothing_is_recorded_while_an_order_is_on_its_way(spot):
    spot.send()
    spot.claim()

    assert not record(spot)
    assert not has_opening(spot.account.pk)
