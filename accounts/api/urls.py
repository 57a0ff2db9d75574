"""Where are the addresses of ``accounts``? Included at the root."""

from django.urls import path

from accounts.api import views

urlpatterns = [
    path("auth/login-password", views.LoginPassword.as_view(), name="login-password"),
    path("auth/logout", views.Logout.as_view(), name="logout"),
    path("user/profile", views.Profile.as_view(), name="profile"),
    path("user/password", views.Password.as_view(), name="password"),
    path("user/api-keys", views.ApiKeys.as_view(), name="api-keys"),
    path("user/api-keys/<int:api_key_id>", views.ApiKeyChange.as_view(), name="api-key"),
    path(
        "user/api-keys/<int:api_key_id>/permissions",
        views.ApiKeyPermissions.as_view(),
        name="api-key-permissions",
    ),
    path("strategies", views.Strategies.as_view(), name="strategies"),
]
