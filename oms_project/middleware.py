"""Which request is this? Every answer and error carries ``X-Request-ID``."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_ACCEPTABLE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def chosen_request_id(given: str | None) -> str:
    """The caller's own id where it is short and plain, else a new one."""
    return given if given and _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex


def request_id(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give the request an id and send it back."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.request_id = chosen_request_id(request.headers.get("x-request-id"))
        response = get_response(request)
        response["X-Request-ID"] = request.request_id
        return response

    return middleware
