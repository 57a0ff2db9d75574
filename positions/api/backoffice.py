"""The back office for programs: exchange accounts, and every account's rows to read."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED
from rest_framework.views import APIView

from accounts import services as account_services
from accounts.api import backoffice_bodies as bodies
from accounts.api.base import WITH_BODY, AdminView, actor_of, answers, read_act
from accounts.api.paging import PAGING_PARAMETERS, page_of
from accounts.callers.authentication import caller_of
from accounts.credentials import CredentialsState
from accounts.rights.permissions import require_admin
from accounts.selectors import account_by_id, accounts_with_state, reading_everything
from accounts.services.connection import test_connection
from positions.api import export_views, views
from positions.services.account_settings import change_account

TAGS = ["back office"]


class Accounts(AdminView):
    """``/backoffice/accounts``"""

    @extend_schema(
        operation_id="backoffice_list_accounts",
        tags=TAGS,
        parameters=PAGING_PARAMETERS,
        responses=answers({200: bodies.AccountPage}, 403, 422),
    )
    def get(self, request: Request) -> Response:
        """All accounts, newest first; of their logins only which parts are set."""
        rows, next_cursor = page_of(accounts_with_state().order_by("-id"), request)
        return Response({"items": [_row(row) for row in rows], "next_cursor": next_cursor})

    @extend_schema(
        operation_id="backoffice_create_account",
        tags=TAGS,
        request=bodies.NewAccountBody,
        responses=answers({201: bodies.AccountRow}, *WITH_BODY, 403, 503),
    )
    def post(self, request: Request) -> Response:
        """Add an account that no key may use yet; its login can come along."""
        body, by = read_act(bodies.NewAccountBody, request)
        login = body.pop("credentials", None)
        account = account_services.add_account(**body, login=login, by=by)
        return Response(_row_of(account.pk), status=HTTP_201_CREATED)


class OneAccount(AdminView):
    """``/backoffice/accounts/{id}``"""

    @extend_schema(
        operation_id="backoffice_read_account",
        tags=TAGS,
        responses=answers({200: bodies.AccountRow}, 403, 404),
    )
    def get(self, request: Request, account_id: int) -> Response:
        """One account."""
        account_by_id(account_id)
        return Response(_row_of(account_id))

    @extend_schema(
        operation_id="backoffice_change_account",
        tags=TAGS,
        request=bodies.AccountChangeBody,
        responses=answers({200: bodies.AccountRow}, *WITH_BODY, 403, 404, 409),
    )
    def patch(self, request: Request, account_id: int) -> Response:
        """Change the fields given; `credentials` replaces the login as a whole."""
        changes, by = read_act(bodies.AccountChangeBody, request)
        login = changes.pop("credentials", None)
        change_account(account_id=account_id, changes=changes, login=login, by=by)
        return Response(_row_of(account_id))


class ConnectionTest(AdminView):
    """``POST /backoffice/accounts/{id}/test-connection``"""

    @extend_schema(
        operation_id="backoffice_test_connection",
        tags=TAGS,
        request=None,
        responses=answers({200: bodies.ConnectionAnswer}, 403, 404, 504),
    )
    def post(self, request: Request, account_id: int) -> Response:
        """Ask the exchange whether the account can be traded; nothing is ordered."""
        tested = test_connection(account=account_by_id(account_id), by=actor_of(request))
        return Response({"passed": tested.passed, "checks": tested.checks})


class EveryAccount:
    """Mixed into a view of the OMS: for the role admin, with every account to read."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        require_admin(caller_of(request))
        request.user = reading_everything(caller_of(request))


def _in_back_office(view: type[APIView], operation: str) -> type[APIView]:
    """The view for admins, under an operation name of its own."""
    named = extend_schema_view(get=extend_schema(operation_id=f"backoffice_{operation}", tags=TAGS))
    facts = {"__doc__": view.__doc__, "__module__": __name__}
    return named(type(f"BackOffice{view.__name__}", (EveryAccount, view), facts))


Orders = _in_back_office(views.Orders, "list_orders")
OpenOrders = _in_back_office(views.OpenOrders, "list_open_orders")
OrderHistory = _in_back_office(views.OrderHistory, "list_order_history")
OrdersById = _in_back_office(views.OrdersById, "get_orders")
Deals = _in_back_office(views.Deals, "list_deals")
DealsById = _in_back_office(views.DealsById, "get_deals")
OpenPositions = _in_back_office(views.OpenPositions, "list_open_positions")
PositionHistory = _in_back_office(views.PositionHistory, "list_position_history")
PositionsById = _in_back_office(views.PositionsById, "get_positions")
Events = _in_back_office(views.Events, "list_events")
ExportOrders = _in_back_office(export_views.Orders, "export_orders")
ExportOpenOrders = _in_back_office(export_views.OpenOrders, "export_open_orders")
ExportOrderHistory = _in_back_office(export_views.OrderHistory, "export_order_history")
ExportDeals = _in_back_office(export_views.Deals, "export_deals")
ExportOpenPositions = _in_back_office(export_views.OpenPositions, "export_open_positions")
ExportPositionHistory = _in_back_office(export_views.PositionHistory, "export_position_history")
ExportEvents = _in_back_office(export_views.Events, "export_events")


def _row_of(account_id: int) -> dict[str, Any]:
    return _row(accounts_with_state().get(pk=account_id))


def _row(account: Any) -> dict[str, Any]:
    """The account as ``AccountRow``; it comes from ``accounts_with_state``."""
    account.login_words = CredentialsState.of(vars(account)).as_words()
    account.rebased_to = settings.OMS_EXCHANGE_URLS.get(account.ccxt_id)
    return bodies.AccountRow(account).data
