"""Does this request carry a key?

Asked before anything else about it: a path that does not exist, a method that is not allowed and a
body that cannot be read are nobody's business without a key.
"""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse

from accounts.callers.authentication import caller_of
from accounts.callers.client import request_id_of
from oms_project.errors import OmsError, StorageUnavailable

# Exact paths, and folders with a slash at the end. `/metrics` has its own bearer token.
PUBLIC_PATHS = (
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/schema",
    "/api/docs",
    "/auth/login-password",
    "/admin/",
    "/static/",
)

log = logging.getLogger(__name__)


def require_key(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Let a request through with ``request.caller`` set, or answer 401.

    Public are ``PUBLIC_PATHS`` and ``settings.SESSION_PATHS``: the pages, which have a browser
    session instead of a key and check it themselves.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if is_public(request.path_info):
            return get_response(request)
        try:
            caller_of(request)
        except OmsError as error:
            return _refusal(request, error)
        except DatabaseError:
            log.exception("authentication.storage_unavailable")
            return _refusal(request, StorageUnavailable())
        return get_response(request)

    return middleware


def is_public(path: str) -> bool:
    """Whether the path is answered without a key."""
    public = (*PUBLIC_PATHS, *settings.SESSION_PATHS)
    folders = tuple(entry for entry in public if entry.endswith("/") and entry != "/")
    either_way = {path, path.removesuffix("/"), f"{path}/"}
    return not either_way.isdisjoint(public) or path.startswith(folders)


def _refusal(request: HttpRequest, error: OmsError) -> JsonResponse:
    return JsonResponse(
        error.body(request_id_of(request)), status=error.status, headers=error.headers
    )
