"""What did the public tickers tell, and when? That decides how soon a fill could be seen."""

import asyncio
import json
import threading
import time
from collections import defaultdict
from contextlib import suppress
from decimal import Decimal

import aiohttp

from tests.budget.crowd import SYMBOLS

_PATHS = {"ccxt.binance": "/stream", "ccxt.binanceusdm": "/market/stream"}
_AGAIN_S = 0.5


class Tape:
    """Listens to the venue's tickers on a thread of its own: Binance tells them once a second."""

    def __init__(self, venue_port: int) -> None:
        self._base = f"http://127.0.0.1:{venue_port}"
        self._told: dict[str, list[tuple[float, Decimal]]] = defaultdict(list)

    def start(self) -> "Tape":
        """Listen until the process ends."""
        threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True).start()
        return self

    def first_at_or_below(self, symbol: str, price: Decimal, since_s: float) -> float | None:
        """When a ticker told ``price`` or less for the first time since then."""
        told = (at_s for at_s, last in self._told[symbol] if at_s >= since_s and last <= price)
        return next(told, None)

    async def _listen(self) -> None:
        async with aiohttp.ClientSession() as http:
            await asyncio.gather(*(self._follow(http, kind) for kind in SYMBOLS))

    async def _follow(self, http: aiohttp.ClientSession, kind: str) -> None:
        named = {one.partition(":")[0].replace("/", ""): one for one in SYMBOLS[kind]}
        streams = "/".join(f"{name.lower()}@ticker" for name in named)
        while True:
            with suppress(aiohttp.ClientError):
                url = f"{self._base}{_PATHS[kind]}?streams={streams}"
                async with http.ws_connect(url) as socket:
                    async for message in socket:
                        row = json.loads(message.data)["data"]
                        self._told[named[row["s"]]].append((time.time(), Decimal(row["c"])))
            await asyncio.sleep(_AGAIN_S)
