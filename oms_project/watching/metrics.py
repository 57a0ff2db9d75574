"""What does Prometheus see? ``GET /metrics`` with ``Authorization: Bearer OMS_METRICS_TOKEN``.

Two kinds of numbers: how accounts stand, read from the database, so any web process gives the same
answer for all processes; and this process's own requests.
"""

import hmac
import time
from collections.abc import Callable, Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from rest_framework.request import Request

from accounts.api.base import answers
from accounts.words import AccountStatus
from oms_project.errors import InvalidApiKey, MissingApiKey
from oms_project.watching.health import OpenView
from oms_project.watching.status import AccountFigures, figures, worker_seen_s_ago

registry = CollectorRegistry()
_requests = Counter(
    "oms_http_requests",
    "Requests answered by this process.",
    ("method", "route", "status"),
    registry=registry,
)
_seconds = Histogram(
    "oms_http_request_seconds",
    "From request to answer, the wait for an exchange included.",
    ("method", "route"),
    registry=registry,
)
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Accounts(Collector):
    """How every account stands, asked at each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = timezone.now()
        seen_s = worker_seen_s_ago(now)
        yield GaugeMetricFamily(
            "oms_worker_seen_seconds",
            "How long ago the worker swept; NaN where there is none.",
            value=float("nan") if seen_s is None else seen_s,
        )
        yield from _families(figures(now))


registry.register(Accounts())


def _families(rows: list[AccountFigures]) -> Iterator[GaugeMetricFamily]:
    def family(name: str, says: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(name, says, labels=("account", *labels))

    waiting = family("oms_instructions", "What waits for an exchange.", "state")
    oldest = family("oms_oldest_waiting_seconds", "Age of the oldest that waits.")
    orders = family("oms_open_orders", "Orders that are not final.", "status")
    positions = family("oms_open_positions", "Positions that are open.")
    blocked = family("oms_account_blocked", "1 where the risk desk blocked the account.")
    seq = family("oms_last_event_seq", "Number of the newest event.")
    for row in rows:
        name = str(row.account.pk)
        for state, number in row.instructions.items():
            waiting.add_metric((name, state), number)
        for status, number in row.orders.items():
            orders.add_metric((name, status), number)
        oldest.add_metric((name,), row.oldest_waiting_s)
        positions.add_metric((name,), row.positions)
        blocked.add_metric((name,), int(row.account.status == AccountStatus.BLOCKED))
        seq.add_metric((name,), row.last_seq)
    yield from (waiting, oldest, orders, positions, blocked, seq)


def observe(*, method: str, route: str, status: int, seconds: float) -> None:
    """One more request was answered; ``route`` is a pattern, never a path with ids in it."""
    method = method if method in METHODS else "other"
    _requests.labels(method, route, str(status)).inc()
    _seconds.labels(method, route).observe(seconds)


def measured(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Count the request and its time."""

    def middleware(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        observe(
            method=request.method or "",
            route=f"/{match.route}" if match else "none",
            status=response.status_code,
            seconds=time.perf_counter() - started,
        )
        return response

    return middleware


class Metrics(OpenView):
    """``GET /metrics``"""

    @extend_schema(
        operation_id="metrics",
        auth=[{"MetricsToken": []}],
        tags=["system"],
        responses=answers({(200, "text/plain"): str}),
    )
    def get(self, request: Request) -> HttpResponse:
        """The numbers in Prometheus' text form."""
        _require_token(request.headers.get("Authorization", ""))
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _require_token(header: str) -> None:
    """The header carries the operator's token; without a token set, nothing does.

    Raises:
        MissingApiKey: there is no bearer token.
        InvalidApiKey: it is another one, or none is set.
    """
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise MissingApiKey("Send Authorization: Bearer with OMS_METRICS_TOKEN.")
    expected = settings.OMS_METRICS_TOKEN
    if not expected or not hmac.compare_digest(given.strip().encode(), expected.encode()):
        raise InvalidApiKey("The metrics token is not valid.")
