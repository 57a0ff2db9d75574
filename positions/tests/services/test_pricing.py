"""By which price is a command judged?"""

from decimal import Decimal

import pytest

from oms_project.errors import ExchangeTimeout
from positions.engine.types import Side
from positions.services.pricing import Found, look_up_market
from positions.tests.fakes import LINEAR, MARKETS

D = Decimal


def found(last: str | None) -> Found:
    return Found(MARKETS[LINEAR], None if last is None else D(last))


@pytest.mark.parametrize(
    ("side", "limit", "opens_at"),
    [
        (Side.BUY, "90", "90"),
        (Side.BUY, "110", "100"),
        (Side.SELL, "110", "110"),
        (Side.SELL, "90", "100"),
        (Side.BUY, None, "100"),
    ],
)
def test_a_limit_beyond_the_market_opens_at_the_markets_price(side, limit, opens_at):
    price = None if limit is None else D(limit)

    assert found("100").entry_price(side, price, None) == D(opens_at)


def test_a_trigger_opens_where_it_is_reached():
    assert found("100").entry_price(Side.BUY, None, D(120)) == D(120)
    assert found("100").entry_price(Side.BUY, D(121), D(120)) == D(121)


def test_without_a_price_a_limit_is_judged_by_itself_and_a_market_order_is_refused():
    assert found(None).entry_price(Side.BUY, D(90), None) == D(90)
    with pytest.raises(ExchangeTimeout):
        found(None).entry_price(Side.BUY, None, None)


def test_only_what_a_rule_needs_is_asked_for(desk, venue):
    venue.prices[LINEAR] = D(100)

    unasked = look_up_market(desk.account, LINEAR)
    asked = look_up_market(desk.account, LINEAR, needs={LINEAR})

    assert (unasked.prices, asked.prices) == ({}, {LINEAR: D(100)})
    assert venue.asked_for == [frozenset({LINEAR})]


def test_what_could_not_be_had_is_the_refusal_of_who_needs_it(desk):
    looked_up = look_up_market(desk.account, LINEAR, needs={LINEAR})

    with pytest.raises(ExchangeTimeout):
        looked_up.price_to_judge()
