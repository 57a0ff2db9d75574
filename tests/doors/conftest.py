"""Asking the whole project's ASGI application without a port."""

import json
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(app: Any, method: str, path: str, body: bytes = b"", **headers: str) -> Answered:
    """One request to an ASGI application, ``path`` with its query."""
    bare, _, query = path.partition("?")
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": bare, "root_path": "",
        "scheme": "http", "query_string": query.encode(), "client": ["127.0.0.1", 1],
        "server": ["127.0.0.1", 2],
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(each for each in sent if each["type"] == "http.response.start")
    rest = b"".join(each.get("body", b"") for each in sent if each is not start)
    named = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], named, rest)


@pytest.fixture
def port() -> Any:
    """``await port(method, path)``: what the product's port answers."""
    from oms_project.asgi import application  # Django is set up by now.

    async def asked(method: str, path: str, body: bytes = b"", **headers: str) -> Answered:
        return await ask(application, method, path, body, **headers)

    return asked
