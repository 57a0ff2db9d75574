"""Sessions that trade at a running paper venue."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from django.test import override_settings

from accounts.credentials import ExchangeLogin
from gateway.exchanges.profile import Profile
from gateway.sessions import catalogue, instance
from gateway.sessions.loaded import Loaded
from gateway.sessions.session import Session
from gateway.tests.paper import Paper

SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
MARKETS = {SPOT: ("spot", "BTC/USDT"), LINEAR: ("linear", "BTC/USDT:USDT")}
_numbers = count()


@asynccontextmanager
async def trading(paper: Paper, exchange_id: str) -> AsyncIterator[tuple[Session, str, str]]:
    """A session with a login of its own, its symbol and its key."""
    plain = exchange_id.replace("ccxtpro.", "ccxt.")
    wallet, symbol = MARKETS[plain]
    key = f"gateway-{next(_numbers):04}"
    money = {"USDT": "1000000", "BTC": "10"} if wallet == "spot" else {"USDT": "1000000"}
    paper.control("POST", "logins", api_key=key, secret="s", market=wallet, balances=money)
    urls = dict.fromkeys(("binance", "binanceusdm"), paper.url)
    with override_settings(
        OMS_EXCHANGE_URLS=urls, OMS_RECV_WINDOW_MS=2000, OMS_EXCHANGE_TIMEOUT_MS=1500
    ):
        profile = Profile(1, exchange_id)
        if exchange_id not in _loaded:
            _loaded[exchange_id] = await catalogue.load(profile, None)
        talk = Session(profile, instance.build(profile, ExchangeLogin(key, "s")))
        talk.take_over(_loaded[exchange_id])
        await talk.measure_clock()
        try:
            yield talk, symbol, key
        finally:
            await talk.close()


_loaded: dict[str, Loaded] = {}
