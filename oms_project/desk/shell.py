"""What does every page show around its own? Menu, accounts, keys, settings; facts for scripts."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone, translation

from accounts import selectors as access
from accounts.personal.settings import DEFAULTS, settings_of
from accounts.words import Role
from oms_project.desk.acting import caller_in
from oms_project.desk.languages import words_url
from oms_project.desk.menu import ROLES, Chapter, menu_for, start_of
from positions import selectors
from positions.rows import utc_text


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: ``desk``, which asks nothing until a template does."""
    return {"desk": Shell(request)}


class Shell:
    """What base.html needs."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def is_inside(self) -> bool:
        """Whether somebody is logged in."""
        user = getattr(self._request, "user", None)
        return user is not None and user.is_authenticated

    @cached_property
    def menu(self) -> list[Chapter]:
        """The chapters of the user's role."""
        return menu_for(self._request.user.role, self._request.path) if self.is_inside else []

    @property
    def role(self) -> Any:
        """The user's role in words."""
        return ROLES[Role(self._request.user.role)]

    @property
    def start(self) -> str:
        """Where the user's role begins."""
        return start_of(self._request.user.role)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The user's own."""
        return settings_of(self._request.user.pk) if self.is_inside else dict(DEFAULTS)

    @property
    def languages(self) -> list[tuple[str, str]]:
        """Codes and names, each in itself."""
        return settings.LANGUAGES

    @cached_property
    def accounts(self) -> list[dict[str, Any]]:
        """The accounts that the session may read, with its rights on each."""
        caller = caller_in(self._request)
        rows = access.accounts_of(caller).order_by("id")
        return selectors.account_rows(caller, rows)

    @cached_property
    def keys(self) -> list[dict[str, Any]]:
        """The user's live keys: the one acted through is ``here``."""
        caller = caller_in(self._request)
        return [
            {"id": key.pk, "prefix": key.prefix, "label": key.label,
             "here": key.pk == caller.api_key_id}
            for key in access.live_keys_of_user(caller.user_id)
        ]  # fmt: skip

    @property
    def facts(self) -> dict[str, Any]:
        """What scripts are told: no secret is among it."""
        caller = caller_in(self._request)
        language = translation.get_language()
        return {
            "user": {"id": caller.user_id, "name": caller.user_name, "role": caller.role},
            "api_key_id": caller.api_key_id,
            "is_restricted": caller.is_restricted,
            "accounts": self.accounts,
            "strategies": self._strategies,
            "settings": self.settings,
            "language": language,
            "words": None if language == "en" else words_url(language),
            "data": "/admin/data/",
            "static": static(""),
            "heartbeat_s": settings.OMS_SOCKET_HEARTBEAT_S,
            "price_shown_s": settings.OMS_PRICE_SHOWN_S,
            "now": utc_text(timezone.now()),
        }

    @property
    def _strategies(self) -> list[dict[str, Any]]:
        caller = caller_in(self._request)
        return [
            {"id": row.pk, "name": row.name, "client_strategy_id": row.client_strategy_id,
             "status": row.status, "account_ids": access.visible_account_ids(caller, row)}
            for row in access.strategies_visible_to(caller)
        ]  # fmt: skip
