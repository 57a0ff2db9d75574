"""How does a JSON body become a typed command?

One table per command says which fields there are, in which form, and what OpenAPI shows of them.
Unknown fields are refused; every error names field, limit and value.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from oms_project.errors import Invalid
from positions import commands
from positions.engine.errors import EngineError
from positions.engine.money import parse, plain
from positions.engine.types import OrderType, Reason, Side, TimeInForce

LARGEST_ID = 2**63 - 1
MOST_ORDER_IDS = 500
LONGEST_EXTRA = 64
OFFERED_TYPES = (OrderType.MARKET, OrderType.LIMIT)
GIVEN_REASONS = tuple(
    reason for reason in Reason if reason in ("api", "trader", "portfolio_manager", "robot", "risk")
)

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """How one field is read, and how OpenAPI describes it."""

    read: Callable[[str, Any], Any]
    schema: Schema
    required: bool = False
    alias: str | None = None


def amount(*, required: bool = False, alias: str | None = None, about: str = "") -> Form:
    """A decimal above zero: a string, or a JSON number read without a float."""

    def read(field: str, value: Any) -> Decimal:
        if isinstance(value, bool):
            raise _wrong(field, "a decimal as a string or a number", value)
        number = _decimal(field, value)
        if number <= 0:
            raise Invalid(f"{field} must be above zero.", field=field, limit="> 0", value=number)
        return number

    schema = {"type": ["string", "number"], "format": "decimal", "description": about}
    return Form(read, schema, required, alias)


def text(*, longest: int, required: bool = False, is_id: bool = False, about: str = "") -> Form:
    """Printable text; an id is found again on every database, so no space may surround it."""

    def read(field: str, value: Any) -> str:
        if not isinstance(value, str):
            raise _wrong(field, "a string", value)
        if len(value) > longest:
            raise Invalid(
                f"{field} is longer than {longest} characters.",
                field=field,
                limit=longest,
                value=len(value),
            )
        if required and not value:
            raise Invalid(f"{field} is empty.", field=field, limit="not empty", value=value)
        if not value.isprintable():
            raise Invalid(
                f"{field} holds characters that cannot be shown.",
                field=field,
                limit="printable characters",
            )
        if is_id and (not value or value != value.strip()):
            raise Invalid(
                f"{field} is empty or has spaces around it.", field=field, limit="no spaces around"
            )
        return value

    schema = {"type": "string", "maxLength": longest, "description": about}
    return Form(read, schema, required)


def word(words: tuple[StrEnum, ...], *, required: bool = False, alias: str | None = None) -> Form:
    """One word of a vocabulary."""
    known = {str(item): item for item in words}

    def read(field: str, value: Any) -> StrEnum:
        if not isinstance(value, str) or value not in known:
            raise _wrong(field, list(known), value)
        return known[value]

    return Form(read, {"type": "string", "enum": list(known)}, required, alias)


def number(*, required: bool = False, least: int = 1, about: str = "") -> Form:
    """An id."""

    def read(field: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong(field, "an integer", value)
        if not least <= value <= LARGEST_ID:
            raise Invalid(
                f"{field} is not between {least} and {LARGEST_ID}.",
                field=field,
                limit=[least, LARGEST_ID],
                value=str(value),
            )
        return value

    schema = {"type": "integer", "format": "int64", "minimum": least, "description": about}
    return Form(read, schema, required)


def numbers(*, least: int = 1, about: str = "") -> Form:
    """A list of ids, each once, in order."""
    one = number(least=least)

    def read(field: str, value: Any) -> tuple[int, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_ORDER_IDS:
            raise _wrong(field, f"a list of 1 to {MOST_ORDER_IDS} ids", value)
        return tuple(dict.fromkeys(one.read(field, item) for item in value))

    schema = {"type": "array", "items": one.schema, "maxItems": MOST_ORDER_IDS}
    return Form(read, schema | {"description": about})


def flag() -> Form:
    """True or false."""

    def read(field: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise _wrong(field, "true or false", value)
        return value

    return Form(read, {"type": "boolean"})


def moment() -> Form:
    """A time with its zone, ISO 8601."""

    def read(field: str, value: Any) -> datetime:
        try:
            found = datetime.fromisoformat(value)
            if found.tzinfo is not None:
                return found.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            pass
        raise _wrong(field, "an ISO 8601 time with a zone", value)

    return Form(read, {"type": "string", "format": "date-time"})


def extras() -> Form:
    """Exchange extras; the gateway's allow-list decides which."""

    def read(field: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(field, "an object", value)
        return {_extra_name(name): _extra(f"params.{name}", item) for name, item in value.items()}

    return Form(read, {"type": "object", "additionalProperties": _EXTRA_SCHEMA})


_EXTRA_SCHEMA = {"type": ["string", "number", "boolean"], "maxLength": LONGEST_EXTRA}


def _extra_name(name: str) -> str:
    if not (name.isidentifier() and name.isascii() and len(name) <= LONGEST_EXTRA):
        raise _wrong("params", "names of exchange parameters", name)
    return name


def _extra(field: str, value: Any) -> str | bool | int:
    """A plain value; a number with a point becomes its text, so that no digit is lost."""
    match value:
        case bool():
            return value
        case int() | Decimal():
            number = _decimal(field, value)
            return int(value) if isinstance(value, int) else plain(number)
        case str() if len(value) <= LONGEST_EXTRA and value.isprintable():
            return value
        case _:
            raise _wrong(field, "a string, a number, true or false", value)


_ORDER_OPTIONS = {
    "price": amount(about="Limit price in the quote currency."),
    "time_in_force": word(tuple(TimeInForce)),
    "expires_at": moment(),
    "post_only": flag(),
    "reason": word(GIVEN_REASONS),
    "comment": text(longest=255),
    "client_order_id": text(
        longest=64, is_id=True, about="Yours, unique among live orders of the account."
    ),
    "params": extras(),
}

FORMS: dict[str, dict[str, Form]] = {
    "send_order": {
        "symbol": text(longest=64, required=True, about="ccxt's unified symbol: BTC/USDT."),
        "side": word(tuple(Side), required=True),
        "order_type": word(OFFERED_TYPES, required=True, alias="type"),
        "qty": amount(required=True, alias="amount", about="Base units; contracts elsewhere."),
        "reduce_only": flag(),
        "strategy_id": number(least=0),
        "position_id": number(least=0, about="0 or absent: automatic."),
        **_ORDER_OPTIONS,
    },
    "cancel_order": {"order_id": number(), "order_ids": numbers()},
    "cancel_all_orders": {
        "strategy_ids": numbers(least=0, about="Absent: every strategy."),
        "symbol": text(longest=64),
    },
    "change_order": {
        "order_id": number(required=True),
        "new_price": amount(),
        "new_qty": amount(about="The new total, what is filled included."),
        "new_trigger_price": amount(),
    },
    "close_position": {
        "position_id": number(required=True),
        "qty": amount(alias="amount", about="Absent: all that is free."),
        "order_type": word(OFFERED_TYPES, alias="type"),
        "strategy_id": number(least=0),
        **_ORDER_OPTIONS,
    },
}

_ENVELOPE = {
    "account_id": number(),
    "command": text(longest=32, required=True),
    "request_id": text(longest=128, is_id=True),
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command and the envelope fields it came in; ``account_id`` may have to be looked up."""

    name: str
    account_id: int | None
    request_id: str | None
    payload: dict[str, Any]
    command: commands.Command


def parse_command(body: Any) -> Parsed:
    """Read one command of the request.

    Raises:
        Invalid: naming the field, its limit and its value.
    """
    if not isinstance(body, dict):
        raise Invalid("A command is an object.", field="", limit="an object", value=_kind(body))
    unknown = sorted(set(body) - {*_ENVELOPE, "payload"})
    if unknown:
        raise _unknown(unknown[0], [*_ENVELOPE, "payload"])
    envelope = {
        name: form.read(name, body[name])
        for name, form in _ENVELOPE.items()
        if body.get(name) is not None
    }
    name = envelope.get("command")
    if name not in FORMS:
        raise Invalid("There is no such command.", field="command", limit=list(FORMS), value=name)
    payload = body.get("payload", {})
    fields = read_fields(FORMS[name], payload)
    return Parsed(
        name=name,
        account_id=envelope.get("account_id"),
        request_id=envelope.get("request_id"),
        payload=as_json(fields),
        command=_BUILD[name](fields),
    )


def read_fields(forms: Mapping[str, Form], payload: Any) -> dict[str, Any]:
    """Read ``payload`` by its table; null means absent.

    Raises:
        Invalid: a field is unknown, missing, given twice by its alias, or wrong.
    """
    if not isinstance(payload, dict):
        raise Invalid("The payload is an object.", field="payload", limit="an object",
                      value=_kind(payload))  # fmt: skip
    aliases = {form.alias: name for name, form in forms.items() if form.alias}
    found: dict[str, Any] = {}
    for given, value in payload.items():
        name = aliases.get(given, given)
        if name not in forms:
            raise _unknown(given, list(forms))
        if name in found:
            raise Invalid(f"{name} is given twice.", field=given, limit="once")
        if value is not None:
            found[name] = forms[name].read(given, value)
    for name, form in forms.items():
        if form.required and name not in found:
            raise Invalid(f"{name} is missing.", field=name, limit="required", value=None)
    return found


def fingerprint(parsed: Parsed, account_id: int) -> str:
    """SHA-256 of the canonical body: decimals normalised, aliases resolved, names sorted."""
    canonical = json.dumps([account_id, parsed.name, parsed.payload], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def as_json(value: Any) -> Any:
    """A parsed value as JSON types, decimals and times as canonical text."""
    match value:
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat()
        case StrEnum():
            return value.value
        case dict():
            return {name: as_json(item) for name, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
        case _:
            return value


def _send_order(fields: dict[str, Any]) -> commands.SendOrder:
    return commands.SendOrder(**_with_time_in_force(fields))


def _close_position(fields: dict[str, Any]) -> commands.ClosePosition:
    return commands.ClosePosition(**_with_time_in_force(fields))


def _cancel_order(fields: dict[str, Any]) -> commands.CancelOrder:
    one, some = fields.get("order_id"), fields.get("order_ids")
    if (one is None) == (some is None):
        raise Invalid("Give order_id or order_ids.", field="order_id", limit="exactly one of them")
    return commands.CancelOrder(some if one is None else (one,))


def _with_time_in_force(fields: dict[str, Any]) -> dict[str, Any]:
    """``post_only`` is the time in force PO; GTD and its expiry belong together."""
    fields = dict(fields)
    post_only = fields.pop("post_only", False)
    given = fields.get("time_in_force")
    if post_only and given not in (None, TimeInForce.PO, TimeInForce.GTC):
        raise Invalid(
            "A post-only order cannot have this time in force.",
            field="time_in_force",
            limit=[TimeInForce.PO, TimeInForce.GTC],
            value=given,
        )
    if post_only:
        fields["time_in_force"] = TimeInForce.PO
    expires = fields.get("expires_at")
    if (fields.get("time_in_force") is TimeInForce.GTD) != (expires is not None):
        raise Invalid("GTD and expires_at need each other.", field="expires_at", limit="with GTD")
    return fields


_BUILD: dict[str, Callable[[dict[str, Any]], commands.Command]] = {
    "send_order": _send_order,
    "cancel_order": _cancel_order,
    "cancel_all_orders": lambda fields: commands.CancelAllOrders(**fields),
    "change_order": lambda fields: commands.ChangeOrder(**fields),
    "close_position": _close_position,
}


def _decimal(field: str, value: Any) -> Decimal:
    try:
        return parse(value, field=field)
    except EngineError as error:
        raise Invalid(error.message, **error.facts | {"value": shown(value)}) from None


def _wrong(field: str, limit: Any, value: Any) -> Invalid:
    return Invalid(f"{field} is not acceptable.", field=field, limit=limit, value=shown(value))


def _unknown(field: str, known: list[str]) -> Invalid:
    return Invalid("There is no such field.", field=shown(field), limit=known)


def shown(value: Any) -> str:
    """Enough of a bad value to recognise it, in characters that can be sent back."""
    if not isinstance(value, str | int | Decimal | bool):
        return _kind(value)
    return str(value)[:64].encode(errors="backslashreplace").decode()


def _kind(value: Any) -> str:
    names = {dict: "object", list: "array", type(None): "null", str: "string", bool: "boolean"}
    return names.get(type(value), "number")
