"""Which address belongs to which part?"""

from django.contrib import admin
from django.urls import include, path

from oms_project.pages import home, schema
from oms_project.watching import health, metrics, status

urlpatterns = [
    path("", home.index, name="home"),
    path("healthz", health.Healthz.as_view(), name="healthz"),
    path("readyz", health.Readyz.as_view(), name="readyz"),
    path("metrics", metrics.Metrics.as_view(), name="metrics"),
    path("system/status", status.SystemStatus.as_view(), name="system-status"),
    path("admin/", include("oms_project.desk.urls")),
    path("admin/", admin.site.urls),
    path("api/schema", schema.view, name="schema"),
    path("api/docs", home.docs, name="docs"),
    path("", include("accounts.api.urls")),
    path("", include("positions.api.urls")),
    path("", include("gateway.api.urls")),
    path("", include("riskdesk.api.urls")),
]

handler400 = "oms_project.problems.page"
handler403 = "oms_project.desk.refusals.forbidden"
handler404 = "oms_project.desk.refusals.missing"
handler500 = "oms_project.problems.server_error"
