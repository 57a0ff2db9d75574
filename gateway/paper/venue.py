"""The venue as one thing: its memory, its logins, its prices, its markets and its clock.

One thread does everything. A request is carried out in one piece, without waiting for anything, so
two requests never see each other half done.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from random import Random

from gateway.paper.calls import Access, Answer, Call, Route
from gateway.paper.errors import VenueError, bad_symbol
from gateway.paper.faults import Faults
from gateway.paper.hub import Hub
from gateway.paper.limits import Limiter
from gateway.paper.listen_keys import ListenKeys
from gateway.paper.logins import Ledger, Login, Logins
from gateway.paper.market.market import Market
from gateway.paper.market.prices import Prices, Source
from gateway.paper.matching.amounts import ZERO
from gateway.paper.options import Options
from gateway.paper.store import Store

log = logging.getLogger("paper")


class Venue:
    """Everything but the network."""

    def __init__(self, options: Options, source: Source) -> None:
        options.data.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.store = Store(options.data / "venue.sqlite3")
        self.logins = Logins(self.store)
        self.ledger = Ledger(self.store)
        self.listen_keys = ListenKeys(self.store)
        self.faults = Faults()
        self.hub = Hub(self.faults)
        self.prices = Prices(source)
        if state := self.store.document("prices", "now"):
            self.prices.load(state)
        self.skew_ms = 0
        self.born_ms = self._born_ms()
        self.markets: dict[str, Market] = {}
        self.limiters: dict[str, Limiter] = {}
        self.routes: dict[tuple[str, str], Route] = {}
        self.tally: Counter[tuple[str, str, str]] = Counter()

    def now_ms(self) -> int:
        """The venue's clock, which a test may set wrong."""
        return time.time_ns() // 1_000_000 + self.skew_ms

    def add_routes(self, routes: list[Route]) -> None:
        self.routes |= {(route.method, route.path): route for route in routes}

    def add_market(self, market: Market, limiter: Limiter) -> None:
        """Open a market: its routes, its limits, its part of every step."""
        self.markets[market.name] = market
        self.limiters[market.name] = limiter
        self.add_routes(market.routes())

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction: committed and told to the streams, or as if it had never been."""
        before = self.store.changes
        try:
            with self.store.transaction():
                yield
                for market in self.markets.values():
                    market.changed()
        except BaseException:
            self.hub.forget()
            if self.store.changes != before:
                self._reload()
            raise
        self.hub.flush()

    def charge(self, route: Route, call: Call, login: Login | None, address: str) -> dict[str, str]:
        """Count a call against its limits; gives the headers that tell what is used.

        Raises:
            VenueError: 429 or 418.
        """
        limiter = self.limiters.get(route.limiter)
        if limiter is None:
            return {}
        return limiter.charge(
            address=address,
            login=login.api_key if login else None,
            weight=route.weighs(call),
            orders=len(route.sends(call)) if route.sends else 0,
            now_ms=call.now_ms,
        )

    @contextmanager
    def door(self, route: Route, call: Call) -> Iterator[None]:
        """Here a call is let in; orders of one that is not are remembered as turned away."""
        try:
            yield
        except VenueError:
            for client_id in filter(None, route.sends(call) if route.sends else ()):
                self.store.count_turned_away(client_id)
            raise

    def respond(self, route: Route, call: Call) -> Answer:
        """Carry out a call that was let in.

        Raises:
            VenueError: the call is refused and changed nothing.
        """
        if route.changes:
            with self.change():
                result = route.handler(call)
        else:
            result = route.handler(call)
        return result if isinstance(result, Answer) else Answer(200, result)

    def count(self, route: Route, call: Call, login: Login | None) -> None:
        """Remember that a request arrived, whatever becomes of it."""
        name = login.api_key if login else ""
        self.tally[route.method, route.path, name] += 1
        if route.sends is not None and route.access is Access.SIGNED:
            for client_id in filter(None, route.sends(call)):
                self.store.count_post(name, route.limiter, client_id)

    def step(self) -> None:
        """Move prices one step on and do what follows from it."""
        with self.change():
            self.prices.advance()
            rng = Random(f"{self.options.seed}:flow:{self.prices.step}")
            for market in self.markets.values():
                market.step(rng)
            self.listen_keys.expire(self.now_ms(), self._tell_expired)
            self.store.put_document("prices", "now", self.prices.dump())

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Move one symbol to a price now, in every market that has it.

        Raises:
            VenueError: -1121, there is no such symbol.
        """
        if symbol not in self.prices:
            raise bad_symbol()
        with self.change():
            self.prices.put(symbol, price)
            for market in self.markets.values():
                if symbol in market.books:
                    market.follow(symbol, Random(f"{symbol}:{price}"))
            self.store.put_document("prices", "now", self.prices.dump())

    def open_login(self, login: Login, wallet: str, balances: dict[str, Decimal]) -> bool:
        """Create a login with money in one wallet; one that has that wallet is left alone.

        Gives whether anything was created.
        """
        known = self.logins.get(login.api_key)
        if known is not None and self.ledger.of(login.api_key, wallet):
            return False
        with self.change():
            if known != login:
                self.logins.put(login)
            for asset, free in balances.items():
                self.ledger.move(login.api_key, wallet, asset, free=free, locked=ZERO)
        return True

    def deposit(self, login: str, wallet: str, asset: str, amount: Decimal) -> None:
        """Money comes (positive) or goes without a trade.

        Raises:
            InsufficientBalance: more would go than is free.
        """
        with self.change():
            self.ledger.move(login, wallet, asset, free=amount)

    def expire_listen_keys(self, login: str | None) -> int:
        """End listen keys now, all of them or one login's; gives how many there were."""
        with self.change():
            return self.listen_keys.expire_now(self.now_ms(), login, self._tell_expired)

    def close(self) -> None:
        """Save what is only in memory and let go of the file."""
        with self.change():
            for market in self.markets.values():
                market.candles.save()
        self.store.close()

    def _born_ms(self) -> int:
        """When this venue's data folder was first used."""
        saved = self.store.document("venue", "born")
        if saved is None:
            saved = {"ms": self.now_ms()}
            self.store.put_document("venue", "born", saved)
        return saved["ms"]

    def _tell_expired(self, market: str, login: str, key: str) -> None:
        self.hub.publish(
            f"{market}:user:{login}",
            {"e": "listenKeyExpired", "E": self.now_ms(), "listenKey": key},
        )

    def _reload(self) -> None:
        """A change failed half-way: what is in memory is read from the store again."""
        log.error("a change failed half-way; reading the state again")
        self.logins.load()
        self.ledger.load()
        self.listen_keys.load()
        if state := self.store.document("prices", "now"):
            self.prices.load(state)
        for market in self.markets.values():
            market.load()
