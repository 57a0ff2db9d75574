"""What stands between a product and its venue, and changes answers on their way.

Rules are asked about each request, the newest first: one given to ``before`` may answer in the
venue's place (the venue never hears of it), one given to ``after`` may change what the venue
said. Sockets are passed through untouched.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import ClientSession, WSMsgType, web

from tests.e2e.product import free_port

_HOP = {"host", "content-length", "transfer-encoding", "connection", "content-encoding"}


@dataclass
class Asked:
    """A request of the product: ``values`` are its query and its form together."""

    method: str
    path: str
    values: dict[str, str]


@dataclass
class Answer:
    """What the product is told; ``after_s`` later than it could have been."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    after_s: float = 0.0

    @classmethod
    def of(cls, value: Any, status: int = 200) -> "Answer":
        """An answer with ``value`` as its JSON."""
        return cls(json.dumps(value).encode(), status)

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.body)


Before = Callable[[Asked], Answer | None]
After = Callable[[Asked, Answer], Answer | None]


class Proxy:
    """One port in front of a venue's, on a thread of its own. ``seen``: every request, in order."""

    def __init__(self, venue_port: int) -> None:
        self.port = free_port()
        self.seen: list[Asked] = []
        self._venue = f"127.0.0.1:{venue_port}"
        self._before: list[Before] = []
        self._after: list[After] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def exchange_urls(self) -> dict[str, str]:
        """The setting by which a product comes here."""
        url = f"http://127.0.0.1:{self.port}"
        return {"OMS_EXCHANGE_URLS": json.dumps({"binance": url, "binanceusdm": url})}

    def before(self, rule: Before) -> Before:
        """Have ``rule`` asked before the venue is; what it returns is the answer."""
        self._before.insert(0, rule)
        return rule

    def after(self, rule: After) -> After:
        """Have ``rule`` asked about the venue's answer; what it returns replaces that."""
        self._after.insert(0, rule)
        return rule

    def forget(self, rule: Before | After) -> None:
        """Ask this rule no more."""
        for rules in (self._before, self._after):
            if rule in rules:
                rules.remove(rule)

    def count(self, method: str, path: str) -> int:
        """How many requests of that kind came."""
        return sum((asked.method, asked.path) == (method, path) for asked in self.seen)

    def start(self) -> "Proxy":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(10)
        return self

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _serve(self) -> None:
        self._session = ClientSession(auto_decompress=True)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _end(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._pass_socket(request)
        body = await request.read()
        asked = Asked(request.method, request.path, _values(request, body))
        self.seen.append(asked)
        answer = next(filter(None, (rule(asked) for rule in list(self._before))), None)
        if answer is None:
            answer = await self._ask(request, body)
            for rule in list(self._after):
                answer = rule(asked, answer) or answer
        await asyncio.sleep(answer.after_s)
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)

    async def _ask(self, request: web.Request, body: bytes) -> Answer:
        url = f"http://{self._venue}{request.path_qs}"
        headers = {
            name: value for name, value in request.headers.items() if name.lower() not in _HOP
        }
        async with self._session.request(
            request.method, url, data=body, headers=headers, allow_redirects=False
        ) as answer:
            kept = {
                name: value for name, value in answer.headers.items() if name.lower() not in _HOP
            }
            return Answer(await answer.read(), answer.status, kept)

    async def _pass_socket(self, request: web.Request) -> web.WebSocketResponse:
        ours = web.WebSocketResponse()
        await ours.prepare(request)
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in _HOP and not name.lower().startswith(("sec-", "upgrade"))
        }
        url = f"ws://{self._venue}{request.path_qs}"
        async with self._session.ws_connect(url, headers=headers) as theirs:
            both = [
                asyncio.create_task(_pour(ours, theirs)),
                asyncio.create_task(_pour(theirs, ours)),
            ]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in both:
                one.cancel()
        return ours


async def _pour(source: Any, target: Any) -> None:
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await target.send_bytes(message.data)


def _values(request: web.Request, body: bytes) -> dict[str, str]:
    form = parse_qsl(body.decode(errors="replace")) if body else []
    return dict(request.query) | dict(form)
