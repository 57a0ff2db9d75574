"""May the callers of this process's sockets still do what they do?

Asked twice a second for all of them in a handful of queries, so a withdrawn right, a revoked key or
an ended log-in closes its sockets within a second, whichever process it happened in.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from accounts.authentication import refresh_all
from accounts.browser_sessions import caller_of_session
from accounts.permissions import Caller
from oms_project.errors import InvalidApiKey
from positions.api.pool import reading
from positions.sockets.connection import Socket

log = logging.getLogger(__name__)

EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """Today's callers: by yesterday's, and by browser session."""

    callers: dict[Caller, Caller | None]
    sessions: dict[str, Caller | None]


class Vigil:
    """The sockets of one event loop that have a caller."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, socket: Socket) -> None:
        """Watch over the socket from now on."""
        self._sockets.add(socket)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def discard(self, socket: Socket) -> None:
        """The socket is gone."""
        self._sockets.discard(socket)

    async def _run(self) -> None:
        while self._sockets:
            await asyncio.sleep(EVERY_S)
            try:
                await self._look()
            except Exception:
                # Without the database there is nothing new to show either; asked again soon.
                log.exception("vigil.failed")

    async def _look(self) -> None:
        sockets = [each for each in self._sockets if each.caller is not None]
        sessions = {each.session_key for each in sockets if each.session_key}
        callers = {each.caller for each in sockets if each.caller and not each.session_key}
        standing = await reading(stand, callers, sessions)
        for socket in sockets:
            if socket.session_key:
                socket.meet(standing.sessions[socket.session_key])
            elif socket.caller in standing.callers:
                socket.meet(standing.callers[socket.caller])


def stand(callers: Iterable[Caller], session_keys: Iterable[str]) -> Standing:
    """What each of them may do now, ``None`` where nothing any more."""
    return Standing(refresh_all(callers), {each: _of_session(each) for each in session_keys})


def _of_session(session_key: str) -> Caller | None:
    try:
        return caller_of_session(session_key)
    except InvalidApiKey:
        return None


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Vigil] = WeakKeyDictionary()


def vigil() -> Vigil:
    """The vigil of the running loop."""
    running = asyncio.get_running_loop()
    if running not in _of_loops:
        _of_loops[running] = Vigil()
    return _of_loops[running]
