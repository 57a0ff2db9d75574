"""In which forms may a field come, and how does OpenAPI show each?

A form reads one JSON value into one typed value; every error names field, limit and value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from oms_project.errors import Invalid
from positions.engine.errors import EngineError
from positions.engine.money import parse, plain
from positions.engine.stops import TrailingDistance, check_trailing

LARGEST_ID = 2**63 - 1
MOST_ORDER_IDS = 500
LONGEST_EXTRA = 64

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """How one field is read, and how OpenAPI describes it."""

    read: Callable[[str, Any], Any]
    schema: Schema
    required: bool = False
    alias: str | None = None
    nullable: bool = False

    def or_null(self) -> "Form":
        """The same field where null is a wish of its own: it clears."""
        kind = self.schema["type"]
        kinds = [kind] if isinstance(kind, str) else list(kind)
        return replace(self, nullable=True, schema=self.schema | {"type": [*kinds, "null"]})


def amount(
    *, required: bool = False, alias: str | None = None, zero: bool = False, about: str = ""
) -> Form:
    """A decimal above zero (or ``zero``): a string, or a JSON number read without a float."""

    def read(field: str, value: Any) -> Decimal:
        if isinstance(value, bool):
            raise wrong(field, "a decimal as a string or a number", value)
        number = _decimal(field, value)
        if number < 0 or (number == 0 and not zero):
            limit = ">= 0" if zero else "> 0"
            raise Invalid(f"{field} must be {limit}.", field=field, limit=limit, value=number)
        return number

    schema = {"type": ["string", "number"], "format": "decimal", "description": about}
    return Form(read, schema, required, alias)


def text(*, longest: int, required: bool = False, is_id: bool = False, about: str = "") -> Form:
    """Printable text; an id is found again on every database, so no space may surround it."""

    def read(field: str, value: Any) -> str:
        if not isinstance(value, str):
            raise wrong(field, "a string", value)
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


def texts(*, longest: int, most: int, about: str = "") -> Form:
    """A list of texts, each once, in order."""
    one = text(longest=longest, required=True)

    def read(field: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise wrong(field, f"a list of at most {most} strings", value)
        return tuple(dict.fromkeys(one.read(field, item) for item in value))

    schema = {"type": "array", "items": one.schema, "maxItems": most, "description": about}
    return Form(read, schema)


def word(words: tuple[StrEnum, ...], *, required: bool = False, alias: str | None = None) -> Form:
    """One word of a vocabulary."""
    known = {str(item): item for item in words}

    def read(field: str, value: Any) -> StrEnum:
        if not isinstance(value, str) or value not in known:
            raise wrong(field, list(known), value)
        return known[value]

    return Form(read, {"type": "string", "enum": list(known)}, required, alias)


def number(*, required: bool = False, least: int = 1, about: str = "") -> Form:
    """An id."""

    def read(field: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(field, "an integer", value)
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


def numbers(*, required: bool = False, least: int = 1, about: str = "") -> Form:
    """A list of ids, each once, in order."""
    one = number(least=least)

    def read(field: str, value: Any) -> tuple[int, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_ORDER_IDS:
            raise wrong(field, f"a list of 1 to {MOST_ORDER_IDS} ids", value)
        return tuple(dict.fromkeys(one.read(field, item) for item in value))

    schema = {"type": "array", "items": one.schema, "maxItems": MOST_ORDER_IDS}
    return Form(read, schema | {"description": about}, required)


def flag() -> Form:
    """True or false."""

    def read(field: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise wrong(field, "true or false", value)
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
        raise wrong(field, "an ISO 8601 time with a zone", value)

    return Form(read, {"type": "string", "format": "date-time"})


def day() -> Form:
    """A UTC day."""

    def read(field: str, value: Any) -> date:
        try:
            found = date.fromisoformat(value)
        except (TypeError, ValueError):
            found = None
        if found is None or not date(1970, 1, 1) <= found <= date(9999, 12, 30):
            raise wrong(field, "YYYY-MM-DD", value)
        return found

    return Form(read, {"type": "string", "format": "date"})


def fields_of(forms: Mapping[str, Form]) -> Form:
    """An object with fields of its own."""
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: form.schema for name, form in forms.items()},
        "required": [name for name, form in forms.items() if form.required],
    }
    return Form(lambda field, value: read_fields(forms, value, within=field), schema)


def read_fields(forms: Mapping[str, Form], body: Any, *, within: str) -> dict[str, Any]:
    """Read an object by its table; null means absent, but where the field is ``nullable``.

    ``within`` is what the object is called.

    Raises:
        Invalid: a field is unknown, missing, given twice by its alias, or wrong.
    """
    if not isinstance(body, dict):
        raise Invalid(f"The {within} is an object.", field=within, limit="an object",
                      value=kind_of(body))  # fmt: skip
    aliases = {form.alias: name for name, form in forms.items() if form.alias}
    found: dict[str, Any] = {}
    for given, value in body.items():
        name = aliases.get(given, given)
        if name not in forms:
            raise unknown_field(given, list(forms))
        if name in found:
            raise Invalid(f"{name} is given twice.", field=given, limit="once")
        if value is not None:
            found[name] = forms[name].read(given, value)
        elif forms[name].nullable:
            found[name] = None
    for name, form in forms.items():
        if form.required and name not in found:
            raise Invalid(f"{name} is missing.", field=name, limit="required", value=None)
    return found


def unknown_field(field: str, known: list[str]) -> Invalid:
    """The refusal of a field that is in no table."""
    return Invalid("There is no such field.", field=shown(field), limit=known)


def trailing() -> Form:
    """A trailing distance: ``{"amount": "20"}`` or ``{"percent": "1.5"}``."""
    one = amount()

    def read(field: str, value: Any) -> TrailingDistance:
        if not isinstance(value, dict) or not set(value) <= {"amount", "percent"}:
            raise wrong(field, "an object with amount or percent", value)
        distance = TrailingDistance(
            **{name: one.read(f"{field}.{name}", item) for name, item in value.items()}
        )
        try:
            check_trailing(distance)
        except EngineError as error:
            raise Invalid(error.message, **error.facts) from None
        return distance

    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"amount": one.schema, "percent": one.schema},
        "minProperties": 1,
        "maxProperties": 1,
        "description": "How far the stop follows the best price, in the quote currency or percent.",
    }
    return Form(read, schema)


def extras() -> Form:
    """Exchange extras; the gateway's allow-list decides which."""

    def read(field: str, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong(field, "an object", value)
        return {_extra_name(name): _extra(f"params.{name}", item) for name, item in value.items()}

    return Form(read, {"type": "object", "additionalProperties": _EXTRA_SCHEMA})


_EXTRA_SCHEMA = {"type": ["string", "number", "boolean"], "maxLength": LONGEST_EXTRA}


def _extra_name(name: str) -> str:
    if not (name.isidentifier() and name.isascii() and len(name) <= LONGEST_EXTRA):
        raise wrong("params", "names of exchange parameters", name)
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
            raise wrong(field, "a string, a number, true or false", value)


def _decimal(field: str, value: Any) -> Decimal:
    try:
        return parse(value, field=field)
    except EngineError as error:
        raise Invalid(error.message, **error.facts | {"value": shown(value)}) from None


def wrong(field: str, limit: Any, value: Any) -> Invalid:
    """The refusal of a value."""
    return Invalid(f"{field} is not acceptable.", field=field, limit=limit, value=shown(value))


def shown(value: Any) -> str:
    """Enough of a bad value to recognise it, in characters that can be sent back."""
    if not isinstance(value, str | int | Decimal | bool):
        return kind_of(value)
    return str(value)[:64].encode(errors="backslashreplace").decode()


def kind_of(value: Any) -> str:
    """What a JSON value is, in JSON's words."""
    names = {dict: "object", list: "array", type(None): "null", str: "string", bool: "boolean"}
    return names.get(type(value), "number")
