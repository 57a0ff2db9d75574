"""Addresses of the gateway."""

from django.urls import path

from gateway.api import reconciling, stories, symbols, views

urlpatterns = [
    path("meta/exchanges", views.Exchanges.as_view(), name="exchanges"),
    path("oms/orders/<int:order_id>/story", stories.Story.as_view(), name="order-story"),
    path("oms/symbols", symbols.Symbols.as_view(), name="symbols"),
    path("oms/reconcile", reconciling.Reconcile.as_view(), name="reconcile"),
    path("oms/reconcile/status", reconciling.AllStatus.as_view(), name="reconcile-status"),
    path(
        "oms/reconcile/<int:account_id>/status",
        reconciling.OneStatus.as_view(),
        name="reconcile-account-status",
    ),
    path("ccxt/orders/raw", views.RawOrders.as_view(), name="raw-orders"),
    path("ccxt/trades/raw", views.RawTrades.as_view(), name="raw-trades"),
    path("ccxt/commands", views.CcxtBatch.as_view(), name="ccxt-batch"),
    path("ccxt/core/<int:account_id>/<str:func>", views.CcxtCore.as_view(), name="ccxt-core"),
    path("ccxt/<int:account_id>/<str:func>", views.CcxtCall.as_view(), name="ccxt-call"),
]
