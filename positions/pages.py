"""How is the newest page of many accounts read without walking what is older?

Each account's index is walked from its end for one page at most, and the ends are merged. One
condition over all accounts would make SQLite sort every row that they ever had, and MariaDB walk
the primary key through everybody else's rows until a quiet account's turn up.
"""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import QuerySet


def newest(by_account: Sequence[QuerySet], most: int, *, skip: int = 0) -> list[Any]:
    """Up to ``most`` rows with the highest ids, newest first, after the ``skip`` newest.

    ``by_account`` are reads of one table, each ordered by ``-id``. One of them costs one query,
    several cost two: the ids, then their rows.
    """
    if len(by_account) == 1:
        return list(by_account[0][skip : skip + most])
    ids = _newest_ids(by_account, skip + most)[skip:]
    rows = by_account[0].model.objects.all()
    rows.query.select_related = by_account[0].query.select_related
    found = rows.in_bulk(ids)
    return [found[row_id] for row_id in ids if row_id in found]


def _newest_ids(by_account: Sequence[QuerySet], most: int) -> list[int]:
    connection = connections[by_account[0].db]
    parts: list[str] = []
    values: list[Any] = []
    for place, rows in enumerate(by_account):
        try:
            sql, given = rows.values("pk")[:most].query.get_compiler(connection=connection).as_sql()
        except EmptyResultSet:
            continue  # A condition that no row can meet: strategies of a key that has none.
        parts.append(f"SELECT * FROM ({sql}) AS account_{place}")  # noqa: S608 (Django wrote it)
        values += given
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"{' UNION ALL '.join(parts)} ORDER BY 1 DESC LIMIT {most:d}", values)
        return [row_id for (row_id,) in cursor.fetchall()]
