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
        MalformedJson: it is not JSON, not UTF-8, repeats a name, or is nested too deep.
    """
    try:
        value = json.loads(
            data,
            parse_float=Decimal,
            parse_int=_int_or_decimal,
            parse_constant=Decimal,
            object_pairs_hook=_unique_names,
        )
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise MalformedJson(position=getattr(error, "pos", None)) from None
    if _depth(value) > _DEEPEST:
        raise MalformedJson("The JSON is nested too deep.", limit=_DEEPEST)
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


def _depth(value: Any, level: int = 0) -> int:
    if level > _DEEPEST:
        return level
    children = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return level
    return max((_depth(child, level + 1) for child in children), default=level)
