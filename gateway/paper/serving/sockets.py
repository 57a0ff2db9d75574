"""WebSockets: public streams, listen-key streams and the WebSocket API with its user stream."""

import asyncio
import itertools
import logging
from contextlib import suppress
from functools import partial

import orjson
from aiohttp import WSMsgType, web

from gateway.paper.calls import Access, Answer, Call
from gateway.paper.errors import VenueError, missing
from gateway.paper.hub import Connection, Wrap, as_it_is
from gateway.paper.serving.signing import check_fresh, check_key, check_ws_signature
from gateway.paper.venue import Venue

log = logging.getLogger("paper")

PING_S = 20
Methods = dict[str, tuple[str, str]]
# Requests of the WebSocket API that are the same as a REST call.
METHODS: Methods = {
    "ping": ("GET", "/api/v3/ping"),
    "time": ("GET", "/api/v3/time"),
    "exchangeInfo": ("GET", "/api/v3/exchangeInfo"),
    "depth": ("GET", "/api/v3/depth"),
    "klines": ("GET", "/api/v3/klines"),
    "trades.recent": ("GET", "/api/v3/trades"),
    "trades.historical": ("GET", "/api/v3/historicalTrades"),
    "trades.aggregate": ("GET", "/api/v3/aggTrades"),
    "ticker.24hr": ("GET", "/api/v3/ticker/24hr"),
    "ticker.price": ("GET", "/api/v3/ticker/price"),
    "ticker.book": ("GET", "/api/v3/ticker/bookTicker"),
    "account.status": ("GET", "/api/v3/account"),
    "order.place": ("POST", "/api/v3/order"),
    "order.test": ("POST", "/api/v3/order/test"),
    "order.status": ("GET", "/api/v3/order"),
    "order.cancel": ("DELETE", "/api/v3/order"),
    "order.cancelReplace": ("POST", "/api/v3/order/cancelReplace"),
    "openOrders.status": ("GET", "/api/v3/openOrders"),
    "openOrders.cancelAll": ("DELETE", "/api/v3/openOrders"),
    "orderList.place.oco": ("POST", "/api/v3/orderList/oco"),
    "allOrders": ("GET", "/api/v3/allOrders"),
    "myTrades": ("GET", "/api/v3/myTrades"),
}
LINEAR_METHODS: Methods = {
    "depth": ("GET", "/fapi/v1/depth"),
    "ticker.price": ("GET", "/fapi/v1/ticker/price"),
    "ticker.book": ("GET", "/fapi/v1/ticker/bookTicker"),
    "account.status": ("GET", "/fapi/v2/account"),
    "v2/account.status": ("GET", "/fapi/v3/account"),
    "account.balance": ("GET", "/fapi/v2/balance"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
    "order.place": ("POST", "/fapi/v1/order"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "algoOrder.place": ("POST", "/fapi/v1/algoOrder"),
    "algoOrder.cancel": ("DELETE", "/fapi/v1/algoOrder"),
    "userDataStream.start": ("POST", "/fapi/v1/listenKey"),
    "userDataStream.ping": ("PUT", "/fapi/v1/listenKey"),
    "userDataStream.stop": ("DELETE", "/fapi/v1/listenKey"),
}
# ccxt takes a URL with "/stream" for spot's, and puts a category into the one of futures.
STREAM_PATHS = {
    "spot": ("/stream/ws", "/ws", "/stream"),
    "linear": tuple(
        f"/{category}/{kind}"
        for category in ("public", "market", "private")
        for kind in ("ws", "stream")
    ),
}


def add_routes(app: web.Application, venue: Venue) -> None:
    """The paths under which each market's streams and WebSocket API are found."""
    for market, paths in STREAM_PATHS.items():
        for path in paths:
            streams = partial(serve_streams, venue, market, combined=path.endswith("/stream"))
            app.router.add_get(path, streams)
            app.router.add_get(path + "/{names:.*}", streams)
    app.router.add_get("/ws-api/v3", partial(serve_api, venue, "spot", METHODS))
    app.router.add_get("/ws-fapi/v1", partial(serve_api, venue, "linear", LINEAR_METHODS))


async def serve_streams(
    venue: Venue, market: str, request: web.Request, *, combined: bool = False
) -> web.StreamResponse:
    """Public streams of a market: those named in the URL and those subscribed to later.

    ``/ws/btcusdt@trade/ethusdt@trade`` names streams, ``/ws/3`` only numbers the connection, and
    ``/ws/<listen key>`` or ``?listenKey=`` opens a login's own stream. ``combined`` wraps every
    event in ``{"stream": name, "data": event}``.
    """
    connection = Connection()
    named = [name for name in request.match_info.get("names", "").split("/") if name]
    named += [name for name in request.query.get("streams", "").split("/") if name]
    named += filter(None, [request.query.get("listenKey")])
    for name in named:
        if owner := venue.listen_keys.owner_of(name, venue.now_ms()):
            venue.hub.subscribe(connection, "{}:user:{}".format(*owner))
        elif not name.isdigit():
            _listen(venue, market, connection, name, combined=combined)
    answer = partial(_on_stream_request, venue, market, connection, combined=combined)
    return await talk(venue, request, connection, answer)


async def serve_api(
    venue: Venue, market: str, methods: Methods, request: web.Request
) -> web.StreamResponse:
    """The WebSocket API of a market: REST calls in frames, and the user data stream."""
    api = _Api(venue, market, methods, request.remote or "")
    return await talk(venue, request, api.connection, api.answer)


async def talk(
    venue: Venue, request: web.Request, connection: Connection, answer
) -> web.StreamResponse:
    """Answer what comes in and send what is published, until either side ends it."""
    socket = web.WebSocketResponse(heartbeat=PING_S, compress=False)
    await socket.prepare(request)
    writer = asyncio.create_task(_write(socket, request.transport, connection))
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                reply = answer(_frame(message.data))
                if reply is not None:
                    connection.send(reply)
    finally:
        venue.hub.leave(connection)
        writer.cancel()
        with suppress(asyncio.CancelledError):
            await writer
    return socket


async def _write(
    socket: web.WebSocketResponse, transport: asyncio.Transport | None, connection: Connection
) -> None:
    while (data := await connection.outbox.get()) is not None:
        try:
            await socket.send_str(data.decode())
        except ConnectionError:
            return  # The reader notices it, too, and cleans up.
    if transport is not None:
        transport.abort()  # A drop says no goodbye.


def _frame(text: str) -> dict:
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return frame if isinstance(frame, dict) else {}


def _listen(
    venue: Venue, market: str, connection: Connection, name: str, *, combined: bool
) -> None:
    wrap: Wrap = partial(_combined, name) if combined else as_it_is
    venue.hub.subscribe(connection, f"{market}:{name}", wrap)
    venue.markets[market].streams.subscribed(name)


def _combined(name: str, event: dict) -> dict:
    return {"stream": name, "data": event}


def _on_stream_request(
    venue: Venue, market: str, connection: Connection, frame: dict, *, combined: bool
) -> dict:
    """SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS."""
    names = frame.get("params") or []
    result = None
    match frame.get("method"):
        case "SUBSCRIBE":
            for name in names:
                _listen(venue, market, connection, str(name), combined=combined)
        case "UNSUBSCRIBE":
            for name in names:
                venue.hub.unsubscribe(connection, f"{market}:{name}")
        case "LIST_SUBSCRIPTIONS":
            result = [topic.partition(":")[2] for topic in connection.topics]
        case _:
            error = {"code": 2, "msg": "Invalid request: unknown method"}
            return {"error": error, "id": frame.get("id")}
    return {"result": result, "id": frame.get("id")}


class _Api:
    """One connection of the WebSocket API."""

    def __init__(self, venue: Venue, market: str, methods: Methods, address: str) -> None:
        self.connection = Connection()
        self._venue = venue
        self._market = market
        self._methods = methods
        self._address = address
        self._numbers = itertools.count()

    def answer(self, frame: dict) -> dict:
        """One request, answered under its id."""
        sent = frame.get("params")
        words = sent if isinstance(sent, dict) else {}
        params = {name: _text(value) for name, value in words.items()}
        call = Call("WS", frame.get("method", ""), params, self._venue.now_ms())
        try:
            answer = self._result(call)
        except VenueError as refusal:
            answer = Answer(refusal.status, refusal.body())
        word = "result" if answer.status < 400 else "error"
        return {"id": frame.get("id"), "status": answer.status, word: answer.body}

    def _result(self, call: Call) -> Answer:
        if call.path == "userDataStream.subscribe.signature":
            return Answer(200, self._subscribe(call))
        if call.path == "userDataStream.unsubscribe":
            for topic in [topic for topic in self.connection.topics if ":user:" in topic]:
                self._venue.hub.unsubscribe(self.connection, topic)
            return Answer(200, {})
        if call.path not in self._methods:
            raise VenueError(-1102, f"Unknown method '{call.path}'.")
        return self._as_rest(call)

    def _subscribe(self, call: Call) -> dict:
        """Open the login's stream on this connection."""
        _sign_in(self._venue, call)
        number = next(self._numbers)
        topic = f"{self._market}:user:{call.login.api_key}"
        self._venue.hub.subscribe(self.connection, topic, partial(_user_event, number))
        return {"subscriptionId": number}

    def _as_rest(self, call: Call) -> Answer:
        """The REST call that this request stands for."""
        route = self._venue.routes[self._methods[call.path]]
        call.method, call.path = route.method, route.path
        login = self._venue.logins.get(call.params.get("apiKey", ""))
        self._venue.count(route, call, login)
        with self._venue.door(route, call):
            self._venue.charge(route, call, login, self._address)
            if route.access is not Access.PUBLIC:
                _sign_in(self._venue, call)
        return self._venue.respond(route, call)


def _sign_in(venue: Venue, call: Call) -> None:
    """Check the key, the time and the signature that a request carries.

    Raises:
        VenueError: one of them does not hold.
    """
    key = call.text("apiKey")
    if key is None:
        raise missing("apiKey")
    call.login = check_key(venue.logins.get(key), key)
    check_fresh(call)
    check_ws_signature(call.login, call.params)


def _user_event(number: int, event: dict) -> dict:
    return {"subscriptionId": number, "event": event}


def _text(value: object) -> str:
    """A parameter as REST would carry it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else orjson.dumps(value).decode()
