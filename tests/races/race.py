"""One race: positions are opened in calm, then the price crosses the stop and somebody acts."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any
from unittest.mock import patch

from django.db import DEFAULT_DB_ALIAS, connections
from django.test import override_settings
from django.utils import timezone

from accounts.audit import Actor
from gateway import loop as gateway_loop
from gateway.exchanges.profile import Profile
from gateway.pricing.feeds import STREAMED_WITHIN_S
from gateway.pricing.warming import Warmer
from gateway.sessions import kept as sessions
from gateway.sessions import markets, position_mode
from gateway.sessions.session import Session
from gateway.worker.prices import PriceWatch
from gateway.worker.runner import Runner, left_behind
from oms_project.errors import OmsError
from positions import ports
from positions.engine.types import OrderType
from positions.models import Command, Order, Position, Trigger
from positions.projector.protection import following
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR, SPOT
from riskdesk import services as risk
from riskdesk.models import Flattening
from riskdesk.services import flattening
from riskdesk.words import FlattenState, KillScope
from tests.campaign.clock import VirtualLoop, virtual_time
from tests.campaign.life import _nothing, _on_the_spot
from tests.races.cells import Cell, Race
from tests.races.exchange import StopExchange
from tests.races.venue import StopVenue

SWEEP_S = 1.0
POLL_S = 1.0
AT_PLACE_WITHIN_S = 30.0
CALM_AFTER_S = 8.0
QUIET_WITHIN_S = 240.0
BEGIN, STOP, CROSSED, LATER_STOP, END = map(Decimal, (100, 90, 89, 80, 60))
QTY, PART, OPPOSITE = "1", "0.4", "0.5"
_SHARE = 0.35


class TickingLoop(VirtualLoop):
    """A microsecond passes per turn, so that what happens one after the other has two times."""

    def _run_once(self) -> None:
        self.now_s += 1e-6
        super()._run_once()  # type: ignore[misc]


@dataclass
class Run:
    """What came of a race: the venue's journal, and what the client was answered."""

    race: Race
    desk: Desk
    venue: StopVenue
    before: int = 0  # Trades of the time before the race.
    volume: Decimal = Decimal(0)  # Of the position that has the stop, as the venue filled it.
    answer: Command | None = None
    refused: str = ""
    struck: int = 0
    started: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


def play(race: Race) -> Run:
    """Play a race until everything has come to rest."""
    with virtual_time(TickingLoop) as loop:
        dice = Random(race.seed)
        cell = race.cell
        desk = Desk(
            SPOT if cell.market == "spot" else LINEAR,
            exchange_id=f"{cell.engine}.binance",
            position_mode=cell.mode,
            protection="exchange" if cell.stop == "exchange" else "oms",
        )
        venue = StopVenue(desk.symbol, dice=dice, now_s=loop.time)
        stage = _Stage(Run(race, desk, venue), loop, dice)
        with stage.set():
            loop.run_until_complete(stage.play())
        return stage.run


class _Stage:
    def __init__(self, run: Run, loop: TickingLoop, dice: Random) -> None:
        self.run = run
        self._loop = loop
        self._dice = dice
        self._cell: Cell = run.race.cell
        self._connection = connections[DEFAULT_DB_ALIAS]
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def set(self) -> Iterator[None]:
        """One thread: the gateway asks the database on the spot, and prices come from the venue."""
        known = [
            module
            for name, module in list(sys.modules.items())
            if name.startswith("gateway.") and getattr(module, "db", None) is gateway_loop.db
        ]
        with ExitStack() as patches:
            # The lease is kept by a clock that is not skipped: a busy machine must not end it.
            patches.enter_context(override_settings(OMS_LEASE_S=86_400))
            for module in known:
                patches.enter_context(patch.object(module, "db", _on_the_spot))
            for reading in ("keep_current", "refresh_after_refusal"):
                patches.enter_context(patch.object(markets, reading, _nothing))
            for feeding in (PriceWatch, Warmer):  # This feed is one that can be timed.
                patches.enter_context(patch.object(feeding, "run", _wait_for_ever))
            port = ports.exchange()
            patches.enter_context(patch.object(port, "wake", self._wake))
            types = {OrderType.MARKET, OrderType.LIMIT}
            if self._cell.stop != "watched":
                types.add(OrderType.STOP)
            port.change_market(self.run.desk.symbol, order_types=frozenset(types))
            yield

    async def play(self) -> None:
        self._me = asyncio.current_task()
        connections[DEFAULT_DB_ALIAS] = self._connection
        self._exchange = StopExchange(
            self.run.venue, dice=self._dice, streams=self._cell.engine == "ccxtpro"
        )
        self._start()
        self._move(BEGIN)
        await self._open()
        race_at_s = self._loop.time() + 0.5
        acting = self._begin(self._act_at(race_at_s + self.run.race.offset_s))
        if self.run.race.faulty:
            self._exchange.share = _SHARE
        await asyncio.sleep(race_at_s - self._loop.time())
        self._move(CROSSED)
        await asyncio.sleep(CALM_AFTER_S)
        self._exchange.share = 0.0
        await acting
        self._move(END)
        await self._until(lambda: not self._moves(), QUIET_WITHIN_S)
        self.run.struck = self._exchange.faults.total() - self._exchange.faults["none"]
        await self._end()

    # --- the process ---

    def _start(self) -> None:
        markets.forget()
        position_mode.forget()
        self._runner = Runner()
        account_id = self.run.desk.account.pk
        profile = Profile(account_id=account_id, exchange_id=f"{self._cell.engine}.binance")
        session: asyncio.Future[Session] = self._loop.create_future()
        session.set_result(Session(profile, self._exchange))
        sessions._open[account_id] = session
        for work in (self._sweep(), self._runner.serve(account_id), self._feed()):
            self._begin(work)

    def _begin(self, work: Any) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await self._runner.attend(left_behind(self._runner.account_ids, timezone.now()))
            _carry_on_flattening()

    def _wake(self, account_id: int) -> None:
        self._begin(self._runner.wake(account_id))

    async def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            if task is not self._me:
                task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        sessions._open.clear()

    # --- prices ---

    def _move(self, price: Decimal) -> None:
        self.run.venue.move(price)

    async def _feed(self) -> None:
        """Prices reach the OMS a moment after they were, or whenever it asks.

        It asks where a stream has been silent for as long as a price may be old.
        """
        desk, venue, port = self.run.desk, self.run.venue, ports.exchange()
        told, told_at_s = None, 0.0
        while True:
            if self._cell.engine == "ccxtpro":
                await asyncio.sleep(0.02)
                is_silent = self._loop.time() - told_at_s >= STREAMED_WITHIN_S
                if venue.price == told and not is_silent:
                    continue
                await asyncio.sleep(self._dice.uniform(0.005, 0.05))
            else:
                await asyncio.sleep(POLL_S if told else 0.1)
            told, told_at_s = venue.price, self._loop.time()
            port.prices[desk.symbol] = told  # type: ignore[attr-defined]
            following.prices_seen(desk.account.pk, {desk.symbol: told})

    # --- the desk ---

    async def _open(self) -> None:
        """Open the positions of the cell, and wait until the stop is where it belongs."""
        await asyncio.sleep(1.5)
        desk, cell = self.run.desk, self._cell
        own, other, third = (desk.strategy().pk for _ in "abc")
        if cell.neighbour:
            await self._trade("buy", QTY, other)
        before = len(self.run.venue.trades)
        order = await self._trade("buy", QTY, own)
        self.run.volume = sum(
            (t.qty - (t.fee if t.fee_currency == "BTC" else 0)
             for t in self.run.venue.trades[before:]), Decimal(0))  # fmt: skip
        self._own, self._position = own, Position.objects.get(pk=order.position_id)
        if cell.act == "close-by":
            self._opposite = (await self._trade("sell", OPPOSITE, third)).position_id
        stops: dict[str, Any] = {"stop_loss": str(STOP)}
        if cell.stop == "trailing":
            stops = {"trailing": {"amount": str(BEGIN - STOP)}}
        desk.give("position_change", position_id=self._position.pk, **stops)
        wanted = "resting" if cell.stop == "exchange" else "watched"
        self.run.started = await self._until(lambda: self._state() == wanted, AT_PLACE_WITHIN_S)
        await asyncio.sleep(self._dice.uniform(0.5, 1.5))
        self.run.before = len(self.run.venue.trades)

    async def _trade(self, side: str, qty: str, strategy_id: int) -> Order:
        order = self.run.desk.send(side, qty, strategy_id=strategy_id)
        await self._until(lambda: self.run.desk.fresh(order).status == "FILLED", 20.0)
        return self.run.desk.fresh(order)

    def _state(self) -> str | None:
        row = Trigger.objects.filter(position=self._position).first()
        if row is None or (self._cell.stop == "trailing" and row.best_price is None):
            return None
        return str(row.state)

    async def _until(self, is_so: Callable[[], bool], within_s: float) -> bool:
        until_s = self._loop.time() + within_s
        while not is_so() and self._loop.time() < until_s:
            await asyncio.sleep(0.5)
        return is_so()

    def _moves(self) -> bool:
        mine = {"account": self.run.desk.account}
        open_orders = Order.objects.open().filter(**mine)
        asked = Command.objects.filter(**mine, status__in=("accepted", "unknown"))
        held = Position.objects.open().filter(pk=self._position.pk)
        if self._exchange.hanging or held.exists() or asked.exists():
            return True
        resting = open_orders.filter(status="SUBMITTED").without_legs()
        return open_orders.exclude(pk__in=resting).exists() or _is_flattening()

    # --- acting ---

    async def _act_at(self, at_s: float) -> None:
        await asyncio.sleep(at_s - self._loop.time())
        try:
            self.run.answer = getattr(
                self, f"_{self._cell.act.replace(' ', '_').replace('-', '_')}"
            )()
        except OmsError as refusal:
            self.run.refused = refusal.code

    def _give(self, command: str, **payload: Any) -> Command:
        return self.run.desk.give(command, **payload)

    def _kind(self, payload: dict[str, Any]) -> dict[str, Any]:
        """At market, or by a limit that rests too far away to fill."""
        if self._dice.random() < 0.7:
            return payload | {"type": "market"}
        return payload | {"type": "limit", "price": "120"}

    def _close(self) -> Command:
        return self._give("close_position", **self._kind({"position_id": self._position.pk}))

    def _partial_close(self) -> Command:
        asked = {"position_id": self._position.pk, "qty": PART}
        return self._give("close_position", **self._kind(asked))

    def _reduce_only_order(self) -> Command:
        asked: dict[str, Any] = {
            "symbol": self.run.desk.symbol, "side": "sell", "qty": PART, "reduce_only": True,
            "strategy_id": self._own,
        }  # fmt: skip
        if self._cell.mode == "hedge":
            asked["position_id"] = self._position.pk
        return self._give("send_order", **self._kind(asked))

    def _kill_with_flatten(self) -> None:
        user = self.run.desk.user
        risk.pull(
            scope=KillScope.ACCOUNT, target_id=self.run.desk.account.pk, flatten=True,
            comment="race", by=Actor(user.pk, user.username, None, "race"),
        )  # fmt: skip

    def _close_by(self) -> Command:
        return self._give("close_by", position_id_a=self._position.pk, position_id_b=self._opposite)

    def _change_of_stop(self) -> Command:
        if self._cell.stop == "trailing":
            new: dict[str, Any] = {"trailing": {"amount": str(BEGIN - LATER_STOP)}}
        else:
            new = {"stop_loss": str(LATER_STOP)}
        return self._give("position_change", position_id=self._position.pk, **new)


async def _wait_for_ever(_: object) -> None:
    await asyncio.Event().wait()


def _carry_on_flattening() -> None:
    """What the sweeper has the risk desk do; the port of these tests has no desk behind it."""
    flattening.carry_on()


def _is_flattening() -> bool:
    return Flattening.objects.filter(state=FlattenState.RUNNING).exists()
