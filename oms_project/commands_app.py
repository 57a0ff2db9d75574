"""``POST /oms/commands`` without a thread per waiting request."""

import json
import time
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from accounts.authentication import resolve
from accounts.client import client_address
from oms_project.errors import OmsError, PayloadTooLarge
from oms_project.metrics import observe
from oms_project.middleware import chosen_request_id
from oms_project.problems import problem
from positions.api.commands import Post, answer
from positions.api.pool import in_pool


class CommandsApp:
    """An ASGI application for one address: key, body, acceptance, wait, answer."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        request_id = chosen_request_id(headers.get("x-request-id"))
        started = time.perf_counter()
        extra: dict[str, str] = {}
        try:
            status, body = await self._answer(scope, headers, receive)
        except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
            known: OmsError = problem(error)
            status, body, extra = known.status, known.body(request_id), known.headers
        took_s = time.perf_counter() - started
        observe(method="POST", route=scope["path"], status=status, seconds=took_s)
        await _send(send, status, body, extra | {"X-Request-ID": request_id})

    async def _answer(
        self, scope: dict[str, Any], headers: dict[str, str], receive: Any
    ) -> tuple[int, dict[str, Any]]:
        peer = scope["client"][0] if scope.get("client") else None
        address = client_address(peer, headers.get("x-forwarded-for", ""))
        caller = await in_pool(resolve, headers.get("x-api-key"), address=address)
        found = await answer(
            Post(
                caller=caller,
                body=await _read(receive),
                content_type=headers.get("content-type", ""),
                query=dict(parse_qsl(scope["query_string"].decode("latin-1"), True)),
                idempotency_key=headers.get("idempotency-key"),
            )
        )
        return found.status, found.body


async def _read(receive: Any) -> bytes:
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


async def _send(send: Any, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
    data = json.dumps(body, ensure_ascii=False).encode()
    fixed = {"Content-Type": "application/json", "Content-Length": str(len(data))}
    lines = [(name.encode(), text.encode("latin-1")) for name, text in (fixed | headers).items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": data})
