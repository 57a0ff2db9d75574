"""How does market data reach many sockets from one upstream?

One ``MarketFeed`` per market, channel and timeframe, for all clients of this process: ``watch*`` of
ccxt.pro where the account's engine streams and the exchange has it, polling else. Everything here
runs on the reading loop (``gateway.loop.reading``); listeners are told on it and pass on.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic
from typing import Any

from gateway import loop
from gateway.clients import functions, readers
from gateway.clients.arguments import Arguments
from gateway.clients.readers import Reader
from gateway.clients.shapes import render
from gateway.exchanges import capabilities
from gateway.exchanges.profile import Profile, profile_for
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.refusals import told
from gateway.words import Ask
from oms_project.errors import Invalid, OmsError

log = logging.getLogger(__name__)

# What is asked of the exchange; each client is sent as much of it as it wants.
UPSTREAM_ROWS = 100
ALL = 0  # found[-0:] is the whole list
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


class Channel(StrEnum):
    """What of a market can be listened to."""

    TICKER = "ticker"
    ORDERBOOK = "orderbook"
    TRADES = "trades"
    OHLCV = "ohlcv"


# ccxt's names for asking and for being told.
_FETCH = {
    Channel.TICKER: "fetchTicker",
    Channel.ORDERBOOK: "fetchOrderBook",
    Channel.TRADES: "fetchTrades",
    Channel.OHLCV: "fetchOHLCV",
}
_WATCH = {
    Channel.TICKER: ("watchTicker", "watch_ticker"),
    Channel.ORDERBOOK: ("watchOrderBook", "watch_order_book"),
    Channel.TRADES: ("watchTrades", "watch_trades"),
    Channel.OHLCV: ("watchOHLCV", "watch_ohlcv"),
}
_QUIET = "TimeoutError"  # Nothing happened in the market for a while.


@dataclass(frozen=True, slots=True)
class Topic:
    """What one upstream brings: the exchange's key, and whether its engine streams."""

    exchange_key: str
    streams: bool
    channel: Channel
    symbol: str
    timeframe: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A topic, and an account that reads it."""

    topic: Topic
    profile: Profile


@dataclass(eq=False, slots=True)
class Listener:
    """One client of a feed. ``tell`` gets JSON text, ``fail`` what went wrong, once per outage.

    ``most``: levels of a book, rows of a list; of trades, those in the first message. ``every_s``:
    how often it is asked for; what an exchange pushes is passed on at once.
    """

    tell: Callable[[str], None]
    fail: Callable[[OmsError], None]
    most: int
    every_s: float
    due_s: float = field(default=0.0)


class MarketFeed:
    """One upstream and its listeners."""

    def __init__(self, topic: Topic, profile: Profile) -> None:
        self.topic, self._profile = topic, profile
        self.listeners: set[Listener] = set()
        self._seen: frozenset[str] = frozenset()
        self._is_pushed = False
        self._task = asyncio.create_task(self._run())

    def end(self) -> None:
        """Ask no more."""
        self._task.cancel()

    async def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async for found in self._upstream():
                    pause_s = FIRST_PAUSE_S
                    self._hand_out(found)
            except CallFailed as failure:
                error: OmsError = told(failure, acting=False)
            except OmsError as failure:
                error = failure
            except Exception:
                log.exception("market_feed.failed", extra={"topic": str(self.topic)})
                error = OmsError()
            if pause_s == FIRST_PAUSE_S:
                for listener in tuple(self.listeners):
                    listener.fail(error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _upstream(self) -> Any:
        if self.topic.streams:
            reader = await readers.for_streams(self._profile)
            self._is_pushed = reader.session.has(_WATCH[self.topic.channel][0])
            if self._is_pushed:
                while True:
                    if (found := await self._watched(reader)) is not None:
                        yield found
        while True:
            reader = await readers.for_market_data(self._profile)
            yield await self._fetched(reader)
            await asyncio.sleep(min((each.every_s for each in self.listeners), default=1.0))

    async def _watched(self, reader: Reader) -> Any:
        reader.used_at_s = monotonic()
        method = _WATCH[self.topic.channel][1]
        try:
            return await reader.session.call(Ask.READ, method, self._values(), {})
        except CallFailed as failure:
            if failure.exception != _QUIET:
                raise
            return None

    async def _fetched(self, reader: Reader) -> Any:
        function = functions.find(_FETCH[self.topic.channel])
        values = self._values()
        if "limit" in function.arguments:
            values["limit"] = UPSTREAM_ROWS
        return await readers.within_time(reader.call(function, Arguments(values, {})))

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {"symbol": self.topic.symbol}
        if self.topic.timeframe is not None:
            values["timeframe"] = self.topic.timeframe
        return values

    def _hand_out(self, found: Any) -> None:
        if self.topic.channel is Channel.TRADES:
            found = self._new_trades(found)
            if not found:
                return
        texts: dict[int, str] = {}
        now_s = monotonic()
        for listener in tuple(self.listeners):
            if not self._is_due(listener, now_s):
                continue
            most = self._most(listener)
            if most not in texts:
                texts[most] = render(_cut(self.topic.channel, found, most))
            listener.due_s = now_s + listener.every_s * 0.9  # The clock of a poll is not exact.
            listener.tell(texts[most])

    def _is_due(self, listener: Listener, now_s: float) -> bool:
        """Whether the next answer would be too late; a trade, and what is pushed, comes once."""
        comes_once = self._is_pushed or self.topic.channel is Channel.TRADES
        return comes_once or now_s >= listener.due_s

    def _most(self, listener: Listener) -> int:
        is_first = listener.due_s == 0.0
        return listener.most if is_first or self.topic.channel is not Channel.TRADES else ALL

    def _new_trades(self, trades: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Those that the answer before did not have."""
        named = {str(trade.get("id") or trade.get("timestamp")): trade for trade in trades}
        new = [trade for name, trade in named.items() if name not in self._seen]
        self._seen = frozenset(named)
        return new


_feeds: dict[Topic, MarketFeed] = {}


async def locate(account_id: int, symbol: str, channel: Channel, timeframe: str | None) -> Place:
    """Where the account's exchange has this.

    Raises:
        Invalid: the exchange has no such symbol or timeframe.
        FunctionNotAllowed: it does not offer this channel.
        EngineUnavailable: it cannot be used.
    """
    profile = await loop.db(profile_for, account_id)
    reader = await readers.within_time(readers.for_market_data(profile))
    if symbol not in reader.loaded.attributes["markets"]:
        raise Invalid(
            "The exchange has no such symbol.",
            field="symbol",
            limit="a symbol of the exchange",
            value=symbol,
        )
    exchange = reader.session.exchange
    functions.find(_FETCH[channel]).require(exchange.has, profile.exchange_id)
    if timeframe is not None and timeframe not in (exchange.timeframes or {}):
        known = sorted(exchange.timeframes or {})
        raise Invalid(
            "The exchange has no such timeframe.", field="timeframe", limit=known, value=timeframe
        )
    streams = capabilities.is_streaming(profile.exchange_id)
    return Place(Topic(profile.key, streams, channel, symbol, timeframe), profile)


async def join(place: Place, listener: Listener) -> None:
    """Listen from now on."""
    feed = _feeds.get(place.topic)
    if feed is None:
        feed = _feeds[place.topic] = MarketFeed(place.topic, place.profile)
    feed.listeners.add(listener)


def leave(place: Place, listener: Listener) -> None:
    """Listen no more; may be called on any thread."""
    loop.reading.run(_leave(place.topic, listener))


async def _leave(topic: Topic, listener: Listener) -> None:
    feed = _feeds.get(topic)
    if feed is None:
        return
    feed.listeners.discard(listener)
    if not feed.listeners:
        _feeds.pop(topic).end()


def _cut(channel: Channel, found: Any, most: int) -> Any:
    match channel:
        case Channel.TICKER:
            return found
        case Channel.ORDERBOOK:
            return dict(found) | {side: list(found[side])[:most] for side in ("bids", "asks")}
        case _:
            return list(found)[-most:]
