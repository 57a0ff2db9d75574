"""Addresses of the OMS."""

from django.urls import path

from positions.api import backoffice, views

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
    path("oms/reassign", views.Reassign.as_view(), name="reassign"),
    path("oms/reconcile/cases", views.Cases.as_view(), name="cases"),
    path(
        "oms/reconcile/cases/<int:case_id>/resolve",
        views.CaseResolution.as_view(),
        name="resolve-case",
    ),
    path("oms/accounts", views.Accounts.as_view(), name="oms-accounts"),
    path("backoffice/accounts", backoffice.Accounts.as_view(), name="backoffice-accounts"),
    path(
        "backoffice/accounts/<int:account_id>",
        backoffice.OneAccount.as_view(),
        name="backoffice-account",
    ),
    path(
        "backoffice/accounts/<int:account_id>/test-connection",
        backoffice.ConnectionTest.as_view(),
        name="backoffice-test-connection",
    ),
    path("backoffice/oms/orders/open", backoffice.OpenOrders.as_view()),
    path("backoffice/oms/orders/history", backoffice.OrderHistory.as_view()),
    path("backoffice/oms/orders/<str:ids>", backoffice.OrdersById.as_view()),
    path("backoffice/oms/deals", backoffice.Deals.as_view()),
    path("backoffice/oms/deals/<str:ids>", backoffice.DealsById.as_view()),
    path("backoffice/oms/positions/open", backoffice.OpenPositions.as_view()),
    path("backoffice/oms/positions/history", backoffice.PositionHistory.as_view()),
    path("backoffice/oms/positions/<str:ids>", backoffice.PositionsById.as_view()),
    path("backoffice/oms/events", backoffice.Events.as_view()),
]
