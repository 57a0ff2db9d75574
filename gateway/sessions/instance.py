"""How is a ccxt instance of ours made?

From an allow-list: login, time-out, rate limit and the options of
``gateway.exchanges.capabilities``. A ccxt constructor sets any attribute that it is given, methods
included.
"""

import logging
import ssl
import threading
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from accounts.credentials import ExchangeLogin
from gateway.exchanges import capabilities
from gateway.exchanges.logins import as_ccxt
from gateway.exchanges.profile import Profile
from gateway.exchanges.rebase import base_of
from gateway.pacing import pace_of
from gateway.sessions.outcomes import NoSession
from gateway.sessions.wire import wired

_importing = threading.Lock()


def build(profile: Profile, login: ExchangeLogin | None) -> Any:
    """A ccxt instance for the account, from allow-listed settings only; nothing is sent yet.

    Raises:
        NoSession: the installed ccxt has no such exchange, or no test venue of it.
    """
    cls = _ccxt_class(profile.exchange_id)
    config: dict[str, Any] = {
        "session": None,  # Ours, made when the loop runs (gateway.sessions.wire).
        "enableRateLimit": True,
        "timeout": settings.OMS_EXCHANGE_TIMEOUT_MS,
        "options": capabilities.options(profile.exchange_id, default_type=profile.default_type),
    }
    if profile.uid:
        config["uid"] = profile.uid
    if login is not None:
        config |= as_ccxt(login)
    exchange = cls(config)
    if capabilities.facts(profile.exchange_id).float_numbers:
        exchange.number = float
    exchange.ssl_context = _ssl_context()
    exchange.pace = pace_of(exchange, profile)
    exchange.wire_base = base_of(capabilities.ccxt_id(profile.exchange_id))
    if profile.is_testnet and exchange.wire_base is None:
        # A re-based exchange is where its operator says, with the paths of the real one.
        try:
            exchange.set_sandbox_mode(True)
        except Exception as error:  # noqa: BLE001 (raised again, without ccxt's text)
            raise NoSession(
                "The exchange has no test venue in ccxt.", exception=type(error).__name__
            ) from None
    return exchange


@cache
def offered(ccxt_id: str) -> Mapping[str, Any]:
    """What the installed ccxt says that an exchange has, by method; nothing is sent.

    Raises:
        NoSession: the installed ccxt has no such exchange.
    """
    return dict(_ccxt_class(capabilities.PREFIXES[0] + ccxt_id)().has)


def _ccxt_class(exchange_id: str) -> type:
    if exchange_id not in capabilities.exchange_ids():
        raise NoSession("The installed ccxt has no such exchange.", exchange_id=exchange_id)
    logging.getLogger("ccxt").setLevel(logging.WARNING)  # Its DEBUG lines carry API keys.
    # One at a time: the two import each other's parts, and threads that begin at both ends are
    # refused by Python as a deadlock (seen once, on a busy machine).
    with _importing:
        if capabilities.is_streaming(exchange_id):
            import ccxt.pro as module  # 1.4 s and 112 MB, only where it is used.
        else:
            import ccxt.async_support as module  # 0.9 s and 78 MB.
    return wired(getattr(module, capabilities.ccxt_id(exchange_id)))


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all sessions; reading the certificates takes 20 ms."""
    import certifi  # Comes with ccxt.

    return ssl.create_default_context(cafile=certifi.where())
