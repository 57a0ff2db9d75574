"""Is the cheapest call used, and is nobody's trouble another's?"""

from decimal import Decimal

import pytest

from gateway.pricing.asking import Asking
from gateway.sessions.outcomes import CallFailed
from gateway.tests.venue import SPOT_INFO, Answer, session, venue

SYMBOLS = ["BTC/USDT", "ETH/USDT", "BNB/USDT", "SOL/USDT"]
ONE, LIST = ("GET", "/api/v3/ticker/24hr"), ("GET", "/api/v3/ticker/price")
_ROW = SPOT_INFO["symbols"][0]
INFO = {
    "symbols": [
        _ROW | {"symbol": symbol.replace("/", ""), "baseAsset": symbol.partition("/")[0]}
        for symbol in SYMBOLS
    ]
}


async def asked(here, *symbols: str) -> dict[str, Decimal | CallFailed]:
    found = {}
    async with session("ccxt.binance") as talk:
        markets = await talk.exchange.fetch_markets()
        talk.exchange.set_markets(markets)
        talk.exchange.enableRateLimit = True
        await Asking(talk).ask(
            symbols, lambda symbol, told: found.update({symbol: told}), within_s=1
        )
    return found


def ticker(request) -> Answer:
    prices = {"BTCUSDT": "60000", "ETHUSDT": "3000", "BNBUSDT": "600", "SOLUSDT": "150"}
    name = request.query.get("symbol", "")
    if name not in prices:
        return Answer(400, {"code": -1121, "msg": "Invalid symbol."})
    return Answer(body={"symbol": name, "lastPrice": prices[name], "closeTime": 1})


@pytest.fixture
async def here():
    async with venue() as running:
        running.answers["GET /api/v3/exchangeInfo"] = Answer(body=INFO)
        running.answers["GET /api/v3/ticker/24hr"] = ticker
        yield running


async def test_one_market_is_asked_for_alone(here):
    assert await asked(here, "BTC/USDT") == {"BTC/USDT": Decimal(60000)}
    assert (here.count(*ONE), here.count(*LIST)) == (1, 0)


async def test_many_are_asked_for_in_the_list_that_costs_least(here):
    here.answers["GET /api/v3/ticker/price"] = Answer(
        body=[{"symbol": s.replace("/", ""), "price": "7"} for s in SYMBOLS]
    )

    found = await asked(here, *SYMBOLS)

    assert found == dict.fromkeys(SYMBOLS, Decimal(7))
    assert (here.count(*ONE), here.count(*LIST)) == (0, 1)


async def test_what_a_list_leaves_out_is_asked_for_alone_and_fails_alone(here):
    here.answers["GET /api/v3/ticker/price"] = Answer(
        body=[{"symbol": "ETHUSDT", "price": "7"}, {"symbol": "BNBUSDT", "price": "x"}]
    )
    here.answers["GET /api/v3/ticker/24hr"] = lambda request: (
        Answer(how="hang") if request.query["symbol"] == "SOLUSDT" else ticker(request)
    )

    found = await asked(here, *SYMBOLS)

    assert found["ETH/USDT"] == 7
    assert (found["BTC/USDT"], found["BNB/USDT"]) == (60000, 600)
    assert isinstance(found["SOL/USDT"], CallFailed)


async def test_a_list_that_fails_costs_nobody_a_price(here):
    here.answers["GET /api/v3/ticker/price"] = Answer(400, {"code": -1100, "msg": "No."})

    found = await asked(here, *SYMBOLS)

    assert [found[symbol] for symbol in SYMBOLS] == [60000, 3000, 600, 150]


async def test_a_list_that_hangs_is_not_waited_for(here):
    here.answers["GET /api/v3/ticker/price"] = Answer(how="hang")
    waited_for_list = {}

    async with session("ccxt.binance") as talk:
        talk.exchange.set_markets(await talk.exchange.fetch_markets())
        talk.exchange.enableRateLimit = True
        asking = Asking(talk)
        asking._took_s["spot fetchLastPrices"] = 0.02  # It was quick until now.

        def told(symbol: str, _: Decimal | CallFailed) -> None:
            waited_for_list[symbol] = bool(asking._shunned_until_s)

        await asking.ask(SYMBOLS, told, within_s=5)

    assert waited_for_list == dict.fromkeys(SYMBOLS, False)
    assert here.count(*LIST) == 1
