"""Where are the addresses of ``accounts``? Included at the root."""

from django.urls import path

from accounts.api import backoffice, personal, two_factor, views

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
    path("user/two-factor", two_factor.TwoFactor.as_view(), name="two-factor"),
    path(
        "user/two-factor/confirm",
        two_factor.TwoFactorConfirm.as_view(),
        name="two-factor-confirm",
    ),
    path("user/two-factor/remove", two_factor.TwoFactorRemove.as_view(), name="two-factor-remove"),
    path("user/settings", personal.Settings.as_view(), name="settings"),
    path("user/views", personal.Views.as_view(), name="views"),
    path("user/views/<int:view_id>", personal.OneView.as_view(), name="view"),
    path("strategies", views.Strategies.as_view(), name="strategies"),
    path("backoffice/users", backoffice.Users.as_view(), name="backoffice-users"),
    path("backoffice/users/<int:user_id>", backoffice.OneUser.as_view(), name="backoffice-user"),
    path(
        "backoffice/users/<int:user_id>/two-factor",
        backoffice.UserTwoFactor.as_view(),
        name="backoffice-user-two-factor",
    ),
    path("backoffice/api-keys", backoffice.Keys.as_view(), name="backoffice-api-keys"),
    path(
        "backoffice/api-keys/<int:api_key_id>",
        backoffice.OneKey.as_view(),
        name="backoffice-api-key",
    ),
    path(
        "backoffice/api-keys/<int:api_key_id>/permissions",
        backoffice.Permissions.as_view(),
        name="backoffice-permissions",
    ),
    path("backoffice/strategies", backoffice.Strategies.as_view(), name="backoffice-strategies"),
    path(
        "backoffice/strategies/<int:strategy_id>",
        backoffice.OneStrategy.as_view(),
        name="backoffice-strategy",
    ),
]
