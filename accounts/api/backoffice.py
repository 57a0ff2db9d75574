"""The back office for programs: users, keys, rights and strategies, for the role admin.

Exchange accounts are in ``positions.api.backoffice``: what of them may change depends on what they
hold.
"""

from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED

from accounts import services
from accounts.api import backoffice_bodies as bodies
from accounts.api import serializers as shapes
from accounts.api.base import WITH_BODY, AdminView, actor_of, answers, read_act
from accounts.api.bodies import grants_in, strategies_in
from accounts.api.paging import PAGING_PARAMETERS, page_of
from accounts.models import Account, ApiKey, KeyPermission, Strategy, User
from accounts.rights.permissions import AccountRights
from accounts.selectors import found
from oms_project.errors import Invalid

TAGS = ["back office"]


class Users(AdminView):
    """``/backoffice/users``"""

    @extend_schema(
        operation_id="backoffice_list_users",
        tags=TAGS,
        parameters=PAGING_PARAMETERS,
        responses=answers({200: bodies.UserPage}, 403, 422),
    )
    def get(self, request: Request) -> Response:
        """All users, newest first."""
        rows, next_cursor = page_of(User.objects.order_by("-id"), request)
        items = bodies.UserRow(rows, many=True).data
        return Response({"items": items, "next_cursor": next_cursor})

    @extend_schema(
        operation_id="backoffice_create_user",
        tags=TAGS,
        request=bodies.NewUserBody,
        responses=answers({201: bodies.UserRow}, *WITH_BODY, 403, 409),
    )
    def post(self, request: Request) -> Response:
        """Create a user; without a password it is for programs only."""
        body, by = read_act(bodies.NewUserBody, request)
        user = services.create_user(**body, by=by)
        return Response(bodies.UserRow(user).data, status=HTTP_201_CREATED)


class OneUser(AdminView):
    """``/backoffice/users/{id}``"""

    @extend_schema(
        operation_id="backoffice_read_user",
        tags=TAGS,
        responses=answers({200: bodies.UserRow}, 403, 404),
    )
    def get(self, request: Request, user_id: int) -> Response:
        """One user."""
        return Response(bodies.UserRow(found(User.objects.all(), user_id)).data)

    @extend_schema(
        operation_id="backoffice_change_user",
        tags=TAGS,
        request=bodies.UserChangeBody,
        responses=answers({200: bodies.UserRow}, *WITH_BODY, 403, 404, 409),
    )
    def patch(self, request: Request, user_id: int) -> Response:
        """Change the fields given. Who is disabled, or gets a new password, is logged out."""
        changes, by = read_act(bodies.UserChangeBody, request)
        user = services.update_user(
            user=found(User.objects.all(), user_id),
            changes=changes,
            by=by,
        )
        return Response(bodies.UserRow(user).data)


class UserTwoFactor(AdminView):
    """``DELETE /backoffice/users/{id}/two-factor``"""

    @extend_schema(
        operation_id="backoffice_reset_two_factor",
        tags=TAGS,
        request=None,
        responses=answers({200: bodies.UserRow}, 403, 404),
    )
    def delete(self, request: Request, user_id: int) -> Response:
        """Take a lost authenticator away; the user's log-ins end."""
        user = found(User.objects.all(), user_id)
        services.two_factor.remove(user=user, by=actor_of(request))
        return Response(bodies.UserRow(user).data)


class Keys(AdminView):
    """``/backoffice/api-keys``"""

    @extend_schema(
        operation_id="backoffice_list_api_keys",
        tags=TAGS,
        parameters=[OpenApiParameter("user_id", int), *PAGING_PARAMETERS],
        responses=answers({200: bodies.OwnedKeyPage}, 403, 422),
    )
    def get(self, request: Request) -> Response:
        """All keys, newest first, revoked ones included."""
        rows, cursor = page_of(ApiKey.objects.order_by("-id"), request, filters=("user_id",))
        items = bodies.OwnedKeyRow(rows, many=True).data
        return Response({"items": items, "next_cursor": cursor})

    @extend_schema(
        operation_id="backoffice_create_api_key",
        tags=TAGS,
        request=bodies.NewKeyForUserBody,
        responses=answers({201: bodies.OwnedKeyAnswer}, *WITH_BODY, 403, 404),
    )
    def post(self, request: Request) -> Response:
        """Make a key for a user: with the rights of the role on accounts, or one by one."""
        body, by = read_act(bodies.NewKeyForUserBody, request)
        user: User = found(User.objects.all(), body["user_id"])
        issued = services.create_api_key(
            user=user,
            grants=_grants_for(user, body),
            label=body["label"],
            expires_at=body.get("expires_at"),
            ip_allow_list=body.get("ip_allow_list") or (),
            by=by,
        )
        answer = {**bodies.OwnedKeyRow(issued.row).data, "api_key": issued.plain}
        return Response(answer, status=HTTP_201_CREATED)


class OneKey(AdminView):
    """``/backoffice/api-keys/{id}``"""

    @extend_schema(
        operation_id="backoffice_read_api_key",
        tags=TAGS,
        responses=answers({200: bodies.OwnedKeyRow}, 403, 404),
    )
    def get(self, request: Request, api_key_id: int) -> Response:
        """One key; its text is nowhere."""
        return Response(bodies.OwnedKeyRow(_key(api_key_id)).data)

    @extend_schema(
        operation_id="backoffice_change_api_key",
        tags=TAGS,
        request=bodies.KeyChangeBody,
        responses=answers({200: bodies.OwnedKeyRow}, *WITH_BODY, 403, 404, 409),
    )
    def patch(self, request: Request, api_key_id: int) -> Response:
        """Change the fields given; `status: revoked` takes effect within a second."""
        changes, by = read_act(bodies.KeyChangeBody, request)
        key = services.update_api_key(
            api_key=_key(api_key_id),
            changes=changes,
            by=by,
        )
        return Response(bodies.OwnedKeyRow(key).data)


class Permissions(AdminView):
    """``/backoffice/api-keys/{id}/permissions``"""

    @extend_schema(
        operation_id="backoffice_list_permissions",
        tags=TAGS,
        responses=answers({200: shapes.PermissionPage}, 403, 404),
    )
    def get(self, request: Request, api_key_id: int) -> Response:
        """What a key may do, by account."""
        return Response(_permissions_page(_key(api_key_id)))

    @extend_schema(
        operation_id="backoffice_replace_permissions",
        tags=TAGS,
        request=bodies.PermissionsBody,
        responses=answers({200: shapes.PermissionPage}, *WITH_BODY, 403, 404),
    )
    def put(self, request: Request, api_key_id: int) -> Response:
        """The key may do exactly this, and nothing on accounts that are not named."""
        key = _key(api_key_id)
        body, by = read_act(bodies.PermissionsBody, request)
        services.set_permissions(api_key=key, grants=grants_in(body["permissions"]), by=by)
        return Response(_permissions_page(key))

    @extend_schema(
        operation_id="backoffice_change_permissions",
        tags=TAGS,
        request=bodies.PermissionChangesBody,
        responses=answers({200: shapes.PermissionPage}, *WITH_BODY, 403, 404),
    )
    def patch(self, request: Request, api_key_id: int) -> Response:
        """Change the rights given, on the accounts named; everything else stays."""
        key = _key(api_key_id)
        body, by = read_act(bodies.PermissionChangesBody, request)
        changes = body["permissions"]
        for change in changes:
            if "strategies" in change:
                change["strategies"] = strategies_in(change["strategies"])
        services.change_permissions(api_key=key, changes=changes, by=by)
        return Response(_permissions_page(key))


class Strategies(AdminView):
    """``/backoffice/strategies``"""

    @extend_schema(
        operation_id="backoffice_list_strategies",
        tags=TAGS,
        parameters=PAGING_PARAMETERS,
        responses=answers({200: shapes.StrategyPage}, 403, 422),
    )
    def get(self, request: Request) -> Response:
        """All strategies, newest first."""
        rows, next_cursor = page_of(_strategies().order_by("-id"), request)
        return Response({"items": [_strategy_row(row) for row in rows], "next_cursor": next_cursor})

    @extend_schema(
        operation_id="backoffice_create_strategy",
        tags=TAGS,
        request=bodies.StrategyForAllBody,
        responses=answers({201: shapes.StrategyRow}, *WITH_BODY, 403, 404),
    )
    def post(self, request: Request) -> Response:
        """Create a strategy and link it to accounts."""
        body, by = read_act(bodies.StrategyForAllBody, request)
        strategy = services.create_strategy(
            name=body["name"],
            account_ids=body.get("account_ids", ()),
            client_strategy_id=body.get("client_strategy_id"),
            by=by,
        )
        return Response(_strategy_row(_strategy(strategy.pk)), status=HTTP_201_CREATED)


class OneStrategy(AdminView):
    """``/backoffice/strategies/{id}``"""

    @extend_schema(
        operation_id="backoffice_read_strategy",
        tags=TAGS,
        responses=answers({200: shapes.StrategyRow}, 403, 404),
    )
    def get(self, request: Request, strategy_id: int) -> Response:
        """One strategy."""
        return Response(_strategy_row(_strategy(strategy_id)))

    @extend_schema(
        operation_id="backoffice_change_strategy",
        tags=TAGS,
        request=bodies.StrategyChangeBody,
        responses=answers({200: shapes.StrategyRow}, *WITH_BODY, 403, 404),
    )
    def patch(self, request: Request, strategy_id: int) -> Response:
        """Change the fields given; a disabled strategy's orders are refused."""
        changes, by = read_act(bodies.StrategyChangeBody, request)
        services.update_strategy(
            strategy=_strategy(strategy_id),
            changes=changes,
            by=by,
        )
        return Response(_strategy_row(_strategy(strategy_id)))


def _key(api_key_id: int) -> ApiKey:
    key: ApiKey = found(ApiKey.objects.all(), api_key_id)
    return key


def _grants_for(user: User, body: dict[str, Any]) -> dict[int, AccountRights]:
    if "permissions" not in body:
        return services.template_grants(
            user.role, body.get("account_ids", ()), body.get("strategy_ids", ())
        )
    for name in ("account_ids", "strategy_ids"):
        if name in body:
            raise Invalid("Give permissions or account_ids.", field=name, limit="without")
    return grants_in(body["permissions"])


def _permissions_page(key: ApiKey) -> dict[str, Any]:
    rows = KeyPermission.objects.filter(api_key=key).prefetch_related("strategies")
    items = shapes.PermissionRow(rows.order_by("account_id"), many=True).data
    return {"items": items, "next_cursor": None}


def _strategies() -> QuerySet[Strategy]:
    linked = Prefetch("accounts", Account.objects.order_by("id"), to_attr="linked_accounts")
    return Strategy.objects.prefetch_related(linked)


def _strategy(strategy_id: int) -> Strategy:
    strategy: Strategy = found(_strategies(), strategy_id)
    return strategy


def _strategy_row(strategy: Strategy) -> dict[str, Any]:
    linked: list[Account] = strategy.linked_accounts  # type: ignore[attr-defined]
    return shapes.strategy_row(strategy, [account.pk for account in linked])
