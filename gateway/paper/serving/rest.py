"""REST: from bytes on the wire to a call, and from its answer (or a fault) back to bytes."""

import asyncio
import logging
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from gateway.paper.calls import Access, Answer, Call, Route
from gateway.paper.errors import VenueError
from gateway.paper.faults import Fault, Kind
from gateway.paper.logins import Login
from gateway.paper.serving.signing import check_fresh, check_http_signature, check_key
from gateway.paper.venue import Venue

log = logging.getLogger("paper")

JSON = "application/json;charset=UTF-8"
HTML = "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
SILENCE_MS = 600_000
METHODS = ("GET", "POST", "PUT", "DELETE")


def add_routes(app: web.Application, venue: Venue) -> None:
    """Answer every path that is not a stream or the control port's."""
    rest = Rest(venue)
    for method in METHODS:
        app.router.add_route(method, "/{path:.*}", rest.answer)


class Rest:
    """One venue's REST API."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Carry out one request, unless a fault on demand strikes it."""
        path, _, query = request.raw_path.partition("?")
        route = self._venue.routes.get((request.method, path))
        if route is None:
            msg = f"Path {path}, Method {request.method} is invalid"
            return _response(404, {"code": -5000, "msg": msg})
        body = (await request.read()).decode("utf-8", "replace")
        params = dict(parse_qsl(f"{query}&{body}" if body else query, keep_blank_values=True))
        login = self._venue.logins.get(request.headers.get("X-MBX-APIKEY", ""))
        call = Call(request.method, path, params, self._venue.now_ms())
        self._venue.count(route, call, login)
        fault = self._venue.faults.on_request(
            f"{call.method} {path}", login.api_key if login else None
        )
        if fault is None:
            return _response(*self._carry_out(request, route, call, login, query, body))
        log.info("fault %s strikes %s %s", fault.kind, call.method, path)
        if fault.kind is Kind.LATE_ARRIVAL:
            await asyncio.sleep(fault.ms / 1000)
            call.now_ms = self._venue.now_ms()
        right = None
        if fault.accept:
            right = self._carry_out(request, route, call, login, query, body)
        return await _spoiled(request, fault, right)

    def _carry_out(
        self,
        request: web.Request,
        route: Route,
        call: Call,
        login: Login | None,
        query: str,
        body: str,
    ) -> tuple[int, object, dict[str, str]]:
        """Status, body and headers of the right answer."""
        headers: dict[str, str] = {}
        try:
            with self._venue.door(route, call):
                headers = self._venue.charge(route, call, login, request.remote or "")
                _let_in(request, route, call, login, query, body)
            answer = self._venue.respond(route, call)
        except VenueError as refusal:
            return refusal.status, refusal.body(), headers | refusal.headers
        except Exception:
            log.exception("%s %s failed", call.method, call.path)
            answer = Answer(500, {"code": -1000, "msg": "An unknown error occurred."})
        return answer.status, answer.body, headers


def _let_in(
    request: web.Request, route: Route, call: Call, login: Login | None, query: str, body: str
) -> None:
    """Check what the route asks for: nothing, a key, or a fresh and signed request."""
    if route.access is Access.PUBLIC:
        return
    call.login = check_key(login, request.headers.get("X-MBX-APIKEY"))
    if route.access is Access.SIGNED:
        check_fresh(call)
        check_http_signature(call.login, query, body, call.text("signature"))


def _response(status: int, body: object, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=orjson.dumps(body), headers={"Content-Type": JSON} | (headers or {})
    )


async def _spoiled(
    request: web.Request, fault: Fault, right: tuple[int, object, dict[str, str]] | None
) -> web.StreamResponse:
    """What a fault makes of the right answer (``None``: the request was not carried out)."""
    match fault.kind:
        case Kind.SLOW:
            await asyncio.sleep(fault.ms / 1000)
            return _response(*right) if right else _response(*fault.error())
        case Kind.LATE_ARRIVAL:
            return _response(*right) if right else _response(*fault.error())
        case Kind.SILENCE:
            await asyncio.sleep((fault.ms or SILENCE_MS) / 1000)
            return _cut(request)
        case Kind.RESET:
            return _cut(request)
        case Kind.TRUNCATED:
            return await _half(request, orjson.dumps(right[1] if right else fault.error()[1]))
        case Kind.EMPTY:
            return web.Response(status=200, headers={"Content-Type": JSON})
        case Kind.NULL:
            return _response(200, None)
        case Kind.HTML:
            return web.Response(text=HTML.format(status="Welcome"), content_type="text/html")
        case Kind.GATEWAY:
            status = fault.status or 502
            return web.Response(
                status=status, text=HTML.format(status=status), content_type="text/html"
            )
        case Kind.STORM | Kind.BAN:
            status = 429 if fault.kind is Kind.STORM else 418
            wait = {"Retry-After": str(max(1, fault.ms // 1000))}
            msg = fault.msg or "Too many requests."
            return _response(status, {"code": -1003, "msg": msg}, wait)
        case _:
            return _response(*fault.error())


def _cut(request: web.Request) -> web.Response:
    """Reset the connection under the client's feet."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _half(request: web.Request, body: bytes) -> web.StreamResponse:
    """Promise the whole body, send half of it and hang up."""
    response = web.StreamResponse(headers={"Content-Type": JSON, "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
