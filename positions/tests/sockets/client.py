"""A client of ``/ws`` for tests: the real consumer, over Channels' communicator."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from channels.testing import WebsocketCommunicator

from positions.api.pool import at_the_door, in_pool, reading
from positions.consumers import OmsConsumer
from positions.sockets.actions import ACTIONS

PATIENCE_S = 15
_numbers = count(1)

Message = dict[str, Any]


class SocketClient:
    """Sends requests, and keeps what came in the order in which it came."""

    def __init__(self, wire: WebsocketCommunicator) -> None:
        self.wire = wire
        self.seen: list[Message] = []

    async def next(self) -> Message:
        """The next message, heartbeats left out."""
        while True:
            message = json.loads(await self.wire.receive_from(PATIENCE_S))
            if message["type"] != "ws_heartbeat":
                self.seen.append(message)
                return message

    async def ask(self, action: str, payload: Any = None, namespace: str | None = None) -> Message:
        """The first answer to a request."""
        number = await self.request(action, payload, namespace)
        while True:
            message = await self.next()
            if message["id"] == number:
                return message

    async def request(self, action: str, payload: Any = None, namespace: str | None = None) -> int:
        """Send a request; returns its id."""
        number = next(_numbers)
        body = {"id": number, "action": action, "payload": payload}
        await self.wire.send_to(json.dumps(body | ({"namespace": namespace} if namespace else {})))
        return number

    async def subscribe(self, *account_ids: int, **wish: Any) -> dict[str, Any]:
        """Subscribe; the messages until ``snapshot_done``, by event."""
        number = await self.request("subscribe", {"account_ids": list(account_ids), **wish})
        found: dict[str, Any] = {}
        while "snapshot_done" not in found:
            message = await self.next()
            assert message["ok"], message
            if message["id"] == number:
                found[message["event"]] = message["payload"]
        return found

    async def events(self, many: int) -> list[Message]:
        """The next events of logs, so many."""
        found: list[Message] = []
        while len(found) < many:
            message = await self.next()
            if "seq" in message:
                found.append(message)
        return found

    async def heartbeat(self) -> dict[str, int]:
        """The seqs of the next heartbeat."""
        while True:
            message = json.loads(await self.wire.receive_from(PATIENCE_S))
            if message["type"] == "ws_heartbeat":
                return message["payload"]["seq"]

    async def close_code(self) -> int:
        """The code with which we were closed; messages before are kept in ``seen``."""
        while True:
            message = await self.wire.receive_output(PATIENCE_S)
            if message["type"] == "websocket.close":
                return message["code"]
            self.seen.append(json.loads(message["text"]))


@asynccontextmanager
async def connected(
    key: str | None = None, *, actions: Any = ACTIONS, **headers: str
) -> AsyncIterator[SocketClient]:
    """A connection, with the key in its header if one is given."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        given["x-api-key"] = key
    lines = [(name.encode(), value.encode()) for name, value in given.items()]
    wire = WebsocketCommunicator(OmsConsumer.as_asgi(actions=actions), "/ws", headers=lines)
    accepted, _ = await wire.connect(PATIENCE_S)
    assert accepted
    try:
        yield SocketClient(wire)
    finally:
        await wire.send_input({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(wire.wait(PATIENCE_S), PATIENCE_S)
        # What the pools still work on for it ends here, not in the next test.
        for pool in (at_the_door, in_pool, reading):
            await pool(int)
