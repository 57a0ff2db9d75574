"""Is this value acceptable?

The checks that the database cannot make, each refusing with ``Invalid`` that names field, limit and
value. Values of secrets are never named.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import User
from accounts.words import Engine, LoginPart
from oms_project.errors import EngineUnavailable, Invalid, UnsupportedEngine

IP_ALLOW_LIST_LIMIT = 100
# Columns that the outside knows by another name.
_OUTSIDE_NAMES = {"username": "user_name"}


def _one_of(*words: str) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        return "" if value in words else f"one of {', '.join(words)}"

    return check


def _int_between(low: int, high: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return "" if fits else f"a whole number from {low} to {high}"

    return check


def _text_up_to(length: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        fits = isinstance(value, str) and 0 < len(value) <= length
        return "" if fits else f"text of 1 to {length} characters"

    return check


# Constructor extras of ccxt that an account may carry, each with its check ("" is fine, else the
# limit). A ccxt constructor sets any attribute it is given, so everything else is refused: URLs,
# proxies, headers and whatever holds a secret above all.
EXTRA_CONFIG: Mapping[str, Callable[[Any], str]] = {
    "defaultType": _one_of("spot", "margin", "swap", "future", "option", "delivery"),
    "defaultSubType": _one_of("linear", "inverse"),
    "defaultSettle": _text_up_to(20),
    "timeout": _int_between(1_000, 60_000),
    "rateLimit": _int_between(1, 10_000),
    "uid": _text_up_to(120),
    "accountId": _text_up_to(120),
    "walletAddress": _text_up_to(120),
}

RECONCILE_LOOPS = ("short", "hourly", "long")
RECONCILE_POLICY: Mapping[str, Callable[[Any], str]] = {
    "every_s": _int_between(5, 30 * 86_400),
    "look_back_s": _int_between(60, 366 * 86_400),
}

PROVISIONAL_AFTER_S = (10, 30 * 86_400)


def require_exchange_id(exchange_id: str) -> str:
    """``exchange_id`` names, letter by letter, an engine and an exchange of the installed ccxt.

    Raises:
        UnsupportedEngine: a bare id, or any prefix but ``ccxt.`` and ``ccxtpro.``.
        EngineUnavailable: the prefix is right, and ccxt lacks the exchange.
    """
    prefix, dot, name = exchange_id.partition(".")
    if prefix not in set(Engine) or not dot or not name:
        raise UnsupportedEngine(
            field="exchange_id", limit=[f"{engine}.<id>" for engine in Engine], value=exchange_id
        )
    if exchange_id not in import_string(settings.EXCHANGE_IDS)():
        raise EngineUnavailable(
            "The installed ccxt does not have this exchange.",
            field="exchange_id",
            limit="an id of /meta/exchanges",
            value=exchange_id,
        )
    return exchange_id


def require_word(words: type[StrEnum], value: str, *, field: str) -> StrEnum:
    """``value`` as a word of its vocabulary.

    Raises:
        Invalid: it is none of them.
    """
    try:
        return words(value)
    except ValueError:
        raise Invalid(
            f"{value!r} is not a {field}.", field=field, limit=list(words), value=value
        ) from None


def needed_parts(exchange_id: str) -> tuple[LoginPart, ...]:
    """What the exchange wants to be logged in to."""
    return import_string(settings.LOGIN_PARTS)(exchange_id)


def require_extra_config(extra: Mapping[str, Any]) -> dict[str, Any]:
    """``extra`` holds only what ``EXTRA_CONFIG`` lists.

    Raises:
        Invalid: another key, or a value its check refuses.
    """
    return _checked(extra, EXTRA_CONFIG, field="extra_config")


def require_reconcile_policy(policy: Mapping[str, Any]) -> dict[str, Any]:
    """``policy`` maps some of the loops to ``every_s`` and ``look_back_s``; absent is the default.

    Raises:
        Invalid: another loop or key, or a number out of bounds.
    """
    _require_mapping(policy, field="reconcile_policy")
    for loop, numbers in policy.items():
        if loop not in RECONCILE_LOOPS:
            raise Invalid(
                f"There is no loop {loop!r}.",
                field="reconcile_policy",
                limit=RECONCILE_LOOPS,
                value=loop,
            )
        _checked(numbers, RECONCILE_POLICY, field=f"reconcile_policy.{loop}")
    return dict(policy)


def require_provisional_after(seconds: int | None) -> int | None:
    """``seconds`` after which a fill without its trade is booked provisionally; ``None``: never.

    Raises:
        Invalid: no whole number, or out of bounds.
    """
    least, most = PROVISIONAL_AFTER_S
    is_whole = isinstance(seconds, int) and not isinstance(seconds, bool)
    if seconds is not None and not (is_whole and least <= seconds <= most):
        raise Invalid(
            f"provisional_after_s is {seconds!r}; it has to be {least} to {most}, or null.",
            field="provisional_after_s",
            limit=f"{least} to {most}, or null",
            value=seconds,
        )
    return seconds


def require_ip_allow_list(entries: Iterable[str]) -> list[str]:
    """The addresses and networks, each in its canonical form.

    Raises:
        Invalid: an entry is neither, or there are more than ``IP_ALLOW_LIST_LIMIT``.
    """
    listed = list(entries)
    if len(listed) > IP_ALLOW_LIST_LIMIT:
        raise Invalid(
            "Too many addresses.",
            field="ip_allow_list",
            limit=IP_ALLOW_LIST_LIMIT,
            value=len(listed),
        )
    try:
        return [str(ip_network(entry, strict=False)) for entry in listed]
    except (ValueError, TypeError) as error:
        raise Invalid(
            "Give IP addresses or networks such as 10.0.0.0/8.",
            field="ip_allow_list",
            limit="address or network",
            value=listed,
        ) from error


def require_future(moment: datetime | None, *, field: str) -> datetime | None:
    """``moment`` is still to come, or is None.

    Raises:
        Invalid: it has passed.
    """
    now = timezone.now()
    if moment is not None and moment <= now:
        raise Invalid(f"{field} has passed.", field=field, limit=now, value=moment)
    return moment


def require_password(password: str, *, user: User, field: str = "password") -> str:
    """``password`` keeps the rules of AUTH_PASSWORD_VALIDATORS.

    Raises:
        Invalid: it does not; the message says which rules, never the password.
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(
            " ".join(error.messages), field=field, limit=[item.code for item in error.error_list]
        ) from error
    return password


def require_valid(row: models.Model, *, secret: bool = False) -> None:
    """Every field of ``row`` fits its column.

    Raises:
        Invalid: the first field that does not; without its value where ``secret``.
    """
    try:
        row.clean_fields()
    except ValidationError as error:
        name, problems = next(iter(error.error_dict.items()))
        facts: dict[str, Any] = {"limit": (problems[0].params or {}).get("limit_value")}
        if not secret:
            facts["value"] = getattr(row, name)
        raise Invalid(
            " ".join(problems[0].messages), field=_OUTSIDE_NAMES.get(name, name), **facts
        ) from error


def _checked(
    given: Mapping[str, Any], checks: Mapping[str, Callable[[Any], str]], *, field: str
) -> dict[str, Any]:
    _require_mapping(given, field=field)
    for name, value in given.items():
        if name not in checks:
            raise Invalid(
                f"{name!r} is not allowed here.", field=field, limit=sorted(checks), value=name
            )
        if limit := checks[name](value):
            raise Invalid(
                f"{name} must be {limit}.", field=f"{field}.{name}", limit=limit, value=value
            )
    return dict(given)


def _require_mapping(given: Any, *, field: str) -> None:
    if not isinstance(given, Mapping):
        raise Invalid(
            "Give a JSON object.", field=field, limit="object", value=json.dumps(given, default=str)
        )
