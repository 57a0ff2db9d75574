"""What may a client ask of exchanges over ``/ws``?

``ACTIONS`` joins the table of ``positions.sockets.actions`` in ``oms_project.serving.sockets``.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from accounts.rights.permissions import require_read
from gateway import loop
from gateway.api import calls, requests
from gateway.clients.market_feeds import (
    UPSTREAM_ROWS,
    Channel,
    Listener,
    Topic,
    join,
    leave,
    locate,
)
from oms_project.errors import Invalid, NotFound, OmsError, RateLimited
from positions.forms import fields
from positions.forms.fields import Form, read_fields, wrong
from positions.sockets.connection import Socket
from positions.sockets.messages import Json, Request, news_text
from positions.sockets.words import Namespace

T = TypeVar("T")

MOST_MARKETS = 200
DEFAULT_POLL_MS = 1000
LEAST_POLL_MS, MOST_POLL_MS = 250, 60_000
DEFAULT_TIMEFRAME = "1m"


async def call(socket: Socket, request: Request) -> None:
    """One function of ccxt, as ``POST /ccxt/{account_id}/{func}``; the answer is its body."""
    caller = socket.require_caller()
    found = await calls.answer(caller, requests.read_call(request.payload), str(request.id or ""))
    socket.answer(request, "call_result", Json(f'{{"ok":true,"result":{found.result}}}'))


async def subscribe_market(socket: Socket, request: Request) -> None:
    """Send what happens in a market, channel by channel, until it is unsubscribed.

    Raises:
        AccountNotFound: the account is not the caller's.
        Invalid, FunctionNotAllowed: the exchange has no such market or does not offer the channel.
        RateLimited: too many markets on this socket.
    """
    caller = socket.require_caller()
    wish = read_fields(_SUBSCRIBE, request.payload, within="payload")
    account_id, symbol, channels = wish["account_id"], wish["symbol"], wish["channels"]
    require_read(caller, account_id)
    if socket.kept_count + len(channels) > MOST_MARKETS:
        raise RateLimited("Too many markets on one socket.", limit=MOST_MARKETS)
    places = [
        await _on_reading_loop(locate(account_id, symbol, channel, _timeframe(wish, channel)))
        for channel in channels
    ]
    told = {"account_id": account_id, "symbol": symbol, "channels": list(channels)}
    socket.answer(request, "market_subscribed", told)
    every_s = wish.get("poll_interval_ms", DEFAULT_POLL_MS) / 1000
    for place in places:
        depth = "depth" if place.topic.channel is Channel.ORDERBOOK else "limit"
        most = wish.get(depth, UPSTREAM_ROWS)
        listener = _Teller(socket, account_id, place.topic).listener(most=most, every_s=every_s)
        name = _name(account_id, symbol, place.topic.channel)
        socket.keep(name, account_id, partial(leave, place, listener))
        await _on_reading_loop(join(place, listener))


async def unsubscribe_market(socket: Socket, request: Request) -> None:
    """Send nothing more of these channels of a market, of all where none is named.

    Raises:
        NotFound: none of them was subscribed.
    """
    socket.require_caller()
    wish = read_fields(_UNSUBSCRIBE, request.payload, within="payload")
    account_id, symbol = wish["account_id"], wish["symbol"]
    gone = [
        str(channel)
        for channel in wish.get("channels", tuple(Channel))
        if socket.release(_name(account_id, symbol, channel))
    ]
    if not gone:
        raise NotFound("This market was not subscribed.", symbol=symbol)
    told = {"account_id": account_id, "symbol": symbol, "channels": gone}
    socket.answer(request, "market_unsubscribed", told)


ACTIONS = {
    "ccxt/call": call,
    "ccxt/subscribe_market": subscribe_market,
    "ccxt/unsubscribe_market": unsubscribe_market,
}


@dataclass(frozen=True, slots=True)
class _Teller:
    """Passes one channel of one market on to one socket."""

    socket: Socket
    account_id: int
    topic: Topic

    def listener(self, *, most: int, every_s: float) -> Listener:
        """What the feed tells; it is passed on to the socket's loop, which runs now."""
        return Listener(_passed_on(self._tell), _passed_on(self._fail), most, every_s)

    def _tell(self, data: str) -> None:
        topic = self.topic
        facts = {"symbol": topic.symbol, "channel": topic.channel, "timeframe": topic.timeframe}
        payload = Json(f'{json.dumps(facts)[:-1]}, "data": {data}}}')
        event = f"{topic.channel}_updated"
        text = news_text(Namespace.CCXT, event, payload, account_id=self.account_id)
        self.socket.outlet.put(text)

    def _fail(self, error: OmsError) -> None:
        facts = {
            "symbol": self.topic.symbol,
            "channel": self.topic.channel,
            "error": error.body(""),
        }
        text = news_text(Namespace.CCXT, "market_failed", facts, account_id=self.account_id)
        self.socket.outlet.put(text)


def _passed_on(work: Callable[[Any], None]) -> Callable[[Any], None]:
    own = asyncio.get_running_loop()

    def pass_on(value: Any) -> None:
        # A loop that is closing has nobody left to tell.
        if not own.is_closed():
            own.call_soon_threadsafe(work, value)

    return pass_on


async def _on_reading_loop(work: Coroutine[Any, Any, T]) -> T:
    return await asyncio.wrap_future(loop.reading.run(work))


def _name(account_id: int, symbol: str, channel: Channel) -> str:
    return f"{account_id} {symbol} {channel}"


def _timeframe(wish: dict[str, Any], channel: Channel) -> str | None:
    return wish.get("timeframe", DEFAULT_TIMEFRAME) if channel is Channel.OHLCV else None


def _channels(*, required: bool = False) -> Form:
    known = {str(each): each for each in Channel}

    def read(field: str, value: Any) -> tuple[Channel, ...]:
        asked = [value] if isinstance(value, str) else value
        if not isinstance(asked, list) or not asked:
            raise wrong(field, [*known], value)
        for item in asked:
            if not isinstance(item, str) or item not in known:
                raise wrong(field, [*known], item)
        return tuple(known[item] for item in dict.fromkeys(asked))

    return Form(read, {"type": "array", "items": {"enum": [*known]}}, required)


def _between(least: int, most: int) -> Form:
    one = fields.number(least=least)

    def read(field: str, value: Any) -> int:
        number = one.read(field, value)
        if number > most:
            raise Invalid(f"{field} is at most {most}.", field=field, limit=[least, most],
                          value=number)  # fmt: skip
        return number

    return Form(read, one.schema | {"maximum": most})


_MARKET = {
    "account_id": fields.number(required=True),
    "symbol": fields.text(longest=64, required=True, is_id=True),
}
_SUBSCRIBE = _MARKET | {
    "channels": _channels(required=True),
    "timeframe": fields.text(longest=8, is_id=True),
    "depth": _between(1, UPSTREAM_ROWS),
    "limit": _between(1, UPSTREAM_ROWS),
    "poll_interval_ms": _between(LEAST_POLL_MS, MOST_POLL_MS),
}
_UNSUBSCRIBE = _MARKET | {"channels": _channels()}
