"""How does any exception become the one error body?

``{"code", "message", "details", "request_id"}`` with its status, for REST, commands and the
middleware alike. What we did not expect is logged with its traceback and answered without a word
of it.
"""

import logging
import sys
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions as drf
from rest_framework.response import Response

from oms_project.errors import (
    InternalError,
    Invalid,
    MalformedJson,
    MethodNotAllowed,
    MissingApiKey,
    NotFound,
    OmsError,
    PayloadTooLarge,
    PermissionDenied,
    RateLimited,
    StorageUnavailable,
    UnsupportedMediaType,
)

log = logging.getLogger(__name__)


def problem(error: Exception) -> OmsError:  # noqa: PLR0912 (one table, read top to bottom)
    """The contract's error for any exception."""
    match error:
        case OmsError():
            return error
        case Http404() | drf.NotFound():
            return NotFound()
        case drf.MethodNotAllowed():
            return MethodNotAllowed()
        case drf.UnsupportedMediaType():
            return UnsupportedMediaType()
        case drf.ParseError() | UnicodeDecodeError():
            return MalformedJson()
        case BadRequest() | MultiPartParserError():
            return MalformedJson("The body cannot be read.")
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return MissingApiKey()
        case DjangoPermissionDenied() | drf.PermissionDenied():
            return PermissionDenied()
        case RequestDataTooBig():
            return PayloadTooLarge()
        case drf.Throttled():
            return RateLimited(retry_after_s=int(error.wait or 1))
        case drf.ValidationError():
            return Invalid("A value is not acceptable.", errors=error.detail)
        case SuspiciousOperation():
            return Invalid("The request is not acceptable.")
        case OperationalError() | InterfaceError():
            log.exception("storage.unavailable")
            return StorageUnavailable()
        case _:
            return _unexpected(error)


def _unexpected(error: Exception) -> OmsError:
    log.error(
        "internal_error",
        exc_info=(type(error), error, error.__traceback__),
        extra={"storage": isinstance(error, DatabaseError)},
    )
    return InternalError()


def answer(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler."""
    request = context.get("request")
    known = problem(error)
    return Response(
        known.body(getattr(request, "request_id", "")),
        status=known.status,
        headers=known.headers,
    )


def page(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Django's own 404 (and 400, 403, 500) outside DRF."""
    known = problem(exception or InternalError())
    return JsonResponse(
        known.body(getattr(request, "request_id", "")), status=known.status, headers=known.headers
    )


def csrf_refused(request: HttpRequest, reason: str = "") -> JsonResponse:
    """A form without the token of its page."""
    return page(request, PermissionDenied("The form is too old; open its page again."))


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's 500: what broke outside every view, such as the writing of an answer."""
    broke = sys.exc_info()[1]
    return page(request, broke if isinstance(broke, Exception) else None)
