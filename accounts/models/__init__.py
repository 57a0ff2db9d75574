"""Who exists, which exchange accounts there are, and which key may do what on them?

Registered with this app, and told in rooms of their own: ``accounts.trail``, ``accounts.personal``.
"""

from accounts.models.exchange_accounts import Account, Credentials, Strategy
from accounts.models.keys import (
    LOGIN_TOKEN_LIFE,
    ApiKey,
    KeyPermission,
    KeyStrategy,
    LoginToken,
)
from accounts.models.people import LoginFailures, RecoveryCode, TwoFactor, User
from accounts.personal.models import PersonalSettings, SavedView
from accounts.trail.models import AppendOnly, AuditEntry, AuditHead, Refusal

__all__ = [
    "LOGIN_TOKEN_LIFE",
    "Account",
    "ApiKey",
    "AppendOnly",
    "AuditEntry",
    "AuditHead",
    "Credentials",
    "KeyPermission",
    "KeyStrategy",
    "LoginFailures",
    "LoginToken",
    "PersonalSettings",
    "RecoveryCode",
    "Refusal",
    "SavedView",
    "Strategy",
    "TwoFactor",
    "User",
]
