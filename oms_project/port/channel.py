"""How long may a client take, and what may it send, before an application hears of it?

Ten seconds (``OMS_HEADER_TIMEOUT_S``) for the header of a request, and for a connection that shows
no key; a body gets one second more for every 1,000 bytes that came. Between requests a connection
with a good key is kept for ``OMS_KEEPALIVE_S``. While a request is being answered no time runs.
"""

import asyncio
import json
import time
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from daphne.http_protocol import WebRequest
from django.conf import settings
from twisted.internet import reactor
from twisted.web import http

from oms_project.answers.headers import headers_for
from oms_project.answers.json_text import encoded
from oms_project.answers.request_ids import chosen_request_id, working_on
from oms_project.errors import InternalError, MalformedJson, OmsError, PayloadTooLarge
from oms_project.port.crowd import Crowd
from oms_project.port.door import Asked, admit
from oms_project.port.visit import Visit
from oms_project.problems import problem

LEAST_BODY_BYTES_PER_S = 1000
# How long, and how much, is listened to a client that was refused: it may still be sending, and
# would not read the answer from a connection that is reset.
FAREWELL_S = 1.0


class Channel(http.HTTPChannel):
    """One connection that speaks HTTP."""

    crowd: Crowd

    def __init__(self) -> None:
        super().__init__()
        self.timeOut = None  # Twisted's own, which every byte begins anew.
        self.visit = Visit(on_key=lambda: reactor.callFromThread(self.crowd.know, self))
        self._timer: Any = None
        self._began_at = self._body_at = 0.0
        self._body_bytes, self._limit = 0, 0
        self._is_idle = self._is_refused = self._waits_to_continue = False

    # --- its life ---

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's names)
        super().connectionMade()
        self._began_at = time.monotonic()
        if not self.crowd.enter(self):
            self.put_out()
            return
        self._set_timer(settings.OMS_HEADER_TIMEOUT_S, self.put_out)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self.hand_over()
        super().connectionLost(reason)

    def put_out(self) -> None:
        """Close at once."""
        self._set_timer(None)
        if self.transport is not None:
            self.transport.abortConnection()

    def hand_over(self) -> None:
        """The connection is gone, or somebody else's: a socket."""
        self._set_timer(None)
        self.crowd.leave(self)

    # --- what comes ---

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self._is_refused:
            return  # Nothing of it is kept.
        if self._is_idle:
            self._is_idle = False
            self._set_timer(settings.OMS_HEADER_TIMEOUT_S, self.put_out)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:  # noqa: N802
        super().allHeadersReceived()
        if self.length != 0:
            self.paused = True
            self.transport.pauseProducing()
            self._set_timer(None)
            self._asking = asyncio.ensure_future(self._ask(self.requests[-1]))

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        if not self._handlingRequest:
            self._body_bytes += len(data)
            # Chunks bring their own lengths along.
            if self._body_bytes > self._limit * 2 + 4096:
                self._refuse(PayloadTooLarge(limit=self._limit))
                return
        super().rawDataReceived(data)

    def allContentReceived(self) -> None:  # noqa: N802
        self._set_timer(None)
        if self.requests[-1].content.tell() > self._limit and self._body_bytes:
            self._refuse(PayloadTooLarge(limit=self._limit))
            return
        self._body_bytes = 0
        super().allContentReceived()

    def requestDone(self, request: http.Request) -> None:  # noqa: N802
        self.visit.caller = None
        if self.persistent:
            self._is_idle = True
            self._set_timer(self.patience_s, self.put_out)
        super().requestDone(request)

    def checkPersistence(self, request: http.Request, version: bytes) -> bool:  # noqa: N802
        is_late = time.monotonic() - self._began_at > settings.OMS_HEADER_TIMEOUT_S
        if is_late and not self.visit.has_key and not _has_key(request):
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        return super().checkPersistence(request, version)

    @property
    def patience_s(self) -> float:
        """How long the connection is kept between two requests."""
        return settings.OMS_KEEPALIVE_S if self.visit.has_key else settings.OMS_HEADER_TIMEOUT_S

    # --- the body ---

    async def _ask(self, request: http.Request) -> None:
        try:
            self._limit = await admit(self._asked(request), self.visit)
        except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
            given = request.requestHeaders.getRawHeaders(b"X-Request-ID", [b""])[0]
            request_id = chosen_request_id(given.decode("latin-1"))
            with working_on(request_id):
                known = problem(error)
            self._refuse(known, request_id)
            return
        if self.transport is None or self.transport.disconnecting:
            return
        if self._waits_to_continue:
            self._waits_to_continue = False
            super()._send100Continue()
        self._body_at, self._body_bytes = time.monotonic(), 0
        self._set_timer(settings.OMS_HEADER_TIMEOUT_S, self._look_at_body)
        self.paused = False
        self.transport.resumeProducing()
        self.dataReceived(b"")

    def _asked(self, request: http.Request) -> Asked:
        path = unquote(self._path.partition(b"?")[0].decode("latin-1"))
        headers = {
            name.decode("latin-1").lower(): values[0].decode("latin-1")
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        peer = getattr(self.transport.getPeer(), "host", None)
        return Asked(path=path, headers=headers, peer=peer, length=self.length)

    def _look_at_body(self) -> None:
        """Put out who sends slower than ``LEAST_BODY_BYTES_PER_S`` over time."""
        allowed_s = settings.OMS_HEADER_TIMEOUT_S + self._body_bytes / LEAST_BODY_BYTES_PER_S
        left_s = self._body_at + allowed_s - time.monotonic()
        if left_s <= 0:
            self.put_out()
        else:
            self._set_timer(left_s, self._look_at_body)

    def _send100Continue(self) -> None:  # noqa: N802
        """Only once it is known that the body is wanted."""
        self._waits_to_continue = True

    # --- refusals ---

    def _refuse(self, error: OmsError, request_id: str = "") -> None:
        """Answer with the error and end; what still comes is thrown away for a moment."""
        if self._is_refused or self.transport is None:
            return
        self._is_refused = True
        path = getattr(self, "_path", b"/").decode("latin-1")
        body = encoded(json.dumps(error.body(request_id), ensure_ascii=False))
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            "X-Request-ID": request_id,
        } | headers_for(path)
        lines = [f"HTTP/1.1 {error.status} {http.RESPONSES[error.status].decode()}"]
        lines += [f"{name}: {value}" for name, value in (headers | error.headers).items()]
        self.transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        self._buffer, self.paused = b"", True
        self.transport.resumeProducing()
        self._set_timer(FAREWELL_S, self.put_out)

    def _respondToBadRequestAndDisconnect(self) -> None:  # noqa: N802
        self._refuse(MalformedJson("The request cannot be read."), chosen_request_id(None))

    def _set_timer(self, seconds: float | None, work: Any = None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if seconds is None else reactor.callLater(seconds, work)


class Request(WebRequest):
    """One request: its body in memory, which is bounded, and errors in our body."""

    _parsePOSTFormSubmission = False  # noqa: N815 (Django reads forms, not the port)

    def gotLength(self, length: int | None) -> None:  # noqa: N802
        self.content = BytesIO()

    def process(self) -> Any:
        # Daphne would believe it of anybody.
        self.requestHeaders.removeHeader(b"daphne-root-path")
        channel = self.channel
        done = super().process()
        if getattr(channel.transport, "protocol", channel) is not channel:
            channel.hand_over()  # It is a socket now.
        return done

    def handle_reply(self, message: dict[str, Any]) -> None:
        channel = self.channel
        if message["type"] == "http.response.start" and channel is not None and channel.persistent:
            self.responseHeaders.setRawHeaders(b"Keep-Alive", [b"timeout=%d" % channel.patience_s])
        super().handle_reply(message)

    def basic_error(self, status: int, status_text: bytes, body: str) -> None:
        error: OmsError = InternalError() if status >= 500 else MalformedJson(f"{body}.")
        request_id = chosen_request_id(None)
        lines = {"Content-Type": "application/json", "X-Request-ID": request_id} | headers_for("/")
        given = [(name.encode(), value.encode()) for name, value in lines.items()]
        self.handle_reply({"type": "http.response.start", "status": error.status, "headers": given})
        text = json.dumps(error.body(request_id))
        self.handle_reply({"type": "http.response.body", "body": text.encode()})


def _has_key(request: http.Request) -> bool:
    return request.requestHeaders.hasHeader(b"x-api-key")
