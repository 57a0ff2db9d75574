"""What waits to be sent to one client, and what if it does not read?

A bounded queue with one writer. Who falls behind by more than ``OMS_SOCKET_QUEUE`` messages is told
and closed; so is whom a message cannot be sent to. Nothing is ever left out in between.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from django.conf import settings

from positions.sockets.messages import excess
from positions.sockets.words import CloseCode

log = logging.getLogger(__name__)

FAREWELL_S = 0.2
PATIENCE_S = 30.0

Send = Callable[[str], Awaitable[None]]


class Outlet:
    """The way to one client. Lives on the socket's loop."""

    def __init__(self, send: Send, give_up: Callable[[CloseCode], None]) -> None:
        self.limit: int = settings.OMS_SOCKET_QUEUE
        self._send, self._give_up = send, give_up
        self._queue: deque[str] = deque()
        self._filled, self._taken = asyncio.Event(), asyncio.Event()
        self._is_over = False
        self._writer = asyncio.create_task(self._write())

    def put(self, text: str) -> None:
        """Have the text sent; one too many ends the connection, and what comes after it is moot.

        So does one that is too large: whoever makes such texts has to make smaller ones.
        """
        if self._is_over:
            return
        if len(self._queue) >= self.limit:
            self._end_by(CloseCode.TOO_SLOW)
            return
        if (size := excess(text)) is not None:
            log.error("socket.message_too_large", extra={"bytes": size})
            self._end_by(CloseCode.TOO_LARGE)
            return
        self._queue.append(text)
        self._filled.set()

    @property
    def is_behind(self) -> bool:
        """Whether the client has not taken all that was put."""
        return bool(self._queue)

    async def room(self, count: int = 1) -> None:
        """Wait until ``count`` texts fit; a client that takes nothing for long is too slow."""
        count = min(count, self.limit)
        while not self._is_over and len(self._queue) + count > self.limit:
            self._taken.clear()
            try:
                await asyncio.wait_for(self._taken.wait(), PATIENCE_S)
            except TimeoutError:
                self._end_by(CloseCode.TOO_SLOW)

    async def end(self, farewell: str | None = None) -> None:
        """Send nothing more but the farewell."""
        self._is_over = True
        self._taken.set()
        self._writer.cancel()
        if farewell is not None:
            # It is written at once; the wait is for the client to take it.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._send(farewell), FAREWELL_S)

    async def drained(self) -> None:
        """Wait until everything was taken, for a moment at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                while self._queue and not self._is_over:
                    self._taken.clear()
                    await self._taken.wait()

    def _end_by(self, code: CloseCode) -> None:
        self._is_over = True
        self._give_up(code)

    async def _write(self) -> None:
        try:
            await self._write_all()
        except Exception:
            # Nothing that follows could be understood without it.
            log.exception("socket.send_failed")
            self._end_by(CloseCode.BROKEN)

    async def _write_all(self) -> None:
        while True:
            while self._queue:
                # Taken out once the client has it: what is on the way counts as waiting.
                await self._send(self._queue[0])
                self._queue.popleft()
                self._taken.set()
            self._filled.clear()
            await self._filled.wait()
