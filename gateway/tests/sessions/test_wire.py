"""What was stopped on the threshold has not left."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.sessions import wire
from gateway.sessions.outcomes import NotSent
from gateway.tests.venue import Answer, Venue, limit_order, session, venue

OPEN_ORDERS = "/api/v3/openOrders"
ORDER = "/api/v3/order"


def with_last_look(may_leave: bool, act: Callable[[Any, Venue], Awaitable[None]]) -> None:
    """Run ``act(session, venue)`` where what acts may leave, or may not."""

    async def look() -> bool:
        return may_leave

    async def attempt() -> None:
        async with venue() as here, session("ccxt.binance") as talk:
            here.answers[f"GET {OPEN_ORDERS}"] = Answer(body=[])
            here.answers[f"POST {ORDER}"] = Answer(body={"orderId": 7, "symbol": "BTCUSDT"})
            wire.last_look.set(look)
            await act(talk, here)

    asyncio.run(attempt())


def test_an_order_that_may_not_leave_is_proven_not_sent():
    async def send(talk: Any, here: Venue) -> None:
        with pytest.raises(NotSent) as caught:
            await talk.create_order(limit_order("BTC/USDT"))

        assert caught.value.details["exception"] == "Recalled"
        assert here.count("POST", ORDER) == 0

    with_last_look(False, send)


def test_an_order_that_may_leave_does():
    async def send(talk: Any, here: Venue) -> None:
        await talk.create_order(limit_order("BTC/USDT"))

        assert here.count("POST", ORDER) == 1

    with_last_look(True, send)


def test_questions_are_asked_all_the_same():
    async def ask(talk: Any, here: Venue) -> None:
        await talk.fetch_open_orders("BTC/USDT")

        assert here.count("GET", OPEN_ORDERS) == 1

    with_last_look(False, ask)
