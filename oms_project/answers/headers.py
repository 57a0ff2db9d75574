"""Which headers does every answer carry, and what if a part of ours breaks before it answers?

Set where all parts meet, so that no address is without them: neither those that Django serves nor
those that hold no thread.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings

from oms_project.answers.json_text import encoded
from oms_project.answers.request_ids import chosen_request_id, working_on
from oms_project.problems import problem

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Mapping[str, Any], Any, Send], Awaitable[None]]

# Nothing from elsewhere, nothing inline, and nobody shows our pages inside theirs.
STRICT = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)
# Swagger UI draws its arrows from addresses that hold the picture, as scripts of the screens do.
WITH_DRAWINGS = f"{STRICT}; img-src 'self' data:"
_DRAWING = ("/api/docs", "/admin")


def policy_for(path: str) -> str:
    """The Content-Security-Policy of an address."""
    plain = path.rstrip("/")
    draws = any(plain == each or plain.startswith(f"{each}/") for each in _DRAWING)
    return WITH_DRAWINGS if draws else STRICT


def headers_for(path: str) -> dict[str, str]:
    """What is added to the answer of an address."""
    added = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": policy_for(path),
        "Referrer-Policy": "same-origin",
    }
    if settings.OMS_HSTS_S > 0:
        added["Strict-Transport-Security"] = f"max-age={settings.OMS_HSTS_S}"
    return added


async def answered(app: App, scope: Mapping[str, Any], receive: Any, send: Send) -> None:
    """Have ``app`` answer a request, with the headers of all; what it lets fall becomes a 500."""
    begun = False

    async def sent(message: Message) -> None:
        nonlocal begun
        if message["type"] == "http.response.start":
            begun = True
            message = message | {"headers": _joined(message.get("headers", ()), scope["path"])}
        await send(message)

    try:
        await app(scope, receive, sent)
    except Exception as error:
        if begun:
            raise
        await _break(error, scope, sent)


def _joined(given: Any, path: str) -> list[tuple[bytes, bytes]]:
    kept = [(bytes(name), bytes(value)) for name, value in given]
    present = {name.lower() for name, _ in kept}
    added = ((name.encode(), value.encode()) for name, value in headers_for(path).items())
    return kept + [(name, value) for name, value in added if name.lower() not in present]


async def _break(error: Exception, scope: Mapping[str, Any], send: Send) -> None:
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    request_id = chosen_request_id(given)
    with working_on(request_id):
        known = problem(error)
    data = encoded(json.dumps(known.body(request_id), ensure_ascii=False))
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(data)),
        "X-Request-ID": request_id,
    }
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": known.status, "headers": lines})
    await send({"type": "http.response.body", "body": data})
