"""How is the newest page of a list read without walking what is older?

A list comes in parts, at least one of each account, and each part's rows stand at the end of an
index; see ``VisibleQuerySet.walks``. Each index is walked from its end for one page at most, and
the ends are merged. The index is named in the query: SQLite, left to itself, sorts every row that
an account ever had, and MariaDB walks the primary key through everybody else's rows, or the index
from its end down to a cursor.

Rows of some days are no index's end, as ids follow the booking, not the time. They are cut into
whole months and single days, each of which ends an index again. Where a bucket's newest id is below
what was found already, nobody looks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet

from positions.querysets import Days, VisibleQuerySet

FEW = 2_000
"""Of so few rows of a strategy or symbol the days are looked through one by one."""
BUCKETS_AT_ONCE = 8
SHORT = timedelta(days=31)
_Whole = tuple[int | None, str, date | int]
"""Account, unit and value of a bucket."""
_MANY_HAVE = {"strategy_id", "position_strategy_id", "symbol"}


def newest(parts: Sequence[VisibleQuerySet], most: int, *, skip: int = 0) -> list[Any]:
    """Up to ``most`` rows with the highest ids, newest first, after the ``skip`` newest.

    ``parts`` are reads of one table without a row in common, each ordered by ``-id``. The ids are
    found first, then their rows; a single part without an index of its own costs one query.
    """
    if len(parts) == 1 and parts[0].index is None:
        return list(parts[0][skip : skip + most])
    ids = _newest_ids(parts, skip + most)[skip:]
    rows = parts[0].model.objects.all()
    rows.query.select_related = parts[0].query.select_related
    found = rows.in_bulk(ids)
    return [found[row_id] for row_id in ids if row_id in found]


def _newest_ids(parts: Sequence[VisibleQuerySet], most: int) -> list[int]:
    by_days, whole = [], []
    for part in parts:
        (by_days if _is_read_by_days(part) else whole).append(part)
    found = _ends([_Walk(part, part.index) for part in whole], most)
    return _through_buckets(by_days, most, found) if by_days else found


@dataclass(frozen=True, slots=True)
class _Walk:
    """Rows to read from the end of an index; where it is None the database chooses."""

    rows: QuerySet
    index: str | None

    def sql(self, most: int) -> tuple[str, tuple[Any, ...]]:
        """The ids of the ``most`` newest of them.

        Raises:
            EmptyResultSet: no row can meet the conditions.
        """
        connection = connections[self.rows.db]
        ids = self.rows.values("pk")[:most]
        sql, values = ids.query.get_compiler(connection=connection).as_sql()
        if self.index is None:
            return sql, values
        table = f"FROM {connection.ops.quote_name(self.rows.model._meta.db_table)}"
        return sql.replace(table, f"{table} {_by(connection, self.index)}", 1), values


def _ends(walks: Iterable[_Walk], most: int) -> list[int]:
    """The ``most`` highest ids of all, highest first."""
    parts: list[str] = []
    values: list[Any] = []
    database = ""
    for walk in walks:
        database = walk.rows.db
        try:
            sql, given = walk.sql(most)
        except EmptyResultSet:
            continue  # Strategies of a key that has none.
        parts.append(sql)
        values += given
    if not parts:
        return []
    asked = parts[0] if len(parts) == 1 else _union(parts, most)
    with connections[database].cursor() as cursor:
        cursor.execute(asked, values)
        return [row_id for (row_id,) in cursor.fetchall()]


def _union(parts: list[str], most: int) -> str:
    told = (f"SELECT * FROM ({sql}) AS part_{place}" for place, sql in enumerate(parts))  # noqa: S608 (Django wrote it)
    return f"{' UNION ALL '.join(told)} ORDER BY 1 DESC LIMIT {most:d}"


# --- days -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A day or a month of a part."""

    part: VisibleQuerySet
    unit: str
    value: date | int

    @property
    def wanted(self) -> _Walk:
        """The rows of the part in it."""
        column, index = self.part.buckets[self.unit]
        return _Walk(self.part.filter(**{column: self.value}), index)

    @property
    def whole(self) -> _Whole:
        """What it is a bucket of, whatever else the part is cut by."""
        return self.part.account_id, self.unit, self.value


def _is_read_by_days(part: VisibleQuerySet) -> bool:
    """Whether days are the best way to its rows: nothing narrower is asked for."""
    if part.days is None or not part.buckets or part.cuts.keys() - _MANY_HAVE:
        return False
    if not part.cuts or _is_short(part.days):
        return True
    alike = part.model.objects.filter(account_id=part.account_id, **part.cuts)
    return alike.values("pk")[FEW : FEW + 1].exists()


def _through_buckets(parts: list[VisibleQuerySet], most: int, found: list[int]) -> list[int]:
    """The ``most`` highest ids of ``found`` and of the parts, by as few buckets as show them."""
    buckets = [bucket for part in parts for bucket in _buckets(part)]
    newest_ids = _newest_of_each(parts[0], list(dict.fromkeys(each.whole for each in buckets)))
    filled = [
        (row_id, place)
        for place, each in enumerate(buckets)
        if (row_id := newest_ids[each.whole]) is not None
    ]
    filled.sort(reverse=True)
    begin, count = 0, BUCKETS_AT_ONCE
    while begin < len(filled):
        if len(found) == most and found[-1] > filled[begin][0]:
            break  # Whatever is left is older.
        chosen = [buckets[place].wanted for _, place in filled[begin : begin + count]]
        found = sorted([*found, *_ends(chosen, most)], reverse=True)[:most]
        begin, count = begin + count, count * 2
    return found


def _buckets(part: VisibleQuerySet) -> Iterator[_Bucket]:
    """The whole months and the days between them that make up the part's days."""
    day, last = _span(part)
    while day <= last:
        following = (day.replace(day=1) + timedelta(days=31)).replace(day=1)
        if day.day == 1 and following - timedelta(days=1) <= last:
            yield _Bucket(part, "month", day.year * 100 + day.month)
            day = following
        else:
            yield _Bucket(part, "day", day)
            day += timedelta(days=1)


def _span(part: VisibleQuerySet) -> tuple[date, date]:
    """The first and the last day; of a long time no further than there are rows of the account."""
    start, end = part.days.start, part.days.end
    if start and end and _is_short(part.days):
        return start, end
    column, _ = part.buckets["day"]
    every = part.model.objects.filter(account_id=part.account_id, **{f"{column}__isnull": False})
    days = every.values_list(column, flat=True)
    first, last = days.order_by(column).first(), days.order_by(f"-{column}").first()
    if first is None:
        return date.max, date.min
    return max(first, start or first), min(last, end or last)


def _is_short(days: Days) -> bool:
    return bool(days.start and days.end and days.end - days.start < SHORT)


def _newest_of_each(part: VisibleQuerySet, wholes: list[_Whole]) -> dict[_Whole, int | None]:
    """The newest id of each below the cursor, None where it has none; by one query.

    Written by hand: to have Django write some hundred of them takes longer than to answer them.
    """
    if not wholes:
        return {}
    connection = connections[part.db]
    table = connection.ops.quote_name(part.model._meta.db_table)
    below = "" if part.before is None else f" AND id < {part.before:d}"
    asked = {
        unit: f"(SELECT id FROM {table} {_by(connection, index)} "  # noqa: S608 (names of ours)
        f"WHERE account_id = %s AND {column} = %s{below} ORDER BY id DESC LIMIT 1)"
        for unit, (column, index) in part.buckets.items()
    }
    values: list[Any] = []
    for account_id, _, value in wholes:
        values += [account_id, str(value)]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(asked[unit] for _, unit, _ in wholes)}", values)
        return dict(zip(wholes, cursor.fetchone(), strict=True))


def _by(connection: Any, index: str) -> str:
    name = connection.ops.quote_name(index)
    return f"INDEXED BY {name}" if connection.vendor == "sqlite" else f"FORCE INDEX ({name})"
