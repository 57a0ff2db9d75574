"""What is known about one call's way to the exchange, whatever ccxt makes of the answer?

Every call runs with a ``Wire`` in its context. It notes when an acting request really began to
leave, which status and code came back, and whether an error was raised while ccxt judged the
exchange's own answer. ``gateway.sessions.outcomes`` takes its proofs from there.

"Left" is aiohttp's signal that the headers go out on an open connection. Until then nothing can
have reached the exchange: not on a refused connection, an unknown host, a failed TLS handshake or a
time-out while connecting.
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import aiohttp

from gateway.exchanges.capabilities import facts
from gateway.exchanges.codes import venue_code
from gateway.exchanges.computing import Numbers, methods
from gateway.exchanges.rebase import rebased
from gateway.pacing import Allowance, Pace, Rank, turn
from gateway.words import Ask

KEPT_BODY = 2000
_NOTHING = {"", "{}", "null", '""'}
_NO_CONTENT, _MOVED, _CLIENT_ERRORS = 204, 300, 400
_RANK: Mapping[Ask, Rank] = {
    Ask.CANCEL: Rank.CLOSING,
    Ask.CREATE: Rank.ACTING,
    Ask.EDIT: Rank.ACTING,
    Ask.READ: Rank.READING,
}
_ORDERS = (Ask.CREATE, Ask.EDIT)
CONNECTIONS = 200
KEEP_ALIVE_S = 30
DNS_CACHE_S = 300


class Recalled(Exception):
    """The request was stopped on the threshold."""


class OtherWallet(ValueError):
    """An order, a cancel or a change would have gone to another wallet than the account's own."""


class Measured(Exception):
    """The request was only built, to see what it costs."""


@dataclass(slots=True)
class Wire:
    """One call's traces.

    ``sent``: a request that may act (any request, for a read) began to leave.
    ``judged``: the error was raised by ccxt while reading an answer of the exchange.
    ``used``: what the exchange has counted of our allowances.
    ``is_hollow``: an answer said nothing at all, so a read did not learn that there is nothing.
    ``code``: the exchange's own error number. ``body`` is for matching only and never shown.
    """

    exchange_id: str = ""
    ask: Ask = Ask.READ
    sent: bool = False
    judged: bool = False
    is_hollow: bool = False
    status: int | None = None
    code: str | None = None
    retry_after_s: float | None = None
    requests: int = 0
    used: list[tuple[Allowance, float]] = field(default_factory=list)
    body: str = field(default="", repr=False)

    def leaving(self, method: str) -> None:
        """A request's headers go out. A GET before an order (a preparation) does not act."""
        self.requests += 1
        acts = method != "GET" or facts(self.exchange_id).orders_by_get
        if acts or self.ask is Ask.READ:
            self.sent = True


current: ContextVar[Wire | None] = ContextVar("exchange_wire", default=None)
# Whether what acts may still leave: asked last of all, because a request may have waited its turn
# in the rate limiter for seconds.
last_look: ContextVar[Callable[[], Awaitable[bool]] | None] = ContextVar("last_look", default=None)
_measured: ContextVar[list[float] | None] = ContextVar("measured", default=None)


@contextmanager
def measuring() -> Iterator[list[float]]:
    """Inside, the first request that ccxt builds raises ``Measured``; its cost is in the list."""
    costs: list[float] = []
    token = _measured.set(costs)
    try:
        yield costs
    finally:
        _measured.reset(token)


class WireSession:
    """aiohttp's session as ccxt uses it: re-based, without redirects, without silent re-sends.

    A redirect would post an order a second time (307). aiohttp repeats PUT and DELETE on a
    connection that the exchange dropped, so an edit could run twice and a cancel answer "not found"
    after its own success.
    """

    def __init__(self, *, ssl_context: Any, base: str | None) -> None:
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_note_leaving)
        self._base = base
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=ssl_context,
                limit=CONNECTIONS,
                keepalive_timeout=KEEP_ALIVE_S,
                ttl_dns_cache=DNS_CACHE_S,
            ),
            trace_configs=[trace],
        )
        # The only way to say it (aiohttp 3.14, client.py: IDEMPOTENT_METHODS); its own test client
        # does the same.
        self._session._retry_connection = False

    def request(self, method: str, url: Any, **options: Any) -> Any:
        """One HTTP request at the re-based address."""
        return self._session.request(method, self._address(url), allow_redirects=False, **options)

    def get(self, url: Any, **options: Any) -> Any:
        """HTTP GET."""
        return self.request("GET", url, **options)

    def post(self, url: Any, **options: Any) -> Any:
        """HTTP POST."""
        return self.request("POST", url, **options)

    def put(self, url: Any, **options: Any) -> Any:
        """HTTP PUT."""
        return self.request("PUT", url, **options)

    def patch(self, url: Any, **options: Any) -> Any:
        """HTTP PATCH."""
        return self.request("PATCH", url, **options)

    def delete(self, url: Any, **options: Any) -> Any:
        """HTTP DELETE."""
        return self.request("DELETE", url, **options)

    def ws_connect(self, url: Any, **options: Any) -> Any:
        """A WebSocket at the re-based address."""
        return self._session.ws_connect(self._address(url), **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def _address(self, url: Any) -> Any:
        # encoded=True: the query is signed as it stands and must not be quoted again.
        return aiohttp.client.URL(rebased(str(url), self._base), encoded=True)


class Wired(Numbers):
    """What every ccxt class of ours does differently; mixed in by ``wired``.

    ``number = str`` (ccxt's own switch) makes ccxt give prices and quantities as the exchange wrote
    them, and all 104 classes build the same request from a quantity given as text. ``Decimal``,
    which ccxt's types also allow, loses values: ``safe_string`` reads one back as ``None``
    (4.5.90), so what is parsed twice (fees, fills inside an order) vanishes. Where a class computes
    with its numbers, ``Facts.float_numbers`` says so; where a method does, see
    ``gateway.exchanges.computing``.
    """

    wire_base: str | None = None
    pace: Pace
    # Floats in an answer's JSON keep their digits too.
    on_json_response = staticmethod(partial(json.loads, parse_float=str))

    def open(self, lazy: bool = False) -> None:
        """Make the HTTP session on the running loop; ccxt calls this before every request."""
        super().open(lazy)  # type: ignore[misc]
        if self.session is None:
            self.session = WireSession(ssl_context=self.ssl_context, base=self.wire_base)

    async def close(self, clean_instance_data: bool = False) -> None:
        """Close streams, connections and session."""
        session, self.closed_by_user = self.session, True
        self.timeout_on_exit = 0
        await super().close(clean_instance_data)  # type: ignore[misc]
        if session is not None and not session.closed:
            await session.close()

    async def throttle(self, cost: float | None = None) -> None:
        """Wait for our turn (``gateway.pacing``); ccxt calls this before it signs a request.

        Raises:
            TooFast: the exchange has had enough for longer than anybody should wait.
        """
        if (costs := _measured.get()) is not None:
            costs.append(1.0 if cost is None else float(cost))
            raise Measured
        wire = current.get()
        ask = wire.ask if wire is not None else Ask.READ
        units = 1.0 if cost is None else float(cost)
        await turn(self.pace, units, rank=_RANK[ask], is_order=ask in _ORDERS)

    async def fetch(self, *request: Any, **options: Any) -> Any:
        """Send, unless it was stopped meanwhile; ccxt calls this after rate limit and signature.

        Raises:
            Recalled, OtherWallet: it was; nothing has left.
        """
        wire, may_leave = current.get(), last_look.get()
        acts = wire is not None and wire.ask is not Ask.READ
        if acts and self._strays(str(request[0] if request else options["url"])):
            raise OtherWallet("another wallet")
        if acts and may_leave is not None and not await may_leave():
            raise Recalled
        return await super().fetch(*request, **options)  # type: ignore[misc]

    def _strays(self, url: str) -> bool:
        """Whether an address is of another wallet; an account set up for margin trades there."""
        is_own = self.options.get("defaultType") == "margin"  # type: ignore[attr-defined]
        return not is_own and any(part in url for part in facts(self.id).other_wallets)  # type: ignore[attr-defined]

    def on_rest_response(self, *answer: Any) -> Any:
        """Note status, Retry-After and counted use of an answer that arrived whole."""
        if (wire := current.get()) is not None:
            status, headers = answer[0], answer[4]
            wire.status = status
            wire.is_hollow |= _is_hollow(status, answer[5])
            wire.retry_after_s = _seconds(headers.get("Retry-After"))
            wire.used = self.pace.used(headers)
        return super().on_rest_response(*answer)  # type: ignore[misc]

    def handle_errors(self, *answer: Any) -> Any:
        """Judge an answer; an error from here is the exchange's own word."""
        try:
            return super().handle_errors(*answer)  # type: ignore[misc]
        except Exception:
            _note_judged(body=answer[5], parsed=answer[6])
            raise

    def handle_http_status_code(self, *answer: Any) -> Any:
        """Judge a bare HTTP status."""
        try:
            return super().handle_http_status_code(*answer)  # type: ignore[misc]
        except Exception:
            _note_judged(body=answer[4], parsed=None)
            raise


@cache
def wired(cls: type) -> type:
    """``cls``, a ccxt class, with our wire in it."""
    return type(cls.__name__, (Wired, cls), methods(cls))


async def _note_leaving(_session: Any, _context: Any, params: Any) -> None:
    if (wire := current.get()) is not None:
        wire.leaving(params.method.upper())


def _note_judged(*, body: Any, parsed: Any) -> None:
    if (wire := current.get()) is not None:
        wire.judged = True
        wire.code = venue_code(parsed) or wire.code
        wire.body = str(body or "")[:KEPT_BODY]


def _is_hollow(status: int, body: Any) -> bool:
    """No content, a redirect (none is followed), or JSON without anything in it.

    An empty list is an answer: there is nothing of what was asked for.
    """
    is_elsewhere = status == _NO_CONTENT or _MOVED <= status < _CLIENT_ERRORS
    return is_elsewhere or str(body or "").strip() in _NOTHING


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
