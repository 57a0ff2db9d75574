"""Which limit did a value of a body not keep?

DRF says only in a sentence what was wrong; the limit is taken from the field that found it.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

UNKNOWN = "unknown"

_NEEDED = {
    "required": "required",
    "null": "not null",
    "blank": "not empty",
    "empty": "not empty",
    "not_a_list": "a list",
    "not_a_dict": "an object",
    "null_characters_not_allowed": "printable characters",
    "surrogate_characters_not_allowed": "printable characters",
}
_BOUNDS = ("max_length", "min_length", "max_value", "min_value")
_KINDS: tuple[tuple[type[Any], str], ...] = (
    (serializers.BooleanField, "true or false"),
    (serializers.IntegerField, "an integer"),
    (serializers.DateTimeField, "an ISO 8601 time with a zone"),
    (serializers.EmailField, "an e-mail address"),
    (serializers.CharField, "a string"),
    (serializers.BaseSerializer, "an object"),
)


def limit_of(body: serializers.BaseSerializer[Any], path: str, problem: ErrorDetail) -> Any:
    """The limit of the field at ``path``, such as ``permissions.0.account_id``; JSON types.

    A number for bounds, a list for words and for the names of known fields, else a few words:
    ``required``, ``an integer``. None where the field does not say.
    """
    if problem.code == UNKNOWN:
        around = _field_at(body, path.rpartition(".")[0])
        return sorted(getattr(around, "fields", ()))
    if problem.code in _NEEDED:
        return _NEEDED[problem.code]
    field = _field_at(body, path)
    if problem.code in _BOUNDS:
        return getattr(field, problem.code, None)
    if isinstance(field, serializers.ChoiceField):
        return list(field.choices)
    kinds = (words for kind, words in _KINDS if isinstance(field, kind))
    return getattr(field, "expects", None) or next(kinds, None)


def told_value(value: Any, problem: ErrorDetail) -> Any:
    """What is said of a value that was refused: how long it is where that is what is wrong."""
    if problem.code in ("max_length", "min_length") and isinstance(value, str | list):
        return len(value)
    return value[:_ENOUGH] if isinstance(value, str) else value


_ENOUGH = 64  # To recognise it by.


def _field_at(body: Any, path: str) -> Any:
    """The field that a path of names and places leads to; None where it leads nowhere."""
    field = body
    for name in filter(None, path.split(".")):
        inner = getattr(field, "fields", None)
        field = inner.get(name) if isinstance(inner, Mapping) else getattr(field, "child", None)
    return field
