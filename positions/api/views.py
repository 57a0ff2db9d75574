"""Orders, deals, positions, events and accounts, to read; and commands, to give."""

from asgiref.sync import async_to_sync
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.audit import Actor
from accounts.callers.client import request_id_of
from accounts.models import Account
from accounts.rights.permissions import require_read_all
from oms_project.errors import NotFound, OrderNotFound, PositionNotFound
from positions import rows, selectors
from positions.api import command_schema, commands, filters, schema
from positions.api.lists import (
    HISTORY_LIMIT,
    OPEN_LIMIT,
    asked_by_account,
    ids_in,
    refuse_unknown,
    rows_by_id,
    whole_number,
    word_in,
)
from positions.engine.types import CaseState
from positions.forms import deciding, reassigning
from positions.forms.fields import LARGEST_ID
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
        request={"application/json": command_schema.COMMANDS_REQUEST},
        parameters=command_schema.COMMANDS_PARAMETERS,
        responses={
            200: command_schema.RESULTS,
            202: command_schema.CommandResultsSerializer,
            207: command_schema.RESULTS,
            400: _PROBLEM,
            401: _PROBLEM,
            413: _PROBLEM,
            415: _PROBLEM,
            **dict.fromkeys((403, 404, 409, 422, 502, 503, 504), command_schema.RESULTS_OR_PROBLEM),
        },
        tags=["commands"],
    )
    def post(self, request: Request) -> Response:
        """Accept one command or an array, durably, and wait for the exchange up to wait_ms.

        With check=true nothing is accepted: each result says what would come of the command.
        Examples of every command, run as printed: docs/howto/orders.md.
        """
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
        parameters=[*schema.FILTERS, *filters.ORDERS.parameters],
        responses={200: _ORDERS, **_PROBLEMS},
        tags=["orders"],
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        found = asked_by_account(request, Order.objects.open(), also=filters.ORDERS.names)
        page = filters.ORDERS.page(request, found, most=OPEN_LIMIT)
        return Response(page.body([rows.order_row(order) for order in page.rows]))


class OrderHistory(APIView):
    """Orders in a final state."""

    @extend_schema(
        operation_id="list_order_history",
        parameters=[*schema.FILTERS, *filters.ORDERS.parameters, *schema.DAYS],
        responses={200: _ORDERS, **_PROBLEMS},
        tags=["orders"],
    )
    def get(self, request: Request) -> Response:
        """Newest first; days are of created_at."""
        found = asked_by_account(
            request, Order.objects.history(), day_column="created_at", also=filters.ORDERS.names
        )
        page = filters.ORDERS.page(request, found, most=HISTORY_LIMIT)
        return Response(page.body([rows.order_row(order) for order in page.rows]))


class Orders(APIView):
    """Orders, whether they have ended or not."""

    @extend_schema(
        operation_id="list_orders",
        parameters=[*schema.FILTERS, *filters.ORDERS.parameters, *schema.DAYS],
        responses={200: _ORDERS, **_PROBLEMS},
        tags=["orders"],
    )
    def get(self, request: Request) -> Response:
        """Newest first; days are of created_at. An order is in it once, whenever it ends."""
        asked = asked_by_account(
            request, Order.objects.all(), day_column="created_at", also=filters.ORDERS.names
        )
        found = [part for each in asked for part in each.parts()]
        page = filters.ORDERS.page(request, found, most=HISTORY_LIMIT)
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
        parameters=[*schema.FILTERS, *filters.DEALS.parameters, *schema.DAYS],
        responses={200: _DEALS, **_PROBLEMS},
        tags=["deals"],
    )
    def get(self, request: Request) -> Response:
        """Newest first; days are of executed_at."""
        found = asked_by_account(
            request, Deal.objects.live(), day_column="executed_at", also=filters.DEALS.names
        )
        page = filters.DEALS.page(request, found, most=HISTORY_LIMIT)
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
        parameters=[*schema.FILTERS, *filters.POSITIONS.parameters],
        responses={200: _POSITIONS, **_PROBLEMS},
        tags=["positions"],
    )
    def get(self, request: Request) -> Response:
        """Newest first, with mark price and floating profit where a price is known."""
        found = asked_by_account(request, Position.objects.open(), also=filters.POSITIONS.names)
        few = [each.found_then_sorted() for each in found]
        page = filters.POSITIONS.page(request, few, most=OPEN_LIMIT)
        return Response(page.body(selectors.marked_rows(page.rows)))


class PositionHistory(APIView):
    """Positions that were closed or merged."""

    @extend_schema(
        operation_id="list_position_history",
        parameters=[*schema.FILTERS, *filters.POSITIONS.parameters, *schema.DAYS],
        responses={200: _POSITIONS, **_PROBLEMS},
        tags=["positions"],
    )
    def get(self, request: Request) -> Response:
        """Newest first; days are of closed_at."""
        found = asked_by_account(
            request,
            Position.objects.history(),
            day_column="closed_at",
            also=filters.POSITIONS.names,
        )
        page = filters.POSITIONS.page(request, found, most=HISTORY_LIMIT)
        return Response(page.body(rows.position_rows(page.rows)))


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
        """After ``since_seq``, or after ``cursor`` where one is given; oldest first."""
        refuse_unknown(request, {"account_ids", "since_seq", "cursor", "limit"})
        account_id = selectors.single_account(ids_in(request, "account_ids"))
        require_read_all(request.user, [account_id])
        first = whole_number(request, "since_seq", least=0)
        cursor = whole_number(request, "cursor")
        since = first if cursor is None else cursor
        if since is not None:
            selectors.require_kept_events(account_id, since)
        limit = whole_number(request, "limit", most=HISTORY_LIMIT) or 100
        found = Event.objects.visible_to(request.user, [account_id]).since(since or 0)
        items = [rows.event_row(event) for event in found[: limit + 1]]
        following = str(items[limit - 1]["seq"]) if len(items) > limit else None
        return Response({"items": items[:limit], "next_cursor": following})


class Cases(APIView):
    """Differences between the books and the exchange, and what was decided."""

    @extend_schema(
        operation_id="list_cases",
        parameters=[*schema.FILTERS, *filters.CASES.parameters, schema.CASE_STATE],
        responses={200: _CASES, **_PROBLEMS},
        tags=["reconcile"],
    )
    def get(self, request: Request) -> Response:
        """Newest first; without ``state`` both open and resolved ones."""
        found = asked_by_account(
            request, Case.objects.select_related("owner"), also={*filters.CASES.names, "state"}
        )
        if state := word_in(request, "state", CaseState):
            found = [cases.filter(state=state) for cases in found]
        page = filters.CASES.page(request, found, most=HISTORY_LIMIT)
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
        if case_id > LARGEST_ID:
            raise NotFound(case_id=case_id)
        actor = Actor.from_caller(request.user, request_id_of(request))
        return Response(decide(case_id, deciding.parse_decision(request.data), actor))


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
