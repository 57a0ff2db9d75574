"""What does a person read who may not see a page, or asks for one that is not there?"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from oms_project import problems
from oms_project.errors import OmsError
from oms_project.problems import problem


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's 403: a page with the menu for people, the error body for programs."""
    return _page(request, exception)


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's 404, as ``forbidden``."""
    return _page(request, exception)


def _page(request: HttpRequest, exception: Exception | None) -> HttpResponse:
    if not _is_for_people(request) or exception is None:
        return problems.page(request, exception)
    known: OmsError = problem(exception)
    context = {"status": known.status, "request_id": getattr(request, "request_id", "")}
    return render(request, "desk/refused.html", context, status=known.status)


def _is_for_people(request: HttpRequest) -> bool:
    path = request.path_info
    return (
        path.startswith("/admin/")
        and not path.startswith("/admin/data/")
        and "text/html" in request.headers.get("Accept", "")
        and getattr(request, "user", None) is not None
        and request.user.is_authenticated
    )
