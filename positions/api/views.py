"""Orders, deals, positions, events and accounts, to read; and commands, to give."""

from asgiref.sync import async_to_sync
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import Actor
from accounts.client import request_id_of
from accounts.models import Account
from accounts.permissions import require_case_decision, require_read_all
from oms_project.errors import NotFound, OrderNotFound, PositionNotFound
from positions import rows, selectors
from positions.api import commands, deciding, reassigning, schema
from positions.api.forms import LARGEST_ID
from positions.api.lists import (
    HISTORY_LIMIT,
    OPEN_LIMIT,
    asked_rows,
    ids_in,
    page_of,
    refuse_unknown,
    rows_by_id,
    whole_number,
    word_in,
)
from positions.engine.types import CaseState
from positions.models import Case, Deal, Event, Order, Position
from positions.services.decide_case import decide
from positions.services.reassign import reassign

_ORDERS = schema.listed(schema.OrderSerializer, "Order")
_DEALS = schema.listed(schema.DealSerializer, "Deal")
_POSITIONS = schema.listed(schema.PositionSerializer, "Position")
_EVENTS = schema.listed(schema.EventSerializer, "Event")
_CASES = schema.listed(schema.CaseSerializer, "Case")
_ACCOUNTS = schema.listed(schema.OmsAccountSerializer, "OmsAccount")
_PROBLEM = schema.ProblemSerializer
_PROBLEMS = {401: _PROBLEM, 403: _PROBLEM, 404: _PROBLEM, 422: _PROBLEM}


class Commands(APIView):
    """Give commands. The ASGI server answers this address without a thread; see ``asgi``."""

    @extend_schema(
        operation_id="give_commands",
        request={"application/json": schema.COMMANDS_REQUEST},
        parameters=schema.COMMANDS_PARAMETERS,
        responses={
            200: schema.CommandResultsSerializer,
            202: schema.CommandResultsSerializer,
            207: schema.CommandResultsSerializer,
            400: _PROBLEM,
            401: _PROBLEM,
            413: _PROBLEM,
            415: _PROBLEM,
            **dict.fromkeys((403, 404, 409, 422, 502, 503, 504), schema.RESULTS_OR_PROBLEM),
        },
        tags=["commands"],
    )
    def post(self, request: Request) -> Response:
        """Accept one command or an array, durably, and wait for the exchange up to wait_ms."""
        post = commands.Post(
            caller=request.user,
            body=request._request.body,
            content_type=request.content_type or "",
            query=request.query_params.dict(),
            idempotency_key=request.headers.get("Idempotency-Key"),
        )
        found = async_to_sync(commands.answer)(post)
        return Response(found.body, status=found.status)


class OpenOrders(APIView):
    """Orders that are not in a final state."""

    @extend_schema(
        operation_id="list_open_orders",
        parameters=schema.FILTERS,
        responses={200: _ORDERS, **_PROBLEMS},
        tags=["orders"],
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        page = page_of(request, asked_rows(request, Order.objects.open()), most=OPEN_LIMIT)
        return Response(page.body([rows.order_row(order) for order in page.rows]))


class OrderHistory(APIView):
    """Orders in a final state."""

    @extend_schema(
        operation_id="list_order_history",
        parameters=[*schema.FILTERS, *schema.DAYS],
        responses={200: _ORDERS, **_PROBLEMS},
        tags=["orders"],
    )
    def get(self, request: Request) -> Response:
        """Newest first; days are of created_at."""
        found = asked_rows(request, Order.objects.history(), day_column="created_at")
        page = page_of(request, found, most=HISTORY_LIMIT)
        return Response(page.body([rows.order_row(order) for order in page.rows]))


class OrdersById(APIView):
    """Single orders."""

    @extend_schema(
        operation_id="get_orders", responses={200: _ORDERS, **_PROBLEMS}, tags=["orders"]
    )
    def get(self, request: Request, ids: str) -> Response:
        """All of them, or 404."""
        found = rows_by_id(request, ids, Order.objects.all(), OrderNotFound)
        return Response({"items": [rows.order_row(row) for row in found], "next_cursor": None})


class Deals(APIView):
    """Live deals."""

    @extend_schema(
        operation_id="list_deals",
        parameters=[*schema.FILTERS, *schema.DAYS],
        responses={200: _DEALS, **_PROBLEMS},
        tags=["deals"],
    )
    def get(self, request: Request) -> Response:
        """Newest first; days are of executed_at."""
        found = asked_rows(request, Deal.objects.live(), day_column="executed_at")
        page = page_of(request, found, most=HISTORY_LIMIT)
        return Response(page.body([rows.deal_row(deal) for deal in page.rows]))


class DealsById(APIView):
    """Single deals."""

    @extend_schema(operation_id="get_deals", responses={200: _DEALS, **_PROBLEMS}, tags=["deals"])
    def get(self, request: Request, ids: str) -> Response:
        """All of them, or 404."""
        found = rows_by_id(request, ids, Deal.objects.all(), NotFound)
        return Response({"items": [rows.deal_row(row) for row in found], "next_cursor": None})


class OpenPositions(APIView):
    """Positions that are open or being closed."""

    @extend_schema(
        operation_id="list_open_positions",
        parameters=schema.FILTERS,
        responses={200: _POSITIONS, **_PROBLEMS},
        tags=["positions"],
    )
    def get(self, request: Request) -> Response:
        """Newest first, with mark price and floating profit where a price is known."""
        page = page_of(request, asked_rows(request, Position.objects.open()), most=OPEN_LIMIT)
        return Response(page.body(selectors.marked_rows(page.rows)))


class PositionHistory(APIView):
    """Positions that were closed or merged."""

    @extend_schema(
        operation_id="list_position_history",
        parameters=[*schema.FILTERS, *schema.DAYS],
        responses={200: _POSITIONS, **_PROBLEMS},
        tags=["positions"],
    )
    def get(self, request: Request) -> Response:
        """Newest first; days are of closed_at."""
        found = asked_rows(request, Position.objects.history(), day_column="closed_at")
        page = page_of(request, found, most=HISTORY_LIMIT)
        return Response(page.body([rows.position_row(row) for row in page.rows]))


class PositionsById(APIView):
    """Single positions."""

    @extend_schema(
        operation_id="get_positions", responses={200: _POSITIONS, **_PROBLEMS}, tags=["positions"]
    )
    def get(self, request: Request, ids: str) -> Response:
        """All of them, or 404."""
        found = rows_by_id(request, ids, Position.objects.all(), PositionNotFound)
        return Response({"items": selectors.marked_rows(found), "next_cursor": None})


class Events(APIView):
    """The event log of one account."""

    @extend_schema(
        operation_id="list_events",
        parameters=[schema.ACCOUNT_IDS, *schema.EVENT_PARAMETERS],
        responses={200: _EVENTS, 410: _PROBLEM, **_PROBLEMS},
        tags=["events"],
    )
    def get(self, request: Request) -> Response:
        """After ``since_seq``, oldest first, for catching up."""
        refuse_unknown(request, {"account_ids", "since_seq", "limit"})
        account_id = selectors.single_account(ids_in(request, "account_ids"))
        require_read_all(request.user, [account_id])
        since = whole_number(request, "since_seq", least=0)
        if since is not None:
            selectors.require_kept_events(account_id, since)
        limit = whole_number(request, "limit", most=HISTORY_LIMIT) or 100
        found = Event.objects.visible_to(request.user, [account_id]).since(since or 0)
        items = [rows.event_row(event) for event in found[: limit + 1]]
        cursor = str(items[limit - 1]["seq"]) if len(items) > limit else None
        return Response({"items": items[:limit], "next_cursor": cursor})


class Cases(APIView):
    """Differences between the books and the exchange, and what was decided."""

    @extend_schema(
        operation_id="list_cases",
        parameters=[*schema.FILTERS, schema.CASE_STATE],
        responses={200: _CASES, **_PROBLEMS},
        tags=["reconcile"],
    )
    def get(self, request: Request) -> Response:
        """Newest first; without ``state`` both open and resolved ones."""
        found = asked_rows(request, Case.objects.select_related("owner"), also="state")
        if state := word_in(request, "state", CaseState):
            found = found.filter(state=state)
        page = page_of(request, found, most=HISTORY_LIMIT)
        return Response(page.body([rows.case_row(case) for case in page.rows]))


class CaseResolution(APIView):
    """What somebody decides about a case."""

    @extend_schema(
        operation_id="resolve_case",
        request={"application/json": deciding.FORM.schema},
        responses={200: schema.CaseSerializer, **_PROBLEMS, 400: _PROBLEM, 409: _PROBLEM},
        tags=["reconcile"],
    )
    def post(self, request: Request, case_id: int) -> Response:
        """Carry out one of the case's actions, with a comment; ``note`` leaves it open."""
        case = Case.objects.filter(pk=case_id).first() if case_id <= LARGEST_ID else None
        missing = NotFound(case_id=case_id)
        if case is None:
            raise missing
        require_case_decision(request.user, case.account_id, case.strategy_id, missing=missing)
        actor = Actor.from_caller(request.user, request_id_of(request))
        return Response(decide(case.pk, deciding.parse_decision(request.data), actor))


class Reassign(APIView):
    """Give orders, with all they did, to another strategy."""

    @extend_schema(
        operation_id="reassign",
        request={"application/json": reassigning.FORM.schema},
        responses={
            200: schema.ReassignResultSerializer,
            **_PROBLEMS,
            400: _PROBLEM,
            409: _PROBLEM,
        },
        tags=["reconcile"],
    )
    def post(self, request: Request) -> Response:
        """Supersede their deals and book the touched positions anew; a preview changes nothing."""
        wish = reassigning.parse_reassign(request.data)
        return Response(reassign(wish, request.user, request_id=request_id_of(request)))


class Accounts(APIView):
    """The accounts that the caller sees."""

    @extend_schema(
        operation_id="list_oms_accounts",
        responses={200: _ACCOUNTS, **_PROBLEMS},
        tags=["accounts"],
    )
    def get(self, request: Request) -> Response:
        """With the caller's rights on each."""
        refuse_unknown(request, set())
        accounts = Account.objects.filter(pk__in=request.user.account_ids()).order_by("id")
        items = selectors.account_rows(request.user, accounts)
        return Response({"items": items, "next_cursor": None})
