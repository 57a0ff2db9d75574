"""How does a WebSocket reach the OMS? ``/ws``, on Channels' consumer machinery.

No channel layer: news come from the event table, see ``positions.sockets`` and
docs/adr/0005-relay-instead-of-a-channels-layer.md.
"""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.callers.authentication import resolve
from accounts.callers.browser_sessions import caller_of_session, session_in
from accounts.callers.client import client_address
from accounts.rights.permissions import Caller
from oms_project.errors import InvalidApiKey, OmsError
from oms_project.port.visit import visit_in
from oms_project.problems import problem
from positions.api.pool import at_the_door
from positions.sockets import messages
from positions.sockets.connection import Action, Socket
from positions.sockets.messages import Request
from positions.sockets.vigil import vigil
from positions.sockets.words import CloseCode, Namespace

log = logging.getLogger(__name__)


class OmsConsumer(AsyncWebsocketConsumer):
    """One connection. ``actions`` is what clients may ask for."""

    def __init__(self, *, actions: Mapping[str, Action]) -> None:
        super().__init__()
        self.actions = actions
        self.socket: Socket | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # However it ended, cancelled with the server included.
            if self.socket is not None:
                vigil().discard(self.socket)
                await self.socket.leave()

    async def connect(self) -> None:
        """Accept everyone; who brings a key or a session is admitted, others must say ``auth``.

        A key that is wrong is told so and closed: a refused handshake would hide the close code.
        """
        await self.accept()
        headers = _headers(self.scope)
        peer = self.scope["client"][0] if self.scope.get("client") else None
        address = client_address(peer, headers.get("x-forwarded-for", ""))
        visit = visit_in(self.scope)
        self.socket = Socket(self, self.actions, address, on_caller=visit.recognise)
        try:
            if "x-api-key" in headers:
                self._admit(await at_the_door(resolve, headers["x-api-key"], address=address))
            elif session_key := _session_key(headers):
                self._admit(await at_the_door(_caller_of, session_key, address), session_key)
        except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
            self._turn_away(problem(error))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Hand the message on."""
        if self.socket is not None:
            data = text_data.encode() if text_data is not None else bytes_data
            await self.socket.receive(data or b"")

    def _admit(self, caller: Caller | None, session_key: str | None = None) -> None:
        if self.socket is not None and caller is not None:
            vigil().admit(self.socket, caller, session_key=session_key)

    def _turn_away(self, error: OmsError) -> None:
        if self.socket is not None:
            nobody = Request(None, Namespace.SYSTEM, "auth", None)
            self.socket.outlet.put(messages.refusal_text(error, nobody))
            self.socket.end(CloseCode.NOT_AUTHENTICATED)


def _caller_of(session_key: str, address: str | None) -> Caller | None:
    """The browser's user; ``None`` where nobody is logged in (any more)."""
    try:
        return caller_of_session(session_key, address=address)
    except InvalidApiKey:
        return None


def _session_key(headers: Mapping[str, str]) -> str | None:
    """The session of a browser that shows one of our own pages.

    Browsers send the cookie along with connections that other sites' pages open; only the origin
    tells those apart, so without a good one the cookie counts for nothing.
    """
    session_key = session_in(headers.get("cookie", ""))
    if session_key is None:
        return None
    if not _is_own(headers.get("origin", ""), headers.get("host", "")):
        log.warning("socket.foreign_origin", extra={"origin": headers.get("origin", "")[:128]})
        return None
    return session_key


def _is_own(origin: str, host: str) -> bool:
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    return bool(host) and urlsplit(origin).netloc.lower() == host.lower()


def _headers(scope: Mapping[str, Any]) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
