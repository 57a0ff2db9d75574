"""What is the account's exchange, as ccxt describes it?

The bot's own ccxt knows every exchange's abilities, precision rules, time frames, fees and
features. They are taken from its class, whatever stands in its place in ``ccxt`` now; the OMS's
abilities are merged in.
"""

import importlib
from collections.abc import Mapping
from functools import cache
from types import MethodType
from typing import Any

import requests
from ccxt.base.exchange import Exchange

from ccxt_driver.settings import Settings
from ccxt_driver.words import FACTS, OFFERED, ORDER_SHORTHANDS, OWN, STREAMS

ASKING_S = 5
# What only reads ``self.markets`` and options, and what some exchanges' classes do their own way.
LOCAL_METHODS = (
    "amount_to_precision", "price_to_precision", "cost_to_precision", "fee_to_precision",
    "currency_to_precision", "calculate_fee",
)  # fmt: skip
TAKEN = (
    "id", "name", "countries", "version", "certified", "timeframes", "fees", "limits", "features",
    "exceptions", "precisionMode", "paddingMode", "commonCurrencies", "options",
)  # fmt: skip

_asked: dict[Settings, str] = {}


def exchange_id(settings: Settings) -> str | None:
    """ccxt's id of the account's exchange; ``None`` while the OMS cannot be asked.

    Where it was not named, the OMS is asked once per process.
    """
    if settings.exchange_id is not None:
        return settings.exchange_id
    if settings not in _asked:
        found = _from_oms(settings)
        if found is None:
            return None
        _asked[settings] = found
    return _asked[settings]


def of_accounts(settings: Settings, accounts: Mapping[str, Any]) -> str | None:
    """ccxt's id in an answer of ``GET /oms/accounts``."""
    for row in accounts.get("items", ()):
        if row["id"] == settings.account_id:
            return row["exchange_id"].partition(".")[2]
    return None


def described(name: str | None, *, streams: bool) -> dict[str, Any]:
    """What ``describe`` says: the exchange's own facts, and what can be called through the OMS."""
    if name is None:
        return {"id": "oms", "name": "OMS", "has": _has({}, streams=streams)}
    model = model_of(name)
    said = model.deep_extend(Exchange.describe(model), model.describe())
    facts = {word: said[word] for word in TAKEN if word in said}
    return facts | {"has": _has(model.has, streams=streams)}


@cache
def model_of(name: str) -> Exchange:
    """An instance of the exchange's own class, to read from; nobody calls it."""
    return model_class(name)()


@cache
def model_class(name: str) -> type[Exchange]:
    """From its module: the name in ``ccxt`` itself may have been patched."""
    return getattr(importlib.import_module(f"ccxt.{name}"), name)


def lend_methods(exchange: Exchange, name: str) -> None:
    """Round and charge as the exchange's own class does, where it differs from ccxt's base."""
    for word in LOCAL_METHODS:
        theirs = getattr(model_class(name), word)
        if theirs is not getattr(Exchange, word):
            setattr(exchange, word, MethodType(theirs, exchange))


def _has(theirs: Mapping[str, Any], *, streams: bool) -> dict[str, Any]:
    has: dict[str, Any] = {}
    for name, value in theirs.items():
        offered = name in OFFERED or name in FACTS
        has[name] = value if offered else False
    has |= dict.fromkeys(OWN, True)
    has |= {name: theirs.get(name, True) for name in ORDER_SHORTHANDS}
    has |= {"fetchMarkets": True, "ws": streams}
    has |= dict.fromkeys(STREAMS, streams)
    return has


def _from_oms(settings: Settings) -> str | None:
    headers = {"x-api-key": settings.api_key}
    try:
        answer = requests.get(
            f"{settings.base_url}/oms/accounts", headers=headers, timeout=ASKING_S
        )
        return of_accounts(settings, answer.json()) if answer.ok else None
    except (requests.RequestException, ValueError):
        return None  # Asked again by load_markets, which tells what is wrong.
