"""Whose account is traded, and where is the OMS?

Both ways of construction end in one ``Settings``: ccxt's (a dictionary with ``apiKey`` and
``options``) and the short one (keywords). What neither says is read from ``CCXT_OMS_*``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ccxt.base.errors import ArgumentsRequired

from ccxt_driver.words import DEFAULT_BASE_URL, VARIABLES

_OURS = ("account_id", "strategy_id", "exchange_id")


@dataclass(frozen=True)
class Settings:
    """``exchange_id``: ccxt's id of the account's exchange, where it was named."""

    base_url: str
    api_key: str
    account_id: int
    strategy_id: int | None
    exchange_id: str | None

    @property
    def ws_url(self) -> str:
        return self.base_url.replace("http", "ws", 1) + "/ws"


def read(config: Mapping[str, Any] | None, given: Mapping[str, Any]) -> tuple[Settings, dict]:
    """The settings, and what is left for ccxt's own constructor.

    Raises:
        ArgumentsRequired: there is no account id, or it is no number.
    """
    rest = {**(config or {}), **given}
    options = dict(rest.get("options") or {})
    named = {name: _first(rest.pop(name, None), options.get(name)) for name in _OURS}
    urls = rest.pop("urls", None)
    base_url = _first(rest.pop("base_url", None), options.get("base_url"), _address(urls))
    api_key = _first(rest.pop("api_key", None), rest.get("apiKey"), _variable("API_KEY"), "")
    settings = Settings(
        base_url=_first(base_url, _variable("BASE_URL"), DEFAULT_BASE_URL).rstrip("/"),
        api_key=api_key,
        account_id=_number("account_id", _first(named["account_id"], _variable("ACCOUNT_ID"))),
        strategy_id=_optional(
            "strategy_id", _first(named["strategy_id"], _variable("STRATEGY_ID"))
        ),
        exchange_id=named["exchange_id"],
    )
    return settings, rest | {"apiKey": api_key, "options": options}


def _address(urls: Any) -> str | None:
    """ccxt's ``urls``: one address, or ``api`` as one or as several by name."""
    if isinstance(urls, Mapping):
        urls = urls.get("api", urls.get("rest"))
    if isinstance(urls, Mapping):
        urls = next(iter(urls.values()), None)
    return urls


def _variable(name: str) -> str | None:
    return os.environ.get(VARIABLES + name) or None


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _optional(name: str, value: Any) -> int | None:
    return None if value is None else _number(name, value)


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise ArgumentsRequired(
            f"the OMS driver needs {name}, a number: in options, as a keyword or as "
            f"{VARIABLES}{name.upper()}"
        ) from None
