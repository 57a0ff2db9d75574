"""Who listens to what: connections, the topics they subscribed to, and delivery.

Events of a change wait until it is committed (``flush``) and are forgotten when it fails
(``forget``). Nobody builds an event that nobody ``wants``.
"""

import asyncio
from collections.abc import Callable
from fnmatch import fnmatchcase

import orjson

from gateway.paper.faults import Faults, Kind

BACKLOG = 20_000  # messages a slow reader may be behind before it is cut off
HELD_S = 0.5  # how long a re-ordered event waits for another to overtake it

Wrap = Callable[[dict], dict]


def as_it_is(event: dict) -> dict:
    return event


class Connection:
    """One WebSocket: what it subscribed to and what is still to be sent."""

    def __init__(self) -> None:
        self.topics: dict[str, Wrap] = {}
        self.outbox: asyncio.Queue[bytes | None] = asyncio.Queue(BACKLOG)

    def send(self, message: dict) -> None:
        self.push(orjson.dumps(message))

    def push(self, data: bytes) -> None:
        """Queue a message; a reader too far behind is cut off."""
        if self.outbox.full():
            self.close()
        else:
            self.outbox.put_nowait(data)

    def close(self) -> None:
        """End the connection now, whatever is still queued."""
        while not self.outbox.empty():
            self.outbox.get_nowait()
        self.outbox.put_nowait(None)


class Hub:
    """Topics are ``<market>:<stream>`` for the public and ``<market>:user:<login>`` for users."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._topics: dict[str, set[Connection]] = {}
        self._waiting: list[tuple[str, dict]] = []
        self._held: dict[str, dict] = {}

    def subscribe(self, connection: Connection, topic: str, wrap: Wrap = as_it_is) -> None:
        connection.topics[topic] = wrap
        self._topics.setdefault(topic, set()).add(connection)

    def unsubscribe(self, connection: Connection, topic: str) -> None:
        connection.topics.pop(topic, None)
        listeners = self._topics.get(topic, set())
        listeners.discard(connection)
        if not listeners:
            self._topics.pop(topic, None)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is over."""
        for topic in list(connection.topics):
            self.unsubscribe(connection, topic)

    def wants(self, topic: str) -> bool:
        return topic in self._topics

    def topics(self) -> list[str]:
        return list(self._topics)

    def publish(self, topic: str, event: dict) -> None:
        """Send an event to the topic's listeners once the change is committed."""
        if topic in self._topics:
            self._waiting.append((topic, event))

    def flush(self) -> None:
        """Send what was published."""
        waiting, self._waiting = self._waiting, []
        for topic, event in waiting:
            self._pass_faults(topic, event)

    def forget(self) -> None:
        """The change failed: nobody hears of it."""
        self._waiting.clear()

    def drop(self, pattern: str) -> int:
        """Cut the connections that listen to a matching topic; gives their number."""
        matching = [topic for topic in self._topics if fnmatchcase(topic, pattern)]
        connections = {conn for topic in matching for conn in self._topics[topic]}
        for connection in connections:
            connection.close()
        return len(connections)

    def close(self) -> None:
        """Cut every connection that listens to something."""
        self.drop("*")

    def _pass_faults(self, topic: str, event: dict) -> None:
        """Deliver an event, or what a fault on demand makes of it."""
        fault = self._faults.on_stream(topic)
        match fault and fault.kind:
            case Kind.STREAM_DROP:
                self.drop(topic)
            case Kind.STREAM_LATE:
                asyncio.get_running_loop().call_later(fault.ms / 1000, self._deliver, topic, event)
            case Kind.STREAM_REORDER if topic not in self._held:
                self._held[topic] = event
                asyncio.get_running_loop().call_later(HELD_S, self._release, topic)
            case Kind.STREAM_DUPLICATE:
                self._deliver(topic, event)
                self._deliver(topic, event)
            case _:
                self._deliver(topic, event)
                self._release(topic)

    def _release(self, topic: str) -> None:
        if (held := self._held.pop(topic, None)) is not None:
            self._deliver(topic, held)

    def _deliver(self, topic: str, event: dict) -> None:
        plain: bytes | None = None
        for connection in list(self._topics.get(topic, ())):
            wrap = connection.topics[topic]
            if wrap is as_it_is:
                plain = plain or orjson.dumps(event)
                connection.push(plain)
            else:
                connection.send(wrap(event))
