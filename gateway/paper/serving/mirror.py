"""Following another exchange's public prices, over Binance's spot REST API."""

import logging
from decimal import Decimal, InvalidOperation

import aiohttp
import orjson

from gateway.paper.venue import Venue

log = logging.getLogger("paper")

TIMEOUT = aiohttp.ClientTimeout(total=2)


class Mirrored:
    """The last mid price seen on the other exchange; symbols it lacks stand still."""

    def __init__(self) -> None:
        self.mids: dict[str, Decimal] = {}

    def next_mid(self, symbol: str, step: int, mid: Decimal, anchor: Decimal) -> Decimal:
        return self.mids.get(symbol, mid)


async def follow(venue: Venue) -> None:
    """Look at the other exchange once. When it does not answer, prices stay as they are."""
    url = venue.options.mirror.rstrip("/") + "/api/v3/ticker/bookTicker"
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session, session.get(url) as answer:
            rows = orjson.loads(await answer.read())
        seen = {
            row["symbol"]: (Decimal(row["bidPrice"]) + Decimal(row["askPrice"])) / 2
            for row in rows
            if row["symbol"] in venue.prices and Decimal(row["bidPrice"]) > 0
        }
    except (aiohttp.ClientError, TimeoutError, ValueError, TypeError, KeyError, InvalidOperation):
        log.warning("the mirrored exchange did not answer; prices stand still")
        return
    venue.prices.source.mids |= seen
