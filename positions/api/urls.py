"""Addresses of the OMS."""

from django.urls import path

from positions.api import views

urlpatterns = [
    path("oms/commands", views.Commands.as_view(), name="commands"),
    path("oms/orders/open", views.OpenOrders.as_view(), name="open-orders"),
    path("oms/orders/history", views.OrderHistory.as_view(), name="order-history"),
    path("oms/orders/<str:ids>", views.OrdersById.as_view(), name="orders"),
    path("oms/deals", views.Deals.as_view(), name="deals"),
    path("oms/deals/<str:ids>", views.DealsById.as_view(), name="deals-by-id"),
    path("oms/positions/open", views.OpenPositions.as_view(), name="open-positions"),
    path("oms/positions/history", views.PositionHistory.as_view(), name="position-history"),
    path("oms/positions/<str:ids>", views.PositionsById.as_view(), name="positions"),
    path("oms/events", views.Events.as_view(), name="events"),
    path("oms/reconcile/cases", views.Cases.as_view(), name="cases"),
    path("oms/accounts", views.Accounts.as_view(), name="oms-accounts"),
]
