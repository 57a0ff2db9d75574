"""What can be done with users, keys, exchange accounts and strategies?

One module per noun. Every service takes ``by``, the actor for the audit trail.
"""

from accounts.services import two_factor
from accounts.services.accounts import (
    add_account,
    set_testnet,
    update_account,
    upsert_credentials,
)
from accounts.services.keys import (
    IssuedKey,
    change_permissions,
    create_api_key,
    grant,
    revoke_api_key,
    set_permissions,
    template_grants,
    update_api_key,
)
from accounts.services.logins import (
    LogIn,
    confirm_own_two_factor,
    enrol_own_two_factor,
    identify,
    log_in,
    log_out,
    remove_own_two_factor,
)
from accounts.services.own_keys import create_own_api_key, update_own_api_key
from accounts.services.strategies import (
    create_own_strategy,
    create_strategy,
    link_strategy,
    linked_account_ids,
    set_strategy_status,
    update_strategy,
)
from accounts.services.users import (
    change_password,
    create_user,
    set_password,
    update_profile,
    update_user,
)

__all__ = [
    "IssuedKey",
    "LogIn",
    "add_account",
    "change_password",
    "change_permissions",
    "confirm_own_two_factor",
    "create_api_key",
    "create_own_api_key",
    "create_own_strategy",
    "create_strategy",
    "create_user",
    "enrol_own_two_factor",
    "grant",
    "identify",
    "link_strategy",
    "linked_account_ids",
    "log_in",
    "log_out",
    "remove_own_two_factor",
    "revoke_api_key",
    "set_password",
    "set_permissions",
    "set_strategy_status",
    "set_testnet",
    "template_grants",
    "two_factor",
    "update_account",
    "update_api_key",
    "update_own_api_key",
    "update_profile",
    "update_strategy",
    "update_user",
    "upsert_credentials",
]
