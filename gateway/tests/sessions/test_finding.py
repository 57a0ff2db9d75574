"""Is a lost order found where the exchange shows it under an id that is not written as ours?"""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.exchanges.profile import Profile
from gateway.pacing import Pace
from gateway.sessions import instance
from gateway.sessions.finding import Wanted, find
from gateway.sessions.session import Session
from gateway.tests.venue import LOGIN, Answer, venue

OURS = "aB3456789012345678"
SYMBOL = "BTC/USDT"
MARKET = {"id": "BTC_USDT", "symbol": SYMBOL, "base": "BTC", "quote": "USDT", "baseId": "BTC",
          "quoteId": "USDT", "spot": True, "type": "spot", "contract": False, "active": True,
          "precision": {"amount": "0.0001", "price": "0.01"}, "limits": {}}  # fmt: skip
ROW = {"id": "812", "text": f"t-{OURS}", "currency_pair": "BTC_USDT", "status": "open",
       "type": "limit", "side": "buy", "amount": "1", "price": "100", "left": "1",
       "create_time_ms": 1767312000123}  # fmt: skip
GONE = Answer(404, {"label": "ORDER_NOT_FOUND", "message": "Order not found"})


def wanted(**known: str) -> Wanted:
    return Wanted(SYMBOL, datetime.now(UTC) - timedelta(minutes=10), **known)


def looked_for(what: Wanted, rows: list[dict]) -> str | None:
    """What gate's own class finds: a look-up that says no, and these rows in its list."""

    async def look() -> str | None:
        async with venue(OMS_EXCHANGE_URLS={"gate": ""}) as here:
            here.answers["GET /api/v4/spot/open_orders"] = Answer(
                body=[{"currency_pair": "BTC_USDT", "total": len(rows), "orders": rows}]
            )
            here.answers["GET /api/v4/spot/orders"] = Answer(body=[])
            for one in (f"t-{OURS}", "812"):
                here.answers[f"GET /api/v4/spot/orders/{one}"] = GONE
            profile = Profile(1, "ccxt.gate")
            session = Session(profile, instance.build(profile, LOGIN))
            session.exchange.wire_base, session.exchange.pace = here.base, Pace(requests=())
            session.exchange.options["unifiedAccount"] = False
            session.exchange.set_markets([MARKET])
            try:
                order = await find(session, what)
            finally:
                await session.close()
            return order and order["id"]

    return asyncio.run(look())


@pytest.mark.parametrize(
    ("known", "row"),
    [
        ({"ours": OURS}, ROW),
        ({"ours": OURS, "theirs": "812"}, ROW),
        ({"ours": OURS, "theirs": "812"}, ROW | {"id": 812, "text": "web"}),
    ],
    ids=["by ours, with a prefix", "by theirs", "by theirs, a number"],
)
def test_it_is_found_in_the_lists_though_the_look_up_says_no(known, row):
    assert looked_for(wanted(**known), [row]) == "812"


def test_another_order_is_not_taken_for_it():
    assert looked_for(wanted(ours=OURS), [ROW | {"text": "t-other"}]) is None
