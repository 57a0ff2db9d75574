"""A class of ccxt with fake keys and invented markets, whose requests nobody receives.

Time, random numbers and ids stand still, so that two requests differ only by what was asked for.
"""

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any

from gateway.exchanges.capabilities import facts
from gateway.exchanges.probe.answers import NOW_MS, Answer, readers
from gateway.exchanges.probe.requests import Request, Sent
from positions.engine.types import MarketKind

MOST_REQUESTS = 8  # A class that asks for more walks pages that never end.
PATIENCE_S = 5.0
# Of the form that signing wants, and of no use anywhere.
LOGIN: Mapping[str, str] = {
    "apiKey": "0123456789abcdef0123456789abcdef",
    "secret": "c2VjcmV0LW5ldmVyLXNob3duLXRvLW5vYm9keS0hISE=",
    "password": "phrase",
    "uid": "12345",
    "login": "name",
    "accountId": "12345",
    "token": "token",
    "twofa": "JBSWY3DPEHPK3PXP",
    "walletAddress": "0x" + "1a" * 20,
    "privateKey": "0x" + "2b" * 32,
}
# Where a class takes the form apart before anything leaves.
_LOGIN_OF: Mapping[str, Mapping[str, str]] = {
    "pacifica": {"privateKey": "5" * 87},
    "dydx": {"walletAddress": "dydx1" + "q" * 38},
}
SYMBOLS: Mapping[MarketKind, str] = {
    MarketKind.SPOT: "BTC/USDT",
    MarketKind.LINEAR: "BTC/USDT:USDT",
    MarketKind.INVERSE: "BTC/USD:BTC",
}
# Exchanges name markets by words or by numbers; the first that a class takes is as good as any.
MARKET_IDS = ("BTCUSDT", "1", "BTC_USDT", "BTC-USDT")


class Enough(Exception):
    """The class has asked for more than an order can need."""


class _Ones(dict):  # type: ignore[type-arg]
    """What a market's own description says of things that we do not invent."""

    def __missing__(self, key: Any) -> Any:
        return _Everything() if str(key).endswith("Types") else "1"


class _Everything(list):  # type: ignore[type-arg]
    """A list of the words that a market takes, whatever word is looked for."""

    def __contains__(self, word: object) -> bool:
        return True


class Offline:
    """Mixed into a ccxt class: notes requests instead of sending them."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.noted: list[Request] = []
        self.looked_for: set[str] = set()
        self.looked_before: frozenset[str] = frozenset()
        self.answer: Any = Answer()
        super().__init__(config)  # type: ignore[call-arg]

    async def fetch2(  # ccxt's own signature.
        self,
        path: str,
        api: Any = "public",
        method: str = "GET",
        params: Any = None,
        headers: Any = None,
        body: Any = None,
        config: Any = None,
    ) -> Any:
        """Note the request; the answer has whatever is looked for."""
        return self._note(Request(method, f"{_joined(api)}/{path}", params or {}, body))

    async def fetch(
        self, url: str, method: str = "GET", headers: Any = None, body: Any = None
    ) -> Any:
        """Likewise for what a class sends past its own list of addresses."""
        return self._note(Request(method, url, {}, body))

    def _note(self, request: Request) -> Any:
        self.noted.append(request)
        self.looked_before = frozenset(self.looked_for)
        if len(self.noted) > MOST_REQUESTS:
            raise Enough
        return self.answer

    async def load_markets(self, reload: bool = False, params: Any = None) -> Any:
        """The invented ones."""
        return self.markets  # type: ignore[attr-defined]

    def handle_errors(self, *answer: Any) -> None:
        """Nobody has judged anything."""


_STILL: Mapping[str, Any] = {
    "milliseconds": NOW_MS,
    "microseconds": NOW_MS * 1000,
    "seconds": NOW_MS // 1000,
    "uuid": "0f1e2d3c-4b5a-4978-8a6b-5c4d3e2f1a0b",
    "uuid16": "0f1e2d3c4b5a4978",
    "uuid22": "0f1e2d3c4b5a49788a6b5c",
    "uuid5": "0f1e2d3c-4b5a-5978-8a6b-5c4d3e2f1a0b",
    "random_bytes": "0f1e2d3c4b5a4978",
    "rand_number": 123456789,
}


def _joined(api: Any) -> str:
    return api if isinstance(api, str) else ".".join(map(str, api))


def _standing(value: Any) -> Any:
    return lambda self, *args: value


@cache
def offline(name: str) -> type:
    """The class ``name`` of ccxt, offline."""
    import ccxt.async_support as ccxt  # A second and 80 MB, only where it is asked for.

    members = readers(ccxt.Exchange) | {key: _standing(value) for key, value in _STILL.items()}
    return type(name, (Offline, getattr(ccxt, name)), members)


def kinds(exchange: Any) -> list[MarketKind]:
    """The kinds of markets that the class says it trades."""
    swap = (exchange.features or {}).get("swap") or {}
    found = {
        MarketKind.SPOT: exchange.has.get("spot"),
        MarketKind.LINEAR: (exchange.has.get("swap") or exchange.has.get("future"))
        and (not swap or swap.get("linear")),
        MarketKind.INVERSE: exchange.has.get("swap") and swap.get("inverse"),
    }
    return [kind for kind, trades in found.items() if trades]


def build(name: str, kind: MarketKind | None = None, market_id: str = MARKET_IDS[0]) -> Any:
    """An instance with one market of ``kind``, as our sessions make theirs."""
    cls = offline(name)
    needed = credentials(cls({}))
    login = {key: _LOGIN_OF.get(name, {}).get(key, LOGIN[key]) for key in needed}
    exchange = cls({**login, "options": dict(facts(name).options)})
    exchange.number = float if facts(name).float_numbers else str
    if kind is not None:
        exchange.options["defaultType"] = "spot" if kind is MarketKind.SPOT else "swap"
        exchange.set_markets([_market(exchange, kind, market_id)], _currencies())
    return exchange


def credentials(exchange: Any) -> list[str]:
    """The parts of a login that the class says it needs."""
    return sorted(name for name, needs in exchange.requiredCredentials.items() if needs)


async def ask(exchange: Any, method: str, *args: Any, answer: Any = None, **named: Any) -> Sent:
    """Call ``method`` and give what would have left, and what the class made of ``answer``."""
    exchange.noted, exchange.looked_for, exchange.looked_before = [], set(), frozenset()
    exchange.answer = Answer() if answer is None else answer
    fault, made = "", None
    try:
        async with asyncio.timeout(PATIENCE_S):
            made = await getattr(exchange, method)(*args, **named)
    except Exception as error:  # noqa: BLE001 (the class's own; its name is what is written down)
        fault = type(error).__name__
    return Sent(tuple(exchange.noted), exchange.looked_before, fault, made)


def _market(exchange: Any, kind: MarketKind, market_id: str) -> dict[str, Any]:
    is_spot, inverse = kind is MarketKind.SPOT, kind is MarketKind.INVERSE
    quote = "USD" if inverse else "USDT"
    settle = None if is_spot else ("BTC" if inverse else "USDT")
    return exchange.safe_market_structure(
        {
            "id": market_id,
            "lowercaseId": market_id.lower(),
            "uppercaseId": market_id.upper(),
            "priceScale": 4,
            "ratioScale": 8,
            "valueScale": 8,
            "numericId": 1,
            "symbol": SYMBOLS[kind],
            "base": "BTC",
            "quote": quote,
            "settle": settle,
            "baseId": "1" if market_id == "1" else "BTC",
            "quoteId": "2" if market_id == "1" else quote,
            "settleId": settle,
            "type": "spot" if is_spot else "swap",
            "subType": None if is_spot else str(kind),
            "spot": is_spot,
            "margin": False,
            "swap": not is_spot,
            "future": False,
            "option": False,
            "active": True,
            "contract": not is_spot,
            "linear": None if is_spot else not inverse,
            "inverse": None if is_spot else inverse,
            "contractSize": None if is_spot else exchange.parse_number("1"),
            "taker": exchange.parse_number("0.001"),
            "maker": exchange.parse_number("0.001"),
            "precision": {
                "amount": exchange.parse_number("0.001") if exchange.precisionMode == 4 else 3,
                "price": exchange.parse_number("0.1")
                if exchange.precisionMode == 4
                else (8 if exchange.precisionMode == 3 else 1),
            },
            "limits": {"amount": {}, "price": {}, "cost": {}, "leverage": {}},
            "info": _Ones(),
        }
    )


def _currencies() -> dict[str, Any]:
    return {
        code: {"id": code, "numericId": number, "code": code, "precision": 0.00000001, "info": {}}
        for number, code in enumerate(("BTC", "USDT", "USD"), 1)
    }
