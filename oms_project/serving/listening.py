"""What does our server do that daphne's does not?

It lets a WebSocket wait until its client has taken what was sent: daphne writes into memory without
end, so a client that does not read would go unnoticed. It reads sockets in turns by user, and asks
for time and key before it reads a body (``oms_project.port``). And a message that is too large is
answered with our own close code.
"""

import asyncio
from collections.abc import Hashable
from typing import Any

from daphne import server
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from oms_project.answers.json_text import encoded
from oms_project.port.channel import Channel, Request
from oms_project.port.crowd import Crowd
from oms_project.port.descriptors import most_connections, raise_soft_limit
from oms_project.port.pump import Pump, pump_of
from oms_project.port.visit import Visit
from positions.sockets.words import CloseCode

# A slow client still has to find the close code behind what it did not read yet.
CLOSE_HANDSHAKE_S = 10
# Of one socket in memory; one message may be longer and is waited for.
MOST_UNREAD_BYTES = 262_144
# A message is two steps, a control frame is one.
MOST_STEPS = 16


@implementer(IPushProducer)
class Valve:
    """Shut while more is written than the client takes; Twisted turns it."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    async def wait(self) -> None:
        """Until there is room for more, or the connection is gone."""
        await self._open.wait()

    def pauseProducing(self) -> None:  # noqa: N802 (Twisted's names)
        self._open.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._open.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._open.set()


class _Protocol(WebSocketProtocol):
    """One WebSocket with a valve, read in turns."""

    valve: Valve | None = None
    visit: Visit

    def connectionMade(self) -> None:  # noqa: N802
        self.visit = Visit(on_key=lambda: self._crowd.know(self))
        self._has_read = self._is_full = False
        super().connectionMade()
        if not self._crowd.enter(self):
            self.put_out()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self._crowd.leave(self)
        super().connectionLost(reason)

    def put_out(self) -> None:
        """Close at once."""
        self.transport.abortConnection()

    # --- in turns ---

    @property
    def whose(self) -> Hashable:
        """The user, or this socket while none is known."""
        return self if self.visit.user_id is None else self.visit.user_id

    def consumeData(self) -> None:  # noqa: N802
        if self.state not in (self.STATE_OPEN, self.STATE_CLOSING):
            super().consumeData()
            return
        if len(self.data) > MOST_UNREAD_BYTES and not self._is_full:
            self._is_full = True
            self.transport.pauseProducing()
        self._server.pump.enlist(self)

    def read_one(self) -> bool:
        """Read one message; whether more may be there."""
        self._has_read = False
        for _ in range(MOST_STEPS):
            if self.state == self.STATE_CLOSED or not self.processData():
                break
            if self._has_read:
                break
        if self._is_full and len(self.data) < MOST_UNREAD_BYTES:
            self._is_full = False
            self.transport.resumeProducing()
        return self._has_read and bool(self.data) and self.state != self.STATE_CLOSED

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        self._has_read = True
        super().onMessage(payload, isBinary)

    @property
    def _server(self) -> "Server":
        return self.factory.server_class

    @property
    def _crowd(self) -> Crowd:
        return self._server.crowd

    # --- what is sent ---

    def onOpen(self) -> None:  # noqa: N802
        super().onOpen()
        self.valve = Valve()
        self.transport.unregisterProducer()  # The HTTP request that this began as.
        self.transport.registerProducer(self.valve, True)

    def onClose(self, *facts: Any) -> None:  # noqa: N802
        if self.valve is not None:
            self.valve.stopProducing()
        super().onClose(*facts)

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802
        # A transport with a paused producer would not end once everything is written.
        self.transport.unregisterProducer()
        if code == CloseCode.BROKEN:  # The library knows only codes of applications.
            self.sendCloseFrame(code=int(code), isReply=False)
        else:
            super().serverClose(code)

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:  # noqa: N802
        # An exchange's words may hold what UTF-8 cannot; in JSON it has an escape.
        data = encoded(content) if isinstance(content, str) else content
        self.sendMessage(data, binary)

    def _max_message_size_exceeded(self, *_facts: Any) -> None:
        self.serverClose(int(CloseCode.TOO_LARGE))


class Server(server.Server):
    """Daphne, waiting for clients of WebSockets, and not for those who take their time."""

    pump: Pump

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, ready_callable=self._prepare)
        self.crowd = Crowd(most_connections(raise_soft_limit()))

    def _prepare(self) -> None:
        self.pump = pump_of(asyncio.get_event_loop(), settings.OMS_USER_MESSAGES_PER_S)
        self.http_factory.buildProtocol = self._open
        self.ws_factory.protocol = _Protocol
        self.ws_factory.setProtocolOptions(closeHandshakeTimeout=CLOSE_HANDSHAKE_S)

    def _open(self, _address: Any) -> Channel:
        channel = Channel()
        channel.factory, channel.requestFactory = self.http_factory, Request
        channel.crowd = self.crowd
        return channel

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Daphne's, and the visit that the request or socket belongs to."""
        visit = protocol.channel.visit if scope["type"] == "http" else protocol.visit
        return super().create_application(protocol, scope | {"oms.visit": visit})

    def kill_all_applications(self) -> Any:
        """Daphne's; a connection that sent half a request has no application."""
        for protocol, facts in list(self.connections.items()):
            if "application_instance" not in facts:
                del self.connections[protocol]
        return super().kill_all_applications()

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass the message on; a WebSocket's sender waits until there is room for the next."""
        await super().handle_reply(protocol, message)
        valve = getattr(protocol, "valve", None)
        if valve is not None and message["type"] == "websocket.send":
            await valve.wait()
