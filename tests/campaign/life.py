"""One life: the OMS's lanes, leases, pollers and sweeper on virtual time, and clients that ask.

A crash cancels everything that the process does, wherever it is, and forgets all it had in memory;
a while later a new one starts. What was committed stays.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from time import monotonic
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from gateway import loop as gateway_loop
from gateway.exchanges.profile import Profile
from gateway.pricing import feeds
from gateway.sessions import kept as sessions
from gateway.sessions import markets, position_mode
from gateway.sessions.session import Session
from gateway.worker.runner import Runner, left_behind
from oms_project import faultpoints
from oms_project.errors import OmsError
from oms_project.faultpoints import Place
from positions import ports
from positions.models import Command, ExchangeOrder, Order, Position
from positions.tests.desk import Desk
from positions.tests.ledger.checking import differences
from tests.campaign.clock import VirtualLoop, virtual_time
from tests.campaign.exchange import Exchange
from tests.campaign.schedule import LENGTH_S, Ask, Schedule
from tests.campaign.venue import LARGER_STEP, STEP, Venue

CALM_S = 240.0
SWEEP_S = 1.0
DEAD_S = 2.0
SETTLE_S = 5.0
HASTY_S = 12  # An account that books provisionally so soon.


class Crash(asyncio.CancelledError):
    """The process is gone at this very place; nothing below may catch it."""


@dataclass
class Life:
    """What came of a schedule: the desk with its books, the venue with its journal.

    ``between``: what the checks of the ledger found while trades were awaited.
    """

    schedule: Schedule
    desk: Desk
    venue: Venue
    exchange: Exchange
    answered: list[int] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    crashes: Counter[Place] = field(default_factory=Counter)
    between: list[str] = field(default_factory=list)


def live(schedule: Schedule) -> Life:
    """Live through a schedule until everything has come to rest."""
    with virtual_time() as loop:
        dice = Random(schedule.seed)
        hasty = {"provisional_after_s": HASTY_S} if schedule.lists_late else {}
        desk = Desk(**schedule.kind, **hasty)
        venue = Venue(desk.symbol, dice=dice, now_s=loop.time)
        venue.lists_late = schedule.lists_late
        exchange = Exchange(venue, dice=dice, share=schedule.faults, is_hard=schedule.is_hard)
        stage = _Stage(Life(schedule, desk, venue, exchange), loop, dice)
        with stage.set():
            loop.run_until_complete(stage.play())
        return stage.life


class _Stage:
    def __init__(self, life: Life, loop: VirtualLoop, dice: Random) -> None:
        self.life = life
        self._loop = loop
        self._dice = dice
        self._runner: Runner | None = None
        self._connection = connections[DEFAULT_DB_ALIAS]
        self._passed: Counter[Place] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._strategies: list[int] = [0]
        if life.schedule.kind.get("position_mode") == "strategy_netting":
            self._strategies = [life.desk.strategy().pk for _ in "AB"]

    @contextmanager
    def set(self) -> Iterator[None]:
        """Have the gateway's questions to the database asked on the spot, and its calls come here.

        In this process there is one thread, so that the same seed meets the same order of things.
        """
        known = [
            module
            for name, module in sys.modules.items()
            if name.startswith("gateway.") and getattr(module, "db", None) is gateway_loop.db
        ]
        with ExitStack() as patches:
            for module in known:
                patches.enter_context(patch.object(module, "db", _on_the_spot))
            timed = [
                module
                for name, module in sys.modules.items()
                if name.startswith("gateway.") and getattr(module, "monotonic", None) is monotonic
            ]
            for module in timed:  # What waits by the loop's clock has to measure by it.
                patches.enter_context(patch.object(module, "monotonic", self._loop.time))
            patches.enter_context(patch.object(feeds, "feed_of", _no_feed))
            patches.enter_context(patch.object(markets, "keep_current", _nothing))
            patches.enter_context(patch.object(markets, "refresh_after_refusal", self._read_rules))
            port = ports.exchange()
            self._tell_rules()
            patches.enter_context(patch.object(port, "wake", self._wake))
            faultpoints.listen(self._stumble)
            try:
                yield
            finally:
                faultpoints.listen(None)
                self.life.venue.step = STEP
                self._tell_rules()

    def _tell_rules(self) -> None:
        """What the market's list says now."""
        venue = self.life.venue
        ports.exchange().change_market(  # type: ignore[attr-defined]
            venue.symbol, amount_step=venue.step, min_amount=venue.step
        )

    async def _read_rules(self, account_id: int) -> None:
        self._tell_rules()

    async def play(self) -> None:
        """Start, act, break; then calm down until nothing moves any more."""
        self._me = asyncio.current_task()
        # Django keeps connections by task; those begun from here have this one, too.
        connections[DEFAULT_DB_ALIAS] = self._connection
        self._start()
        schedule = self.life.schedule
        acts = [asyncio.create_task(self._act(ask), name="client") for ask in schedule.asks]
        ticks = [asyncio.create_task(self._tick(at_s), name="market") for at_s in schedule.ticks]
        if schedule.refiltered_at_s is not None:
            self._loop.call_later(schedule.refiltered_at_s, self._refilter)
        await asyncio.gather(*acts, *ticks)
        await asyncio.sleep(max(0.0, LENGTH_S - self._loop.time()))
        self.life.exchange.share = 0.0
        faultpoints.listen(None)
        if self._runner is None:
            await asyncio.sleep(DEAD_S + 1)
        await self._until_quiet()
        await self._end()

    # --- the process ---

    def _start(self) -> None:
        """A new process: it remembers nothing of the one before."""
        markets.forget()
        position_mode.forget()
        self._runner = Runner()
        account_id = self.life.desk.account.pk
        profile = Profile(account_id=account_id, exchange_id="ccxt.binance")
        session: asyncio.Future[Session] = self._loop.create_future()
        session.set_result(Session(profile, self.life.exchange))
        sessions._open[account_id] = session
        self._begin("process: sweeper", self._sweep(self._runner))
        self._begin("process: leases", self._runner.keep_leases())
        self._begin("process: serve", self._runner.serve(account_id))

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self, served: Runner) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await served.attend(left_behind(served.account_ids, timezone.now()))

    def _wake(self, account_id: int) -> None:
        """The doorbell, which may be broken."""
        if self._runner is not None and self._dice.random() >= self.life.schedule.deaf:
            self._begin("process: bell", self._runner.wake(account_id))

    def _stumble(self, place: Place) -> None:
        self._passed[place] += 1
        if (place, self._passed[place]) in self.life.schedule.crashes and self._runner is not None:
            self.life.crashes[place] += 1
            self._die()
            raise Crash

    def _die(self) -> None:
        """Everything but the clients stops where it is."""
        self._runner = None
        clients = ("client", "market", "stage")
        for task in asyncio.all_tasks(self._loop):
            if task is not self._me and not task.get_name().startswith(clients):
                task.cancel()
        self._begin("stage: rise", self._rise())

    async def _rise(self) -> None:
        await asyncio.sleep(self._dice.uniform(0.1, DEAD_S))
        self._start()

    async def _until_quiet(self) -> None:
        until_s = self._loop.time() + CALM_S
        await asyncio.sleep(SETTLE_S)
        while self._loop.time() < until_s and (self._waits() or self._moves()):
            if self.life.schedule.lists_late and self._orders(provisional=True).exists():
                self.life.between += differences(self.life.desk)
            await asyncio.sleep(SETTLE_S)

    def _waits(self) -> bool:
        """Whether somebody has not had the time to go on after an answer that came late."""
        exchange = self.life.exchange
        return exchange.hanging > 0 or self._loop.time() - exchange.answered_at_s < SETTLE_S

    def _orders(self, **facts: Any) -> Any:
        return Order.objects.filter(account=self.life.desk.account, **facts)

    def _moves(self) -> bool:
        open_orders = Order.objects.open().filter(account=self.life.desk.account)
        moving = open_orders.exclude(status__in=("SUBMITTED", "PARTIALLY_FILLED"))
        owing = open_orders.exclude(next_check_at=None)
        asked = Command.objects.filter(
            account=self.life.desk.account, status__in=("accepted", "unknown")
        )
        untold = ExchangeOrder.objects.filter(
            account=self.life.desk.account, owes_since__isnull=False
        )
        return moving.exists() or owing.exists() or asked.exists() or untold.exists()

    async def _end(self) -> None:
        self._runner = None
        for task in asyncio.all_tasks(self._loop):
            if task is not self._me:
                task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sessions._open.clear()

    # --- clients and the market ---

    async def _tick(self, at_s: float) -> None:
        await asyncio.sleep(at_s)
        if self.life.schedule.is_hard:
            self.life.venue.price = Decimal(self._dice.randint(50, 150))
        self.life.venue.trade_a_little()

    def _refilter(self) -> None:
        """The market takes larger steps only; nobody is told."""
        self.life.venue.step = LARGER_STEP

    async def _act(self, ask: Ask) -> None:
        await asyncio.sleep(ask.at_s)
        try:
            command = getattr(self, f"_ask_{ask.what}")(ask)
        except OmsError as refusal:
            self.life.refused[refusal.code] += 1
            return
        if command is not None:
            self.life.answered.append(command.pk)

    def _ask_buy(self, ask: Ask) -> Command:
        return self._send(ask, side="buy", type="market")

    def _ask_sell(self, ask: Ask) -> Command:
        return self._send(ask, side="sell", type="market")

    def _ask_rest(self, ask: Ask) -> Command:
        side = self._dice.choice(("buy", "buy", "sell"))
        return self._send(ask, side=side, type="limit", price=str(self._dice.randint(90, 110)))

    def _ask_again(self, ask: Ask) -> Command | None:
        """A client that did not hear its answer repeats an earlier request."""
        if not self.life.answered:
            return None
        before = Command.objects.get(pk=self._dice.choice(self.life.answered))
        if before.kind != "send_order":
            return None
        return self.life.desk.give(before.kind, request_id=before.request_id, **before.payload)

    def _ask_cancel(self, ask: Ask) -> Command | None:
        order = self._some_order()
        if order is None:
            return None
        return self.life.desk.give("cancel_order", order_id=order.pk)

    def _ask_cancel_all(self, ask: Ask) -> Command:
        return self.life.desk.give("cancel_all_orders")

    def _ask_change(self, ask: Ask) -> Command | None:
        order = self._some_order()
        if order is None or order.price is None:
            return None
        new: dict[str, Any] = {"new_price": str(self._dice.randint(90, 110))}
        if self._dice.random() < 0.5:
            new |= {"new_qty": f"{self._dice.randint(1, 30) / 10}"}
        return self.life.desk.give("change_order", order_id=order.pk, **new)

    def _ask_close(self, ask: Ask) -> Command | None:
        held = self.life.desk.positions()
        if not held:
            return None
        position: Position = self._dice.choice(held)
        return self.life.desk.give("close_position", position_id=position.pk)

    def _ask_rest_close(self, ask: Ask) -> Command | None:
        """A close that rests; on derivatives reduce-only where the net allows."""
        held = self.life.desk.positions()
        if not held:
            return None
        position: Position = self._dice.choice(held)
        price = str(self._dice.randint(90, 110))
        given = {"position_id": position.pk, "order_type": "limit", "price": price}
        return self.life.desk.give("close_position", **given)

    def _ask_reduce_only(self, ask: Ask) -> Command | None:
        """A client's own order that may only reduce; it rests, or is a market order."""
        held = self.life.desk.positions()
        if not held:
            return None
        position: Position = self._dice.choice(held)
        given: dict[str, Any] = {
            "symbol": position.symbol,
            "side": "sell" if position.side == "buy" else "buy",
            "qty": f"{self._dice.randint(1, 20) / 10}",
            "reduce_only": True,
            "strategy_id": position.strategy_id,
            "type": self._dice.choice(("limit", "limit", "market")),
        }
        if given["type"] == "limit":
            given["price"] = str(self._dice.randint(90, 110))
        if self.life.schedule.kind.get("position_mode") == "hedge":
            given["position_id"] = position.pk
        request_id = f"{self.life.schedule.seed}-{ask.number}"
        return self.life.desk.give("send_order", request_id=request_id, **given)

    def _send(self, ask: Ask, **payload: Any) -> Command:
        qty = f"{self._dice.randint(5, 30) / 10}"
        payload |= {"symbol": self.life.desk.symbol, "qty": qty}
        payload |= {"strategy_id": self._dice.choice(self._strategies)}
        request_id = f"{self.life.schedule.seed}-{ask.number}"
        return self.life.desk.give("send_order", request_id=request_id, **payload)

    def _some_order(self) -> Order | None:
        orders = list(Order.objects.open().filter(account=self.life.desk.account).order_by("id"))
        return self._dice.choice(orders) if orders else None


async def _on_the_spot(fn: Any, *args: Any, **kwargs: Any) -> Any:
    """As ``gateway.loop.db``, on this thread."""
    return gateway_loop._with_connection(fn, *args, **kwargs)


async def _no_feed(account_id: int) -> Any:
    """Nobody tells prices: what rests is asked about in its turn."""
    return SimpleNamespace(want=lambda *_: None, known=lambda *_: None)


async def _nothing(account_id: int) -> None:
    """There is no list of markets to load: the port of the tests has them."""
