"""Whose account does a script trade, and where is its OMS?

``login`` is the account's id, ``password`` the API key, ``server`` the OMS's address. A script that
names a broker's instead cannot mean the OMS: then all three come from the environment, as does
whatever it does not name.
"""

import os
from dataclasses import dataclass

from ccxt_driver.mt5.failures import Failure
from ccxt_driver.words import DEFAULT_BASE_URL, VARIABLES

VARIABLE = "OMS_"
_KEYS = ("cxp_", "tok_")
NO_LOGIN = (-6, "Terminal: Authorization failed (no API key: password, or OMS_API_KEY)")


@dataclass(frozen=True)
class Login:
    """``account_id``: None where the key's only account is meant."""

    account_id: int | None
    api_key: str
    base_url: str


def read(
    login: int | None, password: str | None, server: str | None, before: Login | None
) -> Login:
    """What was given; then what the connection ``before`` had; then the environment.

    Raises:
        Failure: there is no API key.
    """
    if not _is_ours(password, server):
        login = password = server = None
    api_key = password or (before and before.api_key) or _variable("API_KEY")
    base_url = server or (before and before.base_url) or _variable("BASE_URL") or DEFAULT_BASE_URL
    if not api_key:
        raise Failure(*NO_LOGIN)
    named = _variable("ACCOUNT_ID") if login is None else login
    return Login(None if named is None else int(named), api_key, base_url.rstrip("/"))


def _is_ours(password: str | None, server: str | None) -> bool:
    return (not password or password.startswith(_KEYS)) and (not server or "://" in server)


def _variable(name: str) -> str | None:
    """Of this façade, else of the driver that it is a part of."""
    return os.environ.get(VARIABLE + name) or os.environ.get(VARIABLES + name) or None
