"""Log-in, the user's own profile and keys, and strategies over REST."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.api import serializers as shapes
from accounts.api.base import WITH_BODY, KeyedView, actor_of, answers
from accounts.api.bodies import grants_in, read_body
from accounts.api.paging import PAGING_PARAMETERS, page_of
from accounts.callers.authentication import caller_of
from accounts.callers.client import client_address_of, request_id_of
from accounts.rights.permissions import Caller


class LoginPassword(APIView):
    """``POST /auth/login-password``: the only address of ours that needs no key."""

    authentication_classes: ClassVar[tuple[()]] = ()  # type: ignore[assignment]
    permission_classes: ClassVar[tuple[()]] = ()  # type: ignore[assignment]

    @extend_schema(
        operation_id="log_in",
        tags=["auth"],
        auth=[],
        request=shapes.LoginBody,
        responses=answers({200: shapes.LoginAnswer}, *WITH_BODY, 404, 429),
    )
    def post(self, request: Request) -> Response:
        """Log in with a password; the token goes into `x-api-key` and lasts 12 hours."""
        body = read_body(shapes.LoginBody, request)
        log_in = services.log_in(
            user_name=body["user_name"],
            password=body["password"],
            otp=body.get("otp"),
            api_key_id=body.get("api_key_id"),
            address=client_address_of(request.META),
            request_id=request_id_of(request),
        )
        return Response(shapes.LoginAnswer(log_in).data)


class Logout(KeyedView):
    """``POST /auth/logout``"""

    @extend_schema(
        operation_id="log_out",
        tags=["auth"],
        request=None,
        responses=answers({200: shapes.LogoutAnswer}),
    )
    def post(self, request: Request) -> Response:
        """End the log-in whose token this request carries; an API key is not touched."""
        ended = services.log_out(request.headers["x-api-key"], by=actor_of(request))
        return Response({"ended": ended})


class Profile(KeyedView):
    """``/user/profile``"""

    @extend_schema(
        operation_id="read_profile",
        tags=["user"],
        responses=answers({200: shapes.ProfileAnswer}),
    )
    def get(self, request: Request) -> Response:
        """Who the key belongs to."""
        return Response(shapes.ProfileAnswer(selectors.user_of(caller_of(request))).data)

    @extend_schema(
        operation_id="change_profile",
        tags=["user"],
        request=shapes.ProfileBody,
        responses=answers({200: shapes.ProfileAnswer}, *WITH_BODY),
    )
    def patch(self, request: Request) -> Response:
        """Change the fields given; what is left out stays."""
        user = services.update_profile(
            user=selectors.user_of(caller_of(request)),
            changes=read_body(shapes.ProfileBody, request),
            by=actor_of(request),
        )
        return Response(shapes.ProfileAnswer(user).data)


class Password(KeyedView):
    """``POST /user/password``"""

    @extend_schema(
        operation_id="change_password",
        tags=["user"],
        request=shapes.PasswordBody,
        responses=answers({200: shapes.PasswordAnswer}, *WITH_BODY, 429),
    )
    def post(self, request: Request) -> Response:
        """Change the password; every log-in of the user ends, this one too."""
        body = read_body(shapes.PasswordBody, request)
        ended = services.change_password(
            user=selectors.user_of(caller_of(request)),
            current_password=body["current_password"],
            new_password=body["new_password"],
            by=actor_of(request),
            address=client_address_of(request.META),
        )
        return Response({"log_ins_ended": ended})


class ApiKeys(KeyedView):
    """``/user/api-keys``"""

    @extend_schema(
        operation_id="list_own_api_keys",
        tags=["user"],
        parameters=PAGING_PARAMETERS,
        responses=answers({200: shapes.ApiKeyPage}, 422),
    )
    def get(self, request: Request) -> Response:
        """The user's own keys, newest first, revoked ones included."""
        rows, next_cursor = page_of(selectors.keys_of(caller_of(request)), request)
        return Response(
            {"items": shapes.ApiKeyRow(rows, many=True).data, "next_cursor": next_cursor}
        )

    @extend_schema(
        operation_id="create_own_api_key",
        tags=["user"],
        request=shapes.NewApiKeyBody,
        responses=answers({201: shapes.IssuedKeyAnswer}, *WITH_BODY, 403, 404),
    )
    def post(self, request: Request) -> Response:
        """Make a key that can do no more than the one asking; its text is shown this once."""
        body = read_body(shapes.NewApiKeyBody, request)
        issued = services.create_own_api_key(
            caller=caller_of(request),
            grants=grants_in(body["permissions"]) if "permissions" in body else None,
            label=body["label"],
            expires_at=body.get("expires_at"),
            ip_allow_list=body.get("ip_allow_list"),
            by=actor_of(request),
        )
        answer = {**shapes.ApiKeyRow(issued.row).data, "api_key": issued.plain}
        return Response(answer, status=HTTP_201_CREATED)


class ApiKeyChange(KeyedView):
    """``PATCH /user/api-keys/{id}``"""

    @extend_schema(
        operation_id="change_own_api_key",
        tags=["user"],
        request=shapes.ApiKeyChangeBody,
        responses=answers({200: shapes.ApiKeyRow}, *WITH_BODY, 404, 409),
    )
    def patch(self, request: Request, api_key_id: int) -> Response:
        """Change the fields given; `status: revoked` takes effect within a second."""
        key = services.update_own_api_key(
            caller=caller_of(request),
            api_key_id=api_key_id,
            changes=read_body(shapes.ApiKeyChangeBody, request),
            by=actor_of(request),
        )
        return Response(shapes.ApiKeyRow(key).data)


class ApiKeyPermissions(KeyedView):
    """``GET /user/api-keys/{id}/permissions``"""

    @extend_schema(
        operation_id="list_own_api_key_permissions",
        tags=["user"],
        responses=answers({200: shapes.PermissionPage}, 404),
    )
    def get(self, request: Request, api_key_id: int) -> Response:
        """What one of the user's own keys may do, by account."""
        rows = selectors.permissions_of_own_key(caller_of(request), api_key_id)
        return Response({"items": shapes.PermissionRow(rows, many=True).data, "next_cursor": None})


class Strategies(KeyedView):
    """``/strategies``"""

    @extend_schema(
        operation_id="list_strategies",
        tags=["strategies"],
        parameters=PAGING_PARAMETERS,
        responses=answers({200: shapes.StrategyPage}, 422),
    )
    def get(self, request: Request) -> Response:
        """The strategies the key sees, newest first."""
        caller = caller_of(request)
        rows, next_cursor = page_of(selectors.strategies_visible_to(caller), request)
        items = [
            shapes.strategy_row(row, selectors.visible_account_ids(caller, row)) for row in rows
        ]
        return Response({"items": items, "next_cursor": next_cursor})

    @extend_schema(
        operation_id="create_strategy",
        tags=["strategies"],
        request=shapes.NewStrategyBody,
        responses=answers({201: shapes.StrategyRow}, *WITH_BODY, 403, 404),
    )
    def post(self, request: Request) -> Response:
        """Create a strategy on accounts the key may trade; a restricted key gets the new one."""
        body = read_body(shapes.NewStrategyBody, request)
        caller: Caller = caller_of(request)
        strategy = services.create_own_strategy(
            caller=caller,
            name=body["name"],
            account_ids=body["account_ids"],
            client_strategy_id=body.get("client_strategy_id"),
            by=actor_of(request),
        )
        row = shapes.strategy_row(strategy, sorted(set(body["account_ids"])))
        return Response(row, status=HTTP_201_CREATED)
