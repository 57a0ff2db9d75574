"""The addresses that the app's own tests speak to, whatever else the project offers."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def whoami(request: HttpRequest) -> HttpResponse:
    """Something that needs a key, outside DRF."""
    return HttpResponse(request.caller.user_name)  # type: ignore[attr-defined]


def public(request: HttpRequest) -> HttpResponse:
    """Something that needs none."""
    return HttpResponse("ok")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", public),
    path("whoami", whoami),
    path("", include("accounts.api.urls")),
]
