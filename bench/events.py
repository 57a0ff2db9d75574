"""G8: how fast do events reach a hundred sockets, beside a bare fan-out from Redis?

Ours: a process writes events into an account's log, one transaction each; ``/ws`` tells a hundred
clients, in server mode. Baseline: a process publishes the same texts to a Redis channel, and a bare
aiohttp server (``fanout.py``) passes them on to as many sockets. The clients are the same, here.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import aiohttp

from bench.measuring import ROUNDS, Goal, Result, summary
from tests.e2e.conftest import missing_servers
from tests.e2e.product import REDIS, ROOT, Process, Product, free_port
from tests.e2e.servers import wait_until_open

SOCKETS = 100
WATCHED = 10  # of them, whose messages are read for their time
STEADY, STEADY_PER_S = 100, 50
BURST, BURST_PER_COMMIT = 1000, 10
PATIENCE_S = 60

LATENCY = Goal("G8 from the event's time to 100 sockets, p50: ≤ 2×", "ms", at_most=2)
RATE = Goal("G8 deliveries to 100 sockets: ≥ 10,000/s", "/s", ours_at_least=10_000)


def run() -> list[Result]:
    """Nothing where MariaDB or Redis is missing: what is compared with is Redis."""
    if missing := missing_servers():
        print(f"events: not measured without {' and '.join(missing)}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder) / "server", mode="server").start()
        bare = _fanout(product, Path(folder))
        try:
            return asyncio.run(_compare(product, bare))
        finally:
            bare.stop()
            product.stop()


async def _compare(product: Product, bare: Process) -> list[Result]:
    latencies, rates = [], []
    for number in range(ROUNDS + 1):
        steady = [await _measure(product, ours, STEADY, 1, STEADY_PER_S) for ours in (False, True)]
        burst = [
            await _measure(product, ours, BURST, BURST_PER_COMMIT, 0) for ours in (False, True)
        ]
        if number:  # The first round does not count.
            latencies.append(tuple(median(each.ages_ms) for each in steady))
            rates.append(tuple(each.per_s for each in burst))
    return [summary(LATENCY, latencies), summary(RATE, rates)]


@dataclass
class Arrived:
    """What came in over all sockets."""

    expected: int
    count: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    ages_ms: list[float] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def per_s(self) -> float:
        return self.count / (self.last_s - self.first_s)

    def note(self, text: str, *, is_watched: bool) -> None:
        """One message at one socket."""
        self.last_s = time.monotonic()
        self.first_s = self.first_s or self.last_s
        self.count += 1
        if is_watched:
            written_at = datetime.fromisoformat(json.loads(text)["created_at"])
            self.ages_ms.append((datetime.now(UTC) - written_at).total_seconds() * 1000)
        if self.count >= self.expected:
            self.done.set()


async def _measure(
    product: Product, ours: bool, events: int, per_commit: int, per_s: int
) -> Arrived:
    """Have so many events written, or published, and wait until every socket has them all."""
    arrived = Arrived(events * SOCKETS)
    url = f"{product.base}/ws" if ours else product.facts["bare"]
    async with _listening(product, url, arrived, subscribes=ours):
        words = [product.account("ccxt.binance")["id"], events, per_commit, per_s]
        words += [] if ours else [f"{REDIS}/15"]
        command = [sys.executable, "-m", "bench.event_writer", *map(str, words)]
        writer = subprocess.Popen(command, cwd=ROOT, env=product.env)
        async with asyncio.timeout(PATIENCE_S):
            await arrived.done.wait()
        await asyncio.to_thread(writer.wait)
    return arrived


@asynccontextmanager
async def _listening(
    product: Product, url: str, arrived: Arrived, *, subscribes: bool
) -> AsyncIterator[None]:
    headers = {"x-api-key": product.facts["api_key"]}
    wish = {"account_ids": [product.account("ccxt.binance")["id"]], "with_snapshot": False}
    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        client = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, headers=headers)
        )
        listeners = []
        for number in range(SOCKETS):
            wire = await stack.enter_async_context(client.ws_connect(url, max_msg_size=0))
            if subscribes:
                await wire.send_json({"id": 1, "action": "subscribe", "payload": wish})
                while '"subscribed"' not in await wire.receive_str():
                    pass
            listen = _listen(wire, arrived, is_watched=number < WATCHED)
            listeners.append(asyncio.create_task(listen))
        yield
        for listener in listeners:
            listener.cancel()


async def _listen(
    wire: aiohttp.ClientWebSocketResponse, arrived: Arrived, *, is_watched: bool
) -> None:
    async for message in wire:
        if '"seq"' in message.data and "ws_heartbeat" not in message.data:
            arrived.note(message.data, is_watched=is_watched)


def _fanout(product: Product, folder: Path) -> Process:
    """The bare server; its address is noted with the product's facts."""
    port = free_port()
    product.facts["bare"] = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "bench.fanout", str(port), f"{REDIS}/15"]
    process = Process("fanout", command, product.env, folder / "fanout.log")
    process.start()
    wait_until_open(port)
    return process
