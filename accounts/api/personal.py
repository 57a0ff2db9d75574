"""A user's own settings of the screens, and views kept under a name, over REST."""

import re
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from accounts.api.base import WITH_BODY, KeyedView, answers
from accounts.api.bodies import Body, UtcField, read_body
from accounts.api.paging import PAGING_PARAMETERS, page_of
from accounts.api.serializers import ID
from accounts.callers.authentication import caller_of
from accounts.personal import settings, views
from accounts.personal.models import SavedView

LANGUAGES = ["en", "pt-br", "es"]
_DECIMAL = r"^[0-9]{1,18}(\.[0-9]{1,18})?$"
# One combination, or two after each other: "c", "Shift+C", "Ctrl+Enter", "g p".
_COMBINATION = r"(?:(?:Ctrl|Alt|Shift)\+){0,3}(?:[A-Z][A-Za-z0-9]{1,20}|[^\s\x00-\x1f])"
_PRESSED = rf"^{_COMBINATION}(?: {_COMBINATION})?$"
_ACT = r"[a-z][a-z-]{0,39}"
_PAGE = r"^[a-z][a-z/-]{0,63}$"
MOST_COLUMNS = 80


class ColumnBody(Body):
    """Where a column stands is its place in the list."""

    field = serializers.RegexField(r"^[a-z_]{1,40}$")
    width = serializers.IntegerField(min_value=20, max_value=2000, required=False, allow_null=True)
    visible = serializers.BooleanField(default=True)


class GridBody(Body):
    columns = serializers.ListField(child=ColumnBody(), max_length=MOST_COLUMNS)


class _Grids(serializers.DictField):
    child = GridBody(allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        for name in found:
            if not name.replace("-", "").isalpha() or len(name) > 40:
                raise serializers.ValidationError({str(name)[:64]: ["This is no name of a grid."]})
        return found


class _Keys(serializers.DictField):
    child = serializers.RegexField(_PRESSED, allow_null=True, max_length=40)

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        for name in found:
            if not re.fullmatch(_ACT, name):
                raise serializers.ValidationError({str(name)[:64]: ["This is no name of an act."]})
        return found


class SettingsBody(Body):
    """What is left out stays; a grid or an act's keys that are null are as they were at first."""

    language = serializers.ChoiceField(LANGUAGES, required=False, allow_null=True)
    theme = serializers.ChoiceField(["system", "light", "dark"], required=False)
    density = serializers.ChoiceField(["compact", "normal", "roomy"], required=False)
    zone = serializers.ChoiceField(["utc", "local"], required=False)
    palette = serializers.ChoiceField(["green-red", "red-green", "blue-orange"], required=False)
    confirm_away_percent = serializers.RegexField(
        _DECIMAL,
        required=False,
        help_text="How far from the market, in percent, an order may be that is not asked about.",
    )
    confirm_value = serializers.RegexField(
        _DECIMAL,
        required=False,
        allow_null=True,
        help_text="The value, in the market's money, above which every order is asked about.",
    )
    api_key_id = serializers.IntegerField(
        required=False, allow_null=True, help_text="The key that a browser acts through.", **ID
    )
    grids = _Grids(required=False, help_text="Which columns a grid has, by its name.")
    keys = _Keys(
        required=False,
        help_text='By which keys what is done, such as `{"close": "Shift+K", "go-deals": "g e"}`.',
    )


class SettingsAnswer(SettingsBody):
    """Every setting."""


class ViewBody(Body):
    page = serializers.RegexField(_PAGE, help_text="The page below `/admin/`.")
    name = serializers.CharField(max_length=80)
    query = serializers.CharField(
        max_length=2000, allow_blank=True, help_text="What follows the `?` in its address."
    )
    is_shared = serializers.BooleanField(default=False)


class ViewRow(serializers.ModelSerializer[SavedView]):
    user_name = serializers.CharField(source="user.username", read_only=True)
    created_at = UtcField(read_only=True)

    class Meta:
        model = SavedView
        fields = ("id", "page", "name", "query", "is_shared", "user_name", "created_at")


class ViewPage(serializers.Serializer[Any]):
    items = ViewRow(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class Settings(KeyedView):
    """``/user/settings``"""

    @extend_schema(
        operation_id="read_settings", tags=["user"], responses=answers({200: SettingsAnswer})
    )
    def get(self, request: Request) -> Response:
        """How the user wants the screens to be."""
        return Response(settings.settings_of(caller_of(request).user_id))

    @extend_schema(
        operation_id="change_settings",
        tags=["user"],
        request=SettingsBody,
        responses=answers({200: SettingsAnswer}, *WITH_BODY, 404),
    )
    def patch(self, request: Request) -> Response:
        """Change the fields given; what is left out stays."""
        changes = read_body(SettingsBody, request)
        return Response(settings.change_settings(caller_of(request).user_id, changes))


class Views(KeyedView):
    """``/user/views``"""

    @extend_schema(
        operation_id="list_views",
        tags=["user"],
        parameters=PAGING_PARAMETERS,
        responses=answers({200: ViewPage}, 422),
    )
    def get(self, request: Request) -> Response:
        """The user's own views, and those of others that are shared with them; newest first."""
        rows, next_cursor = page_of(views.views_of(caller_of(request)), request)
        return Response({"items": ViewRow(rows, many=True).data, "next_cursor": next_cursor})

    @extend_schema(
        operation_id="save_view",
        tags=["user"],
        request=ViewBody,
        responses=answers({201: ViewRow}, *WITH_BODY, 404, 409),
    )
    def post(self, request: Request) -> Response:
        """Keep a page with what it selects under a name."""
        view = views.save_view(caller_of(request), read_body(ViewBody, request))
        return Response(ViewRow(view).data, status=HTTP_201_CREATED)


class OneView(KeyedView):
    """``/user/views/{id}``"""

    @extend_schema(
        operation_id="change_view",
        tags=["user"],
        request=ViewBody,
        responses=answers({200: ViewRow}, *WITH_BODY, 404, 409),
    )
    def patch(self, request: Request, view_id: int) -> Response:
        """Change the fields given of one of the user's own."""
        changes = read_body(ViewBody, request, partial=True)
        return Response(ViewRow(views.change_view(caller_of(request), view_id, changes)).data)

    @extend_schema(operation_id="delete_view", tags=["user"], responses=answers({204: None}, 404))
    def delete(self, request: Request, view_id: int) -> Response:
        """Forget one of the user's own."""
        views.delete_view(caller_of(request), view_id)
        return Response(status=HTTP_204_NO_CONTENT)
