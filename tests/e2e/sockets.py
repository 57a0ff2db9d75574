"""Clients of a running product's ``/ws``."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

import aiohttp

from tests.e2e.product import Json, Product

PATIENCE_S = 30
PAUSE_S = 0.1
_numbers = count(1)


class Client:
    """One connection."""

    def __init__(self, wire: aiohttp.ClientWebSocketResponse) -> None:
        self.wire = wire
        self.seen: list[Json] = []
        self.ages_ms: list[int] = []  # From the transaction's time to here, event by event.

    async def next(self) -> Json:
        """The next message that is no heartbeat."""
        async with asyncio.timeout(PATIENCE_S):
            while (message := json.loads(await self.wire.receive_str()))["type"] == "ws_heartbeat":
                pass
        if "created_at" in message:
            created_at = datetime.fromisoformat(message["created_at"])
            self.ages_ms.append(round((datetime.now(UTC) - created_at).total_seconds() * 1000))
        self.seen.append(message)
        return message

    async def request(self, action: str, payload: Any = None) -> int:
        number = next(_numbers)
        await self.wire.send_json({"id": number, "action": action, "payload": payload})
        return number

    async def ask(self, action: str, payload: Any = None) -> Json:
        """The first answer to a request."""
        number = await self.request(action, payload)
        while (message := await self.next())["id"] != number:
            pass
        return message

    async def until(self, event: str) -> Json:
        """The next message of an event."""
        while (message := await self.next())["event"] != event:
            pass
        return message

    async def close_code(self) -> int | None:
        """Read on until we are closed; messages before are in ``seen``."""
        async with asyncio.timeout(PATIENCE_S):
            async for message in self.wire:
                self.seen.append(json.loads(message.data))
        return self.wire.close_code


@asynccontextmanager
async def connected(product: Product, *, key: str | None = "", base: str | None = None):
    """A connection with the product's key in its header, another one, or none."""
    key = product.facts["api_key"] if key == "" else key
    headers = {} if key is None else {"x-api-key": key}
    url = f"{base or product.base}/ws"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers, max_msg_size=0) as wire,
    ):
        yield Client(wire)


class Follower:
    """Keeps one account's log, over whatever happens to its connections.

    ``faults`` are sentences about what a client should never see.
    """

    def __init__(self, account_id: int, key: str, bases: Iterable[str]) -> None:
        self.account_id, self._key = account_id, key
        self._bases = list(bases)
        self.events: list[Json] = []
        self.faults: list[str] = []
        self.connections = 0

    @property
    def last(self) -> int:
        return self.events[-1]["seq"] if self.events else 0

    async def run(self) -> None:
        """Follow for ever."""
        async with aiohttp.ClientSession(headers={"x-api-key": self._key}) as session:
            while True:
                with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                    await self._follow(session)
                await asyncio.sleep(PAUSE_S)

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        base = self._bases[self.connections % len(self._bases)]
        self.connections += 1
        async with session.ws_connect(f"{base}/ws", max_msg_size=0) as wire:
            wish = {"account_ids": [self.account_id], "with_snapshot": False}
            wish["since_seq"] = self.last
            await wire.send_json({"id": 1, "action": "subscribe", "payload": wish})
            async for message in wire:
                self._take(json.loads(message.data))

    def _take(self, message: Json) -> None:
        match message:
            case {"type": "ws_heartbeat", "payload": {"seq": seqs}}:
                if seqs not in ({}, {str(self.account_id): self.last}):
                    self.faults.append(f"heartbeat {seqs}, had {self.last}")
            case {"seq": seq, "prev_seq": before}:
                if before != self.last or seq != before + 1:
                    self.faults.append(f"event {seq} after {before}, had {self.last}")
                self.events.append(message)
            case {"ok": False}:
                self.faults.append(f"refused: {message['payload']}")


def log_of(product: Product, account_id: int) -> list[Json]:
    """The whole event log, over REST."""
    found: list[Json] = []
    while True:
        since = found[-1]["seq"] if found else 0
        page = product.get("/oms/events", account_ids=account_id, since_seq=since, limit=500)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
