"""The addresses that the app's own tests speak to."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("", include("positions.api.urls"))]
