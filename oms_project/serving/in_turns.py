"""Whose request is next on the threads that answer everything but commands?

Each user has a line of their own, as for commands (``positions.api.turns``): who asks for a hundred
long lists delays another by one of them, whether by keys or in browsers. The risk desk's acts stand
in front. Whoever shows neither a good key nor a session that somebody began waits in the line of
their address: what can be made up gives nobody a line of their own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DatabaseError

from accounts.callers.authentication import resolve
from accounts.callers.browser_sessions import session_in, user_id_of_session
from accounts.callers.client import client_address
from oms_project.errors import OmsError
from oms_project.port.visit import visit_in
from positions.api.pool import at_the_door
from positions.api.turns import Line, Turns
from positions.courtesy import Parties, courtesy, parties

# How the product is: whoever watches it has to see it while everything waits.
AT_ONCE = ("/healthz", "/readyz", "/metrics")
IN_FRONT = ("/oms/risk/", "/admin/data/oms/risk/")

Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]


class InTurns:
    """An ASGI application on ``threads`` threads whose requests take turns by who asks."""

    def __init__(self, app: App, *, threads: int) -> None:
        self._app, self._threads = app, threads
        self._of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["path"] in AT_ONCE:
            await self._app(scope, receive, send)
            return
        whose, line = await _whose(scope), _line_of(scope)
        who = parties(user_id=whose)
        with courtesy().having(who), _courtesy_for(who):
            async with self._turns().turn(whose, line):
                await self._app(scope, receive, send)

    def _turns(self) -> Turns:
        running = asyncio.get_running_loop()
        if running not in self._of_loops:
            self._of_loops[running] = Turns(self._threads)
        return self._of_loops[running]


def _courtesy_for(who: Parties) -> AbstractContextManager[None]:
    """Who asks for little does not wait for those who ask for much."""
    return nullcontext() if courtesy().is_busy(who) else courtesy().waiting(who)


def _line_of(scope: Scope) -> Line:
    is_act = scope["method"] == "POST" and scope["path"].startswith(IN_FRONT)
    return Line.FRONT if is_act else Line.ORDINARY


async def _whose(scope: Scope) -> int | str:
    """Who asks; what is wrong with a key says whoever answers."""
    if (caller := visit_in(scope).caller) is not None:
        return caller.user_id
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    peer = scope["client"][0] if scope.get("client") else None
    address = client_address(peer, headers.get(b"x-forwarded-for", ""))
    if key := headers.get(b"x-api-key"):
        with suppress(OmsError, DatabaseError):
            return (await at_the_door(resolve, key, address=address)).user_id
    if session_key := session_in(headers.get(b"cookie", "")):
        with suppress(DatabaseError):
            if (user_id := await at_the_door(user_id_of_session, session_key)) is not None:
                return user_id
    return f"address {address}"
