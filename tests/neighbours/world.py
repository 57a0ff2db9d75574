"""Twelve accounts beside one another, of whose lists and prices any subset is in trouble.

Each has an order at rest and a stop in eight symbols, over real sessions and the OMS's own pollers,
price feed and watches; the trouble is of any kind, a hang is a future that never ends. ``live``
tells when every fill was seen and every stop fired.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import ccxt

from gateway.exchanges.profile import Profile
from gateway.pacing import Pace
from gateway.polling import poller
from gateway.polling.poller import Poller
from gateway.pricing import asking, board, feeds
from gateway.pricing.feeds import Feed
from gateway.reconcile import catching_up
from gateway.sessions import kept as sessions
from gateway.sessions.session import Session
from gateway.sessions.wire import current
from gateway.troubles import blind
from gateway.worker import prices
from gateway.worker.prices import PriceWatch
from positions.models import ExchangeOrder, Order
from positions.projector.protection import following
from tests.campaign.clock import virtual_time
from tests.neighbours.market import Market, PublicSession, Stops

ACCOUNTS, SYMBOLS = range(12), [f"C{number}/USDT" for number in range(8)]
SEEN_WITHIN_S, FIRES_WITHIN_S = 3.0, 1.5
ZERO = Decimal(0)
LASTS_S = 40.0
TROUBLES = ("refused", "hanging", "garbage", "empty", "gone")


@dataclass
class World:
    """What is in trouble, when each order fills, and when its fill was first seen.

    ``stops`` of the accounts are watched here, by prices of which some are in trouble too.
    """

    now_s: Callable[[], float]
    trouble: dict[tuple[int, str], str]
    fills_at_s: dict[tuple[int, str], float]
    market: Market
    stops: Stops
    seen_at_s: dict[tuple[int, str], float] = field(default_factory=dict)
    blind: set[tuple[int, str]] = field(default_factory=set)


class Exchange:
    """As much of a ccxt class as a poll uses."""

    id = "binance"

    def __init__(self, account_id: int, world: World) -> None:
        self._account_id, self._world = account_id, world
        self.options: dict[str, Any] = {}
        self.has = {"fetchOpenOrders": True}
        self.pace = Pace(requests=())
        listed = [each for each in SYMBOLS if world.trouble.get((account_id, each)) != "gone"]
        self.markets = {each: {"symbol": each, "contract": False} for each in listed}

    def milliseconds(self) -> int:
        return int(self._world.now_s() * 1000)

    async def fetch_open_orders(self, symbol: str, params: dict[str, Any]) -> Any:
        await asyncio.sleep(0.03)
        wire = current.get()
        wire.leaving("GET")
        wire.status = 200
        match self._world.trouble.get((self._account_id, symbol)):
            case "hanging":
                await asyncio.get_running_loop().create_future()
            case "refused" | "gone":
                wire.judged, wire.status, wire.code = True, 400, "-1121"
                raise ccxt.BadSymbol("Invalid symbol.")
            case "garbage":
                return [{"id": "1", "symbol": symbol, "filled": "a lot"}]
            case "empty":
                wire.is_hollow = True
                return []
        is_filled = self._world.now_s() >= self._world.fills_at_s[self._account_id, symbol]
        return [{"id": "1", "symbol": symbol, "filled": "1" if is_filled else "0"}]


def live(seed: int, *, virtually: bool = True) -> World:
    """Forty seconds of twelve accounts; a share of the lists is in trouble, by seed."""
    dice = Random(seed)
    places = [(account_id, symbol) for account_id in ACCOUNTS for symbol in SYMBOLS]
    share = dice.choice((0.05, 0.3, 0.9))
    trouble = {place: dice.choice(TROUBLES) for place in places if dice.random() < share}
    fills_at_s = {place: dice.uniform(1, LASTS_S - 5) for place in places}
    unpriced = {each: dice.choice(TROUBLES) for each in SYMBOLS if dice.random() < share}
    unbooked = {place for place in places if dice.random() < share / 3}
    reached_at_s = {place: dice.uniform(1, LASTS_S - 5) for place in places}
    with ExitStack() as patches:
        if virtually:
            loop: asyncio.AbstractEventLoop = patches.enter_context(virtual_time())
            for timed in (poller, prices, feeds, asking):
                patches.enter_context(patch.object(timed, "monotonic", loop.time))
        else:
            loop = patches.enter_context(closing(asyncio.new_event_loop()))
        began_s = loop.time()
        market = Market(
            lambda: loop.time() - began_s,
            SYMBOLS,
            unpriced,
            begins_s=dice.uniform(0, LASTS_S / 2),
            streams=dice.random() < 0.5,
        )
        stops = Stops(market, reached_at_s, unbooked)
        world = World(market.now_s, trouble, fills_at_s, market, stops)
        for patched in _edges(world):
            patches.enter_context(patched)
        loop.run_until_complete(_poll())
    return world


def delays(world: World) -> dict[tuple[int, str], float]:
    """How long after it happened each fill of a list without trouble was seen; never: infinite."""
    return {
        place: world.seen_at_s.get(place, inf) - at_s
        for place, at_s in world.fills_at_s.items()
        if place not in world.trouble
    }


def stop_delays(world: World) -> dict[tuple[int, str], float]:
    """How long after its price each stop without trouble fired; never: infinite."""
    fired_at_s = world.stops.fired_at_s
    return {
        place: fired_at_s.get(place, inf) - at_s
        for place, at_s in world.stops.reached_at_s.items()
        if place[1] not in world.market.trouble and place not in world.stops.unbooked
    }


async def _poll() -> None:
    works = [*(Poller(each) for each in ACCOUNTS), *(PriceWatch(each) for each in ACCOUNTS)]
    tasks = [asyncio.create_task(work.run()) for work in works]
    await asyncio.sleep(LASTS_S)
    tasks += asyncio.all_tasks() - {asyncio.current_task(), *tasks}  # The feed's own.
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _leg(number: int, account_id: int, symbol: str) -> ExchangeOrder:
    """An order that rests, as it is stored."""
    order = Order(pk=number, account_id=account_id, symbol=symbol, side="buy", order_type="limit")
    return ExchangeOrder(
        pk=number,
        account_id=account_id,
        symbol=symbol,
        order=order,
        exchange_order_id="1",
        reported_filled=ZERO,
    )


def _edges(world: World) -> list[Any]:
    """Where the database and the exchange begin: rows that rest, and what is told of them."""
    talks = {
        each: Session(Profile(each, "ccxt.binance"), Exchange(each, world)) for each in ACCOUNTS
    }
    legs = {
        account_id: [_leg(number, account_id, symbol) for number, symbol in enumerate(SYMBOLS, 1)]
        for account_id in ACCOUNTS
    }

    async def open_for(account_id: int) -> Session:
        return talks[account_id]

    answers = {
        catching_up.resting: legs.__getitem__,
        following.armed: world.stops.armed,
        following.prices_seen: world.stops.seen,
        following.prices_missing: world.stops.missing,
    }

    async def on_the_spot(fn: Any, *args: Any) -> Any:
        return answers.get(fn, fn)(*args)

    async def book(session: Session, *, orders: list[dict[str, Any]]) -> None:
        for one in orders:
            world.seen_at_s.setdefault((session.account_id, one["symbol"]), world.now_s())

    async def nothing(*_: Any, **__: Any) -> None:
        return None

    feed = Feed(Profile(0, "ccxt.binance"))

    async def feed_of(_: int) -> Feed:
        return feed

    async def opened(_: Feed, streaming: bool) -> Any:
        talk = PublicSession(Profile(0, "ccxt.binance"), world.market)
        return talk, asking.Asking(talk)

    async def failed(account_id: int, _sense: Any, name: str, _failure: Exception) -> None:
        world.blind.add((account_id, name))

    return [
        patch.object(sessions, "open_for", open_for),
        patch.object(poller, "db", on_the_spot),
        patch.object(prices, "db", on_the_spot),
        patch.object(feeds, "loop", SimpleNamespace(db=on_the_spot)),
        patch.object(feeds, "feed_of", feed_of),
        patch.object(Feed, "_opened", opened),
        patch.object(sessions, "loaded_of", lambda _: world.market),
        patch.object(board, "_store", lambda _: None),
        patch.object(board, "_known", {}),
        patch.object(catching_up, "book", book),
        patch.object(catching_up, "look_up", nothing),
        patch.object(blind, "failed", failed),
        patch.object(blind, "seen", nothing),
        patch.object(blind, "only", nothing),
    ]
