"""Addresses of the gateway."""

from django.urls import path

from gateway.api import views

urlpatterns = [path("meta/exchanges", views.Exchanges.as_view(), name="exchanges")]
