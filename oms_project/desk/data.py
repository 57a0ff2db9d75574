"""How does a page ask what REST answers? At the same views, behind its session.

``/admin/data/…`` is REST's ``/…`` with the caller of the browser's session in place of a key's, as
``/ws`` has it. What changes something needs the page's CSRF token. Keys, passwords and the back
office are not among them.
"""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import CSRFCheck

from accounts.api import urls as accounts_urls
from accounts.callers import second_factor
from gateway.api import urls as gateway_urls
from oms_project.desk.acting import caller_in
from oms_project.desk.pages import View
from oms_project.errors import InvalidApiKey, NotFound, PermissionDenied
from oms_project.problems import page
from positions.api import urls as positions_urls
from riskdesk.api import urls as riskdesk_urls

OPEN = (
    "oms/", "strategies", "user/profile", "user/settings", "user/views", "ccxt/orders/raw",
    "ccxt/trades/raw", "meta/",
)  # fmt: skip
SAFE = ("GET", "HEAD", "OPTIONS")


def addresses() -> Iterator[URLPattern]:
    """The addresses of REST that pages may ask."""
    for app in (positions_urls, accounts_urls, gateway_urls, riskdesk_urls):
        for pattern in app.urlpatterns:
            if (route := str(pattern.pattern)).startswith(OPEN):
                yield path(f"data/{route}", behind_session(pattern.callback))


@csrf_exempt
def missing(request: HttpRequest, address: str) -> HttpResponse:
    """There is nothing else."""
    return page(request, NotFound())


def behind_session(view: View) -> View:
    """The view of REST for whoever is logged in."""

    # Not wrapped: what is known of the view would put it into the API's document a second time. The
    # token is checked here, so that the answer is the error body.
    @csrf_exempt
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        if not user.is_authenticated or second_factor.lacks_required(user):
            return page(request, InvalidApiKey("Log in."))
        if request.method not in SAFE and (why := _forged(request)):
            return page(request, PermissionDenied("Open the page again.", why=why))
        caller_in(request)
        return view(request, *args, **kwargs)

    return asked


def _forged(request: HttpRequest) -> str | None:
    check = CSRFCheck(lambda request: HttpResponse())
    check.process_request(request)
    return check.process_view(request, None, (), {})
