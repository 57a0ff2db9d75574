"""How do a million rows get into a database within minutes?

Not through the ORM's instances: every row is a dictionary laid over the model's defaults, and some
thousand of them go in one statement. Columns that are added to a model later need nothing here.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from django.db import connection, models

from positions.fields import fixed_form

AT_ONCE = 2_000


class Table:
    """Rows of one model, written whenever there are enough of them."""

    def __init__(self, model: type[models.Model]) -> None:
        fields = [field for field in model._meta.concrete_fields if not _counts_itself(field)]
        self._defaults = {field.attname: field.get_default() for field in fields}
        columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
        places = ", ".join(["%s"] * len(fields))
        table = connection.ops.quote_name(model._meta.db_table)
        self._insert = f"INSERT INTO {table} ({columns}) VALUES ({places})"
        self._waiting: list[list[Any]] = []

    def add(self, facts: Mapping[str, Any]) -> None:
        """Add a row: attribute names and values, defaults for what is left out.

        Raises:
            ValueError: the model has no such attribute.
        """
        row = self._defaults | facts
        if len(row) != len(self._defaults):
            raise ValueError(f"unknown: {sorted(facts.keys() - self._defaults.keys())}")
        self._waiting.append([_stored(value) for value in row.values()])
        if len(self._waiting) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            with connection.cursor() as cursor:
                cursor.executemany(self._insert, self._waiting)
            self._waiting.clear()


def _counts_itself(field: models.Field) -> bool:
    if field.generated:
        return True
    return isinstance(field, models.AutoField) and field.model.__name__ not in _NUMBERED


_NUMBERED = {"Order", "Execution", "Position"}
"""Models whose ids are given, because other rows of the ledger name them."""


def _stored(value: Any) -> Any:
    if value is None or type(value) in (int, str, bool):
        return value
    if isinstance(value, Decimal):
        return fixed_form(value)
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    if isinstance(value, Enum):
        return value.value
    return json.dumps(value)
