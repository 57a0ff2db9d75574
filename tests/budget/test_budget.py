"""Twenty accounts of one address for ten minutes, on a clock that jumps: who waits for whom?

The real pace, counts and lines, with Binance's limits and weights; only how long an answer takes is
made up. `python -m tests.budget` shows the same of a running product by the wall clock.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pytest

from gateway import pacing
from gateway.exchanges.limits import told_by
from gateway.pacing import Pace, Rank, counts, turns
from gateway.pacing.allowances import OURS
from gateway.pacing.counts import Allowance, Counts, Style
from gateway.troubles.beside import side_by_side
from tests.campaign.clock import virtual_time

ACCOUNTS, PLACES, SYMBOLS, MINUTES = 20, 3, 5, 10
ANSWER_S = 0.05
FILLED_EVERY_S = 75.0  # of each account's orders


@dataclass(frozen=True)
class Market:
    """What each question weighs, and which lists a round of reconciliation reads."""

    most: int
    place: int  # the open orders of one symbol
    order: int
    order_trades: int
    balance: int
    prices: int
    first: list[int] = field(default_factory=list)  # beside the trades of each symbol
    short: list[int] = field(default_factory=list)
    trades: int = 0

    def weight(self, lists: list[int]) -> int:
        """Of one round."""
        return sum(lists) + SYMBOLS * self.trades


# All open orders, the balance.
SPOT = Market(6000, 6, 4, 5, 20, 4, trades=20, first=[80, 20, 20, 20], short=[80, 20])
# The mode, positions, all open orders, trades and payments, positions and balance: an account's
# very first round has to look for its opening balance, too.
LINEAR = Market(2400, 1, 1, 5, 5, 2, trades=5,
                first=[5, 5, 40, 5, 5, 5, 25, 30, 5, 5, 5, 5], short=[5, 40, 5, 5])  # fmt: skip


class Clock:
    """What the counts ask for the time."""

    def __init__(self, loop) -> None:
        self.time = loop.time


class Exchange:
    """Counts what is asked of it, by minute and by what it is."""

    def __init__(self, loop, market: Market) -> None:
        self._loop = loop
        self.market = market
        told = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        (limit,) = told_by({"rateLimits": [told | {"limit": market.most}]})
        most = limit.most * OURS
        self.pace = Pace((Allowance("address", Style.WINDOW, most, limit.window_s),))
        self.used: dict[int, Counter[str]] = defaultdict(Counter)
        self.waited_s: dict[str, list[float]] = defaultdict(list)
        self.asked_at_s: dict[str, list[float]] = defaultdict(list)
        self.failed: list[Exception] = []

    async def ask(self, what: str, weight: float, rank: Rank = Rank.READING) -> None:
        began_s, kind = self._loop.time(), what.partition(" ")[0]
        await pacing.turn(self.pace, weight, rank=rank, is_order=False)
        now_s = self._loop.time()
        self.waited_s[kind].append(now_s - began_s)
        self.asked_at_s[what].append(now_s)
        self.used[int(now_s // 60)][kind] += int(weight)
        await asyncio.sleep(ANSWER_S)

    def total(self, minute: int) -> int:
        return self.used[minute].total()

    def most(self, kind: str) -> int:
        """The most that was used for it in a minute."""
        return max(used[kind] for used in self.used.values())


async def poll(exchange: Exchange, place: str) -> None:
    while True:
        await exchange.ask(f"place {place}", exchange.market.place, Rank.POLLING)
        await asyncio.sleep(1.0)


async def reconcile(exchange: Exchange, account: int) -> None:
    """The first round after a start, then short ones; lists are read beside one another."""
    await exchange.ask("open", 1, Rank.ACTING)
    lists, rank = exchange.market.first, Rank.CATCHING_UP
    while True:
        with pacing.going(rank):
            await _round(exchange, account, lists)
        exchange.asked_at_s[f"round {account}"].append(asyncio.get_running_loop().time())
        lists, rank = exchange.market.short, Rank.COMPARING
        await asyncio.sleep(60.0)


async def _round(exchange: Exchange, account: int, lists: list[int]) -> None:
    for weight in lists:
        await _read(exchange, {f"reconcile {account}": weight})
    names = [f"reconcile {account} {n}" for n in range(SYMBOLS)]
    await _read(exchange, dict.fromkeys(names, exchange.market.trades))


async def _read(exchange: Exchange, lists: dict[str, int]) -> None:
    works = {
        name: lambda name=name, weight=weight: exchange.ask(name, weight)
        for name, weight in lists.items()
    }
    exchange.failed += (await side_by_side(works)).values()


async def fill(exchange: Exchange, account: int) -> None:
    """The market reaches an order: its place, itself and its trades; then there is another."""
    await asyncio.sleep(account * FILLED_EVERY_S / ACCOUNTS)
    while True:
        for weight in (exchange.market.place, exchange.market.order, exchange.market.order_trades):
            await exchange.ask("fill", weight, Rank.ACTING)
        await exchange.ask("order", 1, Rank.ACTING)
        await asyncio.sleep(FILLED_EVERY_S)


async def watch_prices(exchange: Exchange) -> None:
    while True:
        await exchange.ask("prices", exchange.market.prices, Rank.CLOSING)
        await asyncio.sleep(10.0)  # As a rule streams tell them.


async def read(exchange: Exchange) -> None:
    while True:
        await exchange.ask("read", exchange.market.balance)
        await asyncio.sleep(10.0)


async def cancel(exchange: Exchange) -> None:
    while True:
        await exchange.ask("cancel", 1, Rank.CLOSING)
        await asyncio.sleep(5.0)


def most_apart_s(times: list[float], until_s: float) -> float:
    return max(b - a for a, b in zip([0.0, *times], [*times, until_s], strict=True))


@pytest.fixture(params=[SPOT, LINEAR], ids=["spot", "linear"])
def lived(request, monkeypatch) -> Exchange:
    with virtual_time() as loop:
        monkeypatch.setattr(counts, "time", Clock(loop))
        kept = Counts()
        monkeypatch.setattr(turns, "_counts", lambda: kept)
        exchange = Exchange(loop, request.param)

        async def work() -> None:
            works = [poll(exchange, f"{n}.{p}") for n in range(ACCOUNTS) for p in range(PLACES)]
            works += [reconcile(exchange, n) for n in range(ACCOUNTS)]
            works += [fill(exchange, n) for n in range(ACCOUNTS)]
            works += [alone(exchange) for alone in (watch_prices, read, cancel)]
            tasks = [asyncio.create_task(one) for one in works]
            await asyncio.sleep(60 * MINUTES)
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends

        loop.run_until_complete(work())
    return exchange


def test_twenty_accounts_use_half_of_what_is_allowed_and_nobody_waits_long(lived):
    until_s = 60.0 * MINUTES
    places = [at for what, at in lived.asked_at_s.items() if what.startswith("place")]

    print(f"by minute {[lived.total(minute) for minute in range(MINUTES)]}")
    assert max(lived.total(minute) for minute in lived.used) <= lived.market.most / 2
    assert len(places) == ACCOUNTS * PLACES
    assert max(most_apart_s(at, until_s) for at in places) < 15
    for kind in ("prices", "cancel", "fill", "order", "read"):
        assert max(lived.waited_s[kind]) == 0, kind


def test_each_kind_keeps_to_its_part_also_in_the_first_minute(lived):
    most = lived.market.most

    assert 0.25 * most <= lived.most("place") <= 0.28 * most
    assert 0.10 * most <= lived.most("reconcile") <= 0.13 * most
    assert lived.used[0]["reconcile"] <= 0.13 * most


def test_of_many_first_rounds_one_ends_after_the_other(lived):
    """Else all of them would end when the last one does."""
    rounds = [at for what, at in lived.asked_at_s.items() if what.startswith("round")]
    first = sorted(at[0] for at in rounds)

    print(f"first rounds ended after {[round(at_s) for at_s in first]} s")
    assert len(first) >= 0.7 * ACCOUNTS
    assert first[len(first) // 2] < 0.7 * first[-1]


def test_a_list_that_waits_for_its_turn_is_not_a_list_that_failed(lived):
    assert not lived.failed
    assert max(lived.waited_s["reconcile"]) > 60
    assert lived.market.weight(lived.market.short) * ACCOUNTS <= 0.7 * lived.market.most
