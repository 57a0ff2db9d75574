"""The addresses that the tests of this app call."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("accounts.api.urls")),
    path("", include("positions.api.urls")),
    path("", include("riskdesk.api.urls")),
]
