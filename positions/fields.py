"""How is money stored without losing a digit?

Django's own ``DecimalField`` goes through a C double on SQLite and keeps 15 digits. This field
keeps 38 (20 before the point, 18 after) on every database that we support, whatever Decimal context
is set.
"""

from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.db import models

from positions.engine.money import CONTEXT, INTEGER_DIGITS, ONE, PLACES, UNIT, ZERO

_LIMIT = Decimal(10) ** INTEGER_DIGITS


class ExactDecimalField(models.Field):
    """A ``Decimal`` below 10^20 with at most 18 fraction digits, stored exactly.

    DECIMAL(38,18) on MariaDB and MySQL, fixed-form TEXT on SQLite. SQL must never add, compare or
    sort this column: SQLite would do so as text. Values that do not fit raise instead of rounding.
    """

    description = "Exact decimal (38 digits, 18 after the point)"
    empty_strings_allowed = False

    def db_type(self, connection):
        """The column's type: text on SQLite, a true decimal elsewhere."""
        return "text" if connection.vendor == "sqlite" else "decimal(38, 18)"

    def from_db_value(self, value, expression, connection):
        """Drop the padding zeros, so that ``1.500000000000000000`` reads back as ``1.5``."""
        return None if value is None else _read(value)

    def to_python(self, value):
        """Accept ``Decimal``, ``int`` and ``str``; refuse floats, which lost digits already."""
        if value is None or isinstance(value, Decimal):
            return value
        if isinstance(value, float):
            raise ValidationError(f"{self.name}: {value!r} is a float; give a string or a Decimal")
        return Decimal(value)

    def get_prep_value(self, value):
        """The exact fixed form.

        Raises:
            ValidationError: the value is not finite or needs more digits than the column has.
        """
        value = self.to_python(super().get_prep_value(value))
        return None if value is None else fixed_form(value, name=self.name)


def fixed_form(value: Decimal, *, name: str = "value") -> str:
    """``value`` with exactly 18 fraction digits.

    Raises:
        ValidationError: not finite, 10^20 or more, or finer than 18 fraction digits.
    """
    if not value.is_finite():
        raise ValidationError(f"{name}: {value} is not a finite number")
    if value.copy_abs() >= _LIMIT:
        raise ValidationError(f"{name}: {value} needs more than {INTEGER_DIGITS} integer digits")
    fixed = value.quantize(UNIT, ROUND_DOWN, CONTEXT)
    if fixed != value:
        raise ValidationError(f"{name}: {value} needs more than {PLACES} fraction digits")
    return format(fixed, "f")


@lru_cache(maxsize=10_000)  # A ledger says the same numbers again and again, zero above all.
def _read(value: str | Decimal) -> Decimal:
    """What a database gave, without the zeros behind it."""
    if isinstance(value, str) and value[-PLACES - 1 : -PLACES] == ".":
        return Decimal(value.rstrip("0").rstrip(".")) or ZERO  # Needs no arithmetic.
    return _trimmed(Decimal(value))


def _trimmed(value: Decimal) -> Decimal:
    """The same number without trailing zeros and without an exponent."""
    if not value:
        return ZERO
    trimmed = value.normalize(CONTEXT)
    return trimmed if trimmed.as_tuple().exponent <= 0 else trimmed.quantize(ONE, context=CONTEXT)


def choices(words: type[StrEnum]) -> list[tuple[str, str]]:
    """A vocabulary of the engine as Django choices."""
    return [(word.value, word.value) for word in words]


class Word(models.CharField):
    """A column holding one word of an engine vocabulary."""

    def __init__(self, words: type[StrEnum] | None = None, **options):
        if words is not None:
            options.setdefault("choices", choices(words))
        options.setdefault("max_length", 24)
        super().__init__(**options)


class Day(models.Func):
    """The UTC day of a time, as SQLite and MySQL both reckon it without a time zone of theirs."""

    function = "DATE"
    arity = 1
    output_field = models.DateField()


class Month(models.Func):
    """The UTC month of a time as a number: 202601."""

    template = "EXTRACT(YEAR_MONTH FROM %(expressions)s)"
    arity = 1
    output_field = models.IntegerField()

    def as_sqlite(self, compiler, connection, **context):
        """SQLite has no EXTRACT."""
        time = "%(expressions)s"  # As text: 2026-01-31 12:00:00.
        template = f"CAST(SUBSTR({time}, 1, 4) || SUBSTR({time}, 6, 2) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


def day_of(column: str) -> models.GeneratedField:
    """The day of another column; takes no place in the row, only in indexes."""
    return models.GeneratedField(
        expression=Day(column), output_field=models.DateField(null=True), db_persist=False
    )


def month_of(column: str) -> models.GeneratedField:
    """The month of another column, as ``Month``; takes no place in the row, only in indexes."""
    return models.GeneratedField(
        expression=Month(column), output_field=models.IntegerField(null=True), db_persist=False
    )
