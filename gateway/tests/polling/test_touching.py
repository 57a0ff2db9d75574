"""Has the market reached an order?"""

import asyncio
from decimal import Decimal
from math import inf

import pytest

from gateway.polling.poller import Place, Poller
from gateway.polling.touching import is_touched
from positions.models import ExchangeOrder, Order


def leg(kind: str, side: str, price: str | None = None, trigger: str | None = None):
    prices = {"price": price and Decimal(price), "trigger_price": trigger and Decimal(trigger)}
    order = Order(order_type=kind, side=side, **prices)
    return ExchangeOrder(order=order, price=prices["price"])


@pytest.mark.parametrize(
    ("kind", "side", "prices", "at", "reached"),
    [
        ("limit", "buy", {"price": "100"}, "100", True),
        ("limit", "buy", {"price": "100"}, "99.99", True),
        ("limit", "buy", {"price": "100"}, "100.01", False),
        ("limit", "sell", {"price": "100"}, "100.01", True),
        ("limit", "sell", {"price": "100"}, "99.99", False),
        ("stop", "sell", {"trigger": "90"}, "90", True),
        ("stop", "sell", {"trigger": "90"}, "91", False),
        ("stop", "buy", {"trigger": "110"}, "111", True),
        ("stop_limit", "buy", {"trigger": "110", "price": "112"}, "109", False),
        ("take_profit", "sell", {"trigger": "110"}, "110", True),
        ("take_profit", "buy", {"trigger": "90"}, "91", False),
        ("take_profit_limit", "buy", {"trigger": "90", "price": "89"}, "89.5", True),
        ("trailing_stop", "sell", {}, "1", False),
    ],
)
def test_a_price_at_or_beyond_an_orders_level_reaches_it(kind, side, prices, at, reached):
    assert is_touched(leg(kind, side, **prices), Decimal(at)) is reached


async def test_what_is_reached_during_a_question_is_asked_about_after_it(monkeypatch):
    place, began = ("BTC/USDT", False), []

    async def compare(about: Place, is_touched: bool) -> None:
        began.append((about, is_touched))

    poller = Poller(1)
    monkeypatch.setattr(poller, "_compare", compare)
    poller._places, poller._due_s = {place: [leg("limit", "buy", price="100")]}, {place: inf}
    slow = poller._asking[place, True] = asyncio.create_task(asyncio.sleep(60))
    poller._hear("BTC/USDT", Decimal(100))
    poller._ask_what_is_due()
    await asyncio.sleep(0)
    meanwhile = list(began)

    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    poller._touched_until_s[place] = 0.0  # The answer took longer than a price counts.
    for _ in range(2):
        poller._ask_what_is_due()
        await asyncio.sleep(0)

    assert meanwhile == []
    assert began == [(place, True)]
