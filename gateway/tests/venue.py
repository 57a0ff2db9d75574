"""A local HTTP server that misbehaves on demand, and real ccxt classes pointed at it."""

import asyncio
import gzip
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from django.test import override_settings

from accounts.credentials import ExchangeLogin
from gateway.exchanges.profile import Profile
from gateway.sessions import catalogue, instance
from gateway.sessions.call import Call
from gateway.sessions.loaded import Loaded
from gateway.sessions.session import Session

LOGIN = ExchangeLogin("k" * 20, "c2VjcmV0LW5ldmVyLXNob3du")
TIMEOUT_MS = 400
HTML = "<html><body>Something is wrong</body></html>"

_FILTERS = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "120", "stepSize": "0"},
    {"filterType": "NOTIONAL", "minNotional": "5", "maxNotional": "9000000"},
    {"filterType": "MIN_NOTIONAL", "notional": "5"},
]
_MARKET = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "baseAssetPrecision": 8,
    "quotePrecision": 8,
    "isSpotTradingAllowed": True,
    "permissions": ["SPOT"],
    "filters": _FILTERS,
}
SPOT_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
              "TAKE_PROFIT_LIMIT"]  # fmt: skip
LINEAR_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET",
                "TRAILING_STOP_MARKET"]  # fmt: skip
SPOT_INFO = {"symbols": [_MARKET | {"orderTypes": SPOT_TYPES}]}
LINEAR_INFO = {
    "symbols": [
        _MARKET
        | {
            "pair": "BTCUSDT",
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000,
            "marginAsset": "USDT",
            "pricePrecision": 2,
            "quantityPrecision": 5,
            "orderTypes": LINEAR_TYPES,
            "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        }
    ]
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server does with a request: ``how`` is reply, hang, reset, truncate or gzip."""

    status: int = 200
    body: Any = ""
    how: str = "reply"
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def code(status: int, number: int, text: str = "Some text.") -> Answer:
    """An error as Binance words it."""
    return Answer(status, {"code": number, "msg": text})


def html(status: int) -> Answer:
    """A page from something in front of the exchange."""
    return Answer(status, HTML, content_type="text/html")


@dataclass
class Venue:
    """The server. ``answers`` by ``METHOD /path``; a callable is given the request."""

    base: str
    answers: dict[str, Answer | Callable[[web.Request], Any]] = field(default_factory=dict)
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def count(self, method: str, path: str) -> int:
        """How often a request arrived."""
        return sum(1 for one in self.seen if one[:2] == (method, path))

    def sent(self, method: str, path: str) -> dict[str, str]:
        """The parameters of the last such request."""
        return [one[2] for one in self.seen if one[:2] == (method, path)][-1]


@asynccontextmanager
async def venue(**settings: Any):
    """A running server, with the exchanges of these tests re-based to it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        words = dict(request.query) | {k: str(v) for k, v in (await request.post()).items()}
        here.seen.append((request.method, request.path, words))
        answer = here.answers.get(f"{request.method} {request.path}", Answer(404, {}))
        if callable(answer):
            answer = answer(request)
        return await _perform(request, answer)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    here = Venue(base, {
        "GET /api/v3/exchangeInfo": Answer(body=SPOT_INFO),
        "GET /fapi/v1/exchangeInfo": Answer(body=LINEAR_INFO),
    })  # fmt: skip
    urls = dict.fromkeys(("binance", "binanceusdm", "kraken"), base)
    chosen = {"OMS_EXCHANGE_URLS": urls, "OMS_EXCHANGE_TIMEOUT_MS": TIMEOUT_MS} | settings
    try:
        with override_settings(**chosen):
            yield here
    finally:
        await runner.cleanup()


@asynccontextmanager
async def session(exchange_id: str, login: ExchangeLogin = LOGIN):
    """A session at the running venue; markets are read from it once per test run."""
    profile = Profile(1, exchange_id)
    if exchange_id not in _loaded:
        _loaded[exchange_id] = await catalogue.load(profile, None)
    one = Session(profile, instance.build(profile, login))
    one.take_over(_loaded[exchange_id])
    one.exchange.enableRateLimit = False  # Nobody here minds; kraken's would cost a second a call.
    try:
        yield one
    finally:
        await one.close()


_loaded: dict[str, Loaded] = {}


def limit_order(symbol: str, client_order_id: str = "aB3456789012345678") -> Call:
    """A small limit buy."""
    return Call(
        "create_order",
        (symbol, "limit", "buy", "0.001", "20000"),
        {"clientOrderId": client_order_id},
    )


async def _perform(request: web.Request, answer: Answer) -> web.StreamResponse:
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    match answer.how:
        case "hang":
            await asyncio.sleep(TIMEOUT_MS / 1000 * 3)
        case "reset":
            request.transport.abort()
        case "truncate":
            cut = web.StreamResponse(headers={"Content-Length": str(len(text) + 100)})
            cut.content_type = answer.content_type
            await cut.prepare(request)
            await cut.write(text.encode())
            request.transport.abort()
        case "gzip":
            broken = gzip.compress(text.encode())[:-9] + b"broken!!!"
            return web.Response(
                body=broken,
                content_type=answer.content_type,
                headers={"Content-Encoding": "gzip"},
            )
    return web.Response(
        status=answer.status,
        body=text.encode(),
        headers={"Content-Type": answer.content_type, **answer.headers},
    )
