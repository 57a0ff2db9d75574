"""How is JSON read without a float in between?"""

import json
from decimal import Decimal
from typing import Any

from rest_framework.parsers import BaseParser

from oms_project.errors import MalformedJson, PayloadTooLarge

_DEEPEST = 20


def read_json(data: bytes) -> Any:
    """Parse JSON with numbers as ``int`` and ``Decimal``, never ``float``.

    ``NaN`` and ``Infinity`` become decimals too, so that the check of their field can name it.

    Raises:
        MalformedJson: it is not JSON, not UTF-8, repeats a name, is nested too deep, or a text in
            it is none: half of a surrogate pair can be neither stored nor sent back.
    """
    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_int=_int_or_decimal,
            parse_constant=Decimal,
            object_pairs_hook=_unique_names,
        )
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise MalformedJson(position=getattr(error, "pos", None)) from None
    _require_plain(value)
    return value


class ExactJsonParser(BaseParser):
    """DRF's parser for every body."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        """Read the whole body."""
        from django.conf import settings

        data = stream.read(settings.OMS_MAX_BODY_BYTES + 1)
        if len(data) > settings.OMS_MAX_BODY_BYTES:
            raise PayloadTooLarge(limit=settings.OMS_MAX_BODY_BYTES)
        return read_json(data)


def _int_or_decimal(text: str) -> int | Decimal:
    """A long run of digits would take quadratic time as an int, and fits no field anyway."""
    return int(text) if len(text) <= 40 else Decimal(text)


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found


def _require_plain(value: Any, level: int = 0) -> None:
    """Every text is one, and nothing lies too deep."""
    if level > _DEEPEST:
        raise MalformedJson("The JSON is nested too deep.", limit=_DEEPEST)
    match value:
        case str():
            _require_text(value)
        case dict():
            for name, item in value.items():
                _require_text(name)
                _require_plain(item, level + 1)
        case list():
            for item in value:
                _require_plain(item, level + 1)


def _require_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise MalformedJson("A text holds half of a surrogate pair.") from None
