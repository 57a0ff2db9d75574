"""May the callers of this process's sockets still do what they do?

Asked twice a second for all of them in a handful of queries, so a withdrawn right, a revoked key, a
narrowed list of addresses or an ended log-in closes its sockets within a second, whichever process
it happened in.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.conf import settings

from accounts.callers.authentication import refresh_all
from accounts.callers.browser_sessions import caller_of_session
from accounts.rights.permissions import Caller
from oms_project.errors import InvalidApiKey, RateLimited
from positions.api.pool import at_the_door
from positions.sockets.connection import Socket
from positions.sockets.messages import Request
from positions.sockets.words import CloseCode, Namespace

log = logging.getLogger(__name__)

EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """Today's callers: by yesterday's and by browser session, each with its address."""

    callers: dict[tuple[Caller, str | None], Caller | None]
    sessions: dict[tuple[str, str | None], Caller | None]


class Vigil:
    """The sockets of one event loop that have a caller."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self._task: asyncio.Task[None] | None = None

    def admit(self, socket: Socket, caller: Caller, *, session_key: str | None = None) -> bool:
        """The socket is the caller's from now on, and watched over; whether it may be.

        One key has ``OMS_SOCKETS_PER_KEY`` of them in this process; one more is told so and closed.
        """
        most = settings.OMS_SOCKETS_PER_KEY
        key = (caller.user_id, caller.api_key_id)
        held = sum(_key_of(each) == key for each in self._sockets)
        if held >= most:
            nobody = Request(None, Namespace.SYSTEM, "auth", None)
            socket.refuse(nobody, RateLimited("Too many sockets of this key.", limit=most))
            socket.end(CloseCode.RIGHTS_WITHDRAWN)
            return False
        socket.admit(caller, session_key=session_key)
        self._add(socket)
        return True

    def _add(self, socket: Socket) -> None:
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
        sessions = {(each.session_key, each.address) for each in sockets if each.session_key}
        callers = {
            (each.caller, each.address) for each in sockets if each.caller and not each.session_key
        }
        standing = await at_the_door(stand, callers, sessions)
        for socket in sockets:
            if socket.session_key:
                socket.meet(standing.sessions[socket.session_key, socket.address])
            elif (socket.caller, socket.address) in standing.callers:
                socket.meet(standing.callers[socket.caller, socket.address])


def _key_of(socket: Socket) -> tuple[int, int | None] | None:
    caller = socket.caller
    return (caller.user_id, caller.api_key_id) if caller else None


def stand(
    callers: Iterable[tuple[Caller, str | None]], sessions: Iterable[tuple[str, str | None]]
) -> Standing:
    """What each of them may do now, ``None`` where nothing any more."""
    return Standing(refresh_all(callers), {each: _of_session(*each) for each in sessions})


def _of_session(session_key: str, address: str | None) -> Caller | None:
    try:
        return caller_of_session(session_key, address=address)
    except InvalidApiKey:
        return None


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Vigil] = WeakKeyDictionary()


def vigil() -> Vigil:
    """The vigil of the running loop."""
    running = asyncio.get_running_loop()
    if running not in _of_loops:
        _of_loops[running] = Vigil()
    return _of_loops[running]
