"""What does a person do to their own session? Choose the key it acts through, and the language."""

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.callers.browser_sessions import act_through
from accounts.callers.client import client_address_of
from accounts.personal.settings import change_settings
from oms_project.desk.menu import start_of
from oms_project.errors import Invalid, OmsError
from oms_project.problems import page

_LARGEST_ID = 2**63 - 1


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Where the user's role begins."""
    return HttpResponseRedirect(start_of(request.user.role))


@require_POST
def choose_key(request: HttpRequest) -> HttpResponse:
    """``{"api_key_id": 3}``: the key that this session, and the next ones, act through."""
    try:
        number = _number_in(request)
        address = client_address_of(request.META)
        act_through(request.user, request.session, number, address=address)
        change_settings(request.user.pk, {"api_key_id": number})
    except OmsError as refusal:
        return page(request, refusal)
    return JsonResponse({"api_key_id": number})


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """The language of the pages from now on; kept for the user too."""
    wanted = request.POST.get("language", "")
    back = request.POST.get("next", "")
    response = HttpResponseRedirect(back if _is_ours(back) else reverse("desk:start"))
    if wanted in dict(settings.LANGUAGES):
        change_settings(request.user.pk, {"language": wanted})
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, wanted, **cookie_options())
    return response


def cookie_options() -> dict[str, Any]:
    """How the cookie of the language is set."""
    return {
        "max_age": 365 * 24 * 3600,
        "samesite": "Lax",
        "secure": settings.SESSION_COOKIE_SECURE,
        "httponly": True,
    }


def _is_ours(address: str) -> bool:
    return address.startswith("/admin/") and "\\" not in address and "\n" not in address


def _number_in(request: HttpRequest) -> int:
    try:
        number = json.loads(request.body)["api_key_id"]
    except (ValueError, KeyError, TypeError):
        number = None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= _LARGEST_ID:
        raise Invalid("Name one of your keys.", field="api_key_id", limit="a whole number")
    return number
