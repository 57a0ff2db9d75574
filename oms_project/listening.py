"""What does our server do that daphne's does not?

It lets a WebSocket wait until its client has taken what was sent: daphne writes into memory without
end, so a client that does not read would go unnoticed. And a message that is too large is answered
with our own close code.
"""

import asyncio
from typing import Any

from daphne import server
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from positions.sockets.words import CloseCode

# A slow client still has to find the close code behind what it did not read yet.
CLOSE_HANDSHAKE_S = 10


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
    """One WebSocket with a valve."""

    valve: Valve | None = None

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
        super().serverClose(code)

    def _max_message_size_exceeded(self, *_facts: Any) -> None:
        self.serverClose(int(CloseCode.TOO_LARGE))


class Server(server.Server):
    """Daphne, waiting for clients of WebSockets."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, ready_callable=self._prepare)

    def _prepare(self) -> None:
        self.ws_factory.protocol = _Protocol
        self.ws_factory.setProtocolOptions(closeHandshakeTimeout=CLOSE_HANDSHAKE_S)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass the message on; a WebSocket's sender waits until there is room for the next."""
        await super().handle_reply(protocol, message)
        valve = getattr(protocol, "valve", None)
        if valve is not None and message["type"] == "websocket.send":
            await valve.wait()
