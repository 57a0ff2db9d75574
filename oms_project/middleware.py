"""Which request is this? Every answer and error carries ``X-Request-ID``."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from oms_project.answers.request_ids import chosen_request_id, working_on
from oms_project.port.visit import visit_in


def request_id(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give the request an id and send it back."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.request_id = chosen_request_id(request.headers.get("x-request-id"))
        with working_on(request.request_id):
            response = get_response(request)
        if (caller := getattr(request, "caller", None)) is not None:
            visit_in(request.META.get("asgi.scope", {})).recognise(caller.user_id)
        response["X-Request-ID"] = request.request_id
        return response

    return middleware
