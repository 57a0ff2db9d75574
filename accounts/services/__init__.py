"""What can be done with users, keys, exchange accounts and strategies?

One module per noun. Every service takes ``by``, the actor for the audit trail.
"""

from accounts.services.accounts import add_account, set_testnet, upsert_credentials
from accounts.services.keys import (
    IssuedKey,
    create_api_key,
    create_own_api_key,
    grant,
    revoke_api_key,
    template_grants,
    update_own_api_key,
)
from accounts.services.logins import LogIn, log_in, log_out
from accounts.services.strategies import (
    create_own_strategy,
    create_strategy,
    link_strategy,
    set_strategy_status,
)
from accounts.services.users import change_password, create_user, set_password, update_profile

__all__ = [
    "IssuedKey",
    "LogIn",
    "add_account",
    "change_password",
    "create_api_key",
    "create_own_api_key",
    "create_own_strategy",
    "create_strategy",
    "create_user",
    "grant",
    "link_strategy",
    "log_in",
    "log_out",
    "revoke_api_key",
    "set_password",
    "set_strategy_status",
    "set_testnet",
    "template_grants",
    "update_own_api_key",
    "update_profile",
    "upsert_credentials",
]
