"""How is a request answered that may wait for an exchange, without a thread while it waits?

An ASGI application beside Django: key, body, the answer of whoever subclasses it, and the same
error body and request id as everywhere.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.urls import Resolver404
from django.urls import resolve as resolve_path

from accounts.callers.authentication import resolve
from accounts.callers.client import client_address
from accounts.rights.permissions import Caller
from oms_project.answers.json_text import encoded
from oms_project.answers.request_ids import chosen_request_id, working_on
from oms_project.errors import OmsError, PayloadTooLarge
from oms_project.port.visit import visit_in
from oms_project.problems import problem
from oms_project.watching.metrics import observe
from positions.api.pool import at_the_door


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose key is known to be good; nothing else of it is checked."""

    caller: Caller
    path: str
    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]
    request_id: str


class PlainApp(ABC):
    """An ASGI application for addresses that wait."""

    @abstractmethod
    async def answer(self, request: Request) -> tuple[int, str]:
        """Status and JSON text.

        Raises:
            OmsError: becomes the error body.
        """

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        request_id = chosen_request_id(headers.get("x-request-id"))
        started = time.perf_counter()
        extra: dict[str, str] = {}
        with working_on(request_id):
            try:
                request = await _read(scope, headers, request_id, receive)
                status, text = await self.answer(request)
            except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
                known: OmsError = problem(error)
                status, extra = known.status, known.headers
                text = json.dumps(known.body(request_id), ensure_ascii=False)
        took_s = time.perf_counter() - started
        route = _route_of(scope["path"])
        observe(method=scope["method"], route=route, status=status, seconds=took_s)
        await _send(send, status, text, extra | {"X-Request-ID": request_id})


def _route_of(path: str) -> str:
    """The pattern of the address: these are known to Django too, for OpenAPI and for tests."""
    try:
        return f"/{resolve_path(path).route}"
    except Resolver404:
        return "none"


async def _read(
    scope: dict[str, Any], headers: dict[str, str], request_id: str, receive: Any
) -> Request:
    peer = scope["client"][0] if scope.get("client") else None
    address = client_address(peer, headers.get("x-forwarded-for", ""))
    # Before the body is looked at: it is nobody's business without a key.
    visit = visit_in(scope)
    caller = visit.caller
    if caller is None:
        caller = await at_the_door(resolve, headers.get("x-api-key"), address=address)
        visit.recognise(caller.user_id)
    return Request(
        caller=caller,
        path=scope["path"],
        body=await _body(receive),
        headers=headers,
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), True)),
        request_id=request_id,
    )


async def _body(receive: Any) -> bytes:
    """The whole body.

    Raises:
        PayloadTooLarge: it is longer than ``OMS_MAX_BODY_BYTES``.
    """
    parts, length = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > settings.OMS_MAX_BODY_BYTES:
            raise PayloadTooLarge(limit=settings.OMS_MAX_BODY_BYTES)
        if not message.get("more_body"):
            return b"".join(parts)


async def _send(send: Any, status: int, text: str, headers: dict[str, str]) -> None:
    data = encoded(text)
    fixed = {"Content-Type": "application/json", "Content-Length": str(len(data))}
    lines = [(name.encode(), value.encode("latin-1")) for name, value in (fixed | headers).items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": data})
