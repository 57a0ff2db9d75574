"""Which address belongs to which part?"""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from oms_project import health, home, metrics, status

urlpatterns = [
    path("", home.index, name="home"),
    path("healthz", health.Healthz.as_view(), name="healthz"),
    path("readyz", health.Readyz.as_view(), name="readyz"),
    path("metrics", metrics.Metrics.as_view(), name="metrics"),
    path("system/status", status.SystemStatus.as_view(), name="system-status"),
    path("admin/", admin.site.urls),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("", include("accounts.api.urls")),
    path("", include("positions.api.urls")),
    path("", include("gateway.api.urls")),
    path("", include("riskdesk.api.urls")),
]

handler400 = handler403 = handler404 = "oms_project.problems.page"
handler500 = "oms_project.problems.server_error"
