"""Addresses of the risk desk."""

from django.urls import path

from riskdesk.api import views

urlpatterns = [
    path("oms/risk/halts", views.Halts.as_view(), name="risk-halts"),
    path("oms/risk/kill", views.Kill.as_view(), name="risk-kill"),
    path("oms/risk/release", views.Release.as_view(), name="risk-release"),
    path("oms/risk/<int:account_id>", views.Risk.as_view(), name="risk"),
    path(
        "oms/risk/<int:account_id>/strategies", views.Strategies.as_view(), name="risk-strategies"
    ),
    path(
        "oms/risk/<int:account_id>/strategies/allow_new_positions",
        views.AllowStrategyNewPositions.as_view(),
        name="risk-strategy-allow",
    ),
    path(
        "oms/risk/<int:account_id>/allow_new_positions",
        views.AllowNewPositions.as_view(),
        name="risk-allow",
    ),
    path("oms/risk/<int:account_id>/status", views.Status.as_view(), name="risk-status"),
    path("oms/risk/<int:account_id>/limits", views.Limits.as_view(), name="risk-limits"),
]
