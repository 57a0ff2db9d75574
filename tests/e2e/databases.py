"""Databases for products: the first of each kind is migrated, those after it are copies.

The migrations cost seconds, and a test run starts dozens of products.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_kept_file: list[bytes] = []
_kept_tables: list["Table"] = []


@dataclass(frozen=True, slots=True)
class Table:
    """A table after the migrations: how it is made, and the rows that they put in."""

    name: str
    made_by: str
    rows: tuple[tuple[Any, ...], ...]


def fill_sqlite(path: Path, migrate: Callable[[], object]) -> None:
    """Put a migrated database there; ``migrate`` makes the first one."""
    if path.exists():
        return
    if _kept_file:
        path.write_bytes(_kept_file[0])
        return
    migrate()
    _kept_file.append(path.read_bytes())


def fill_mariadb(url: str, name: str, migrate: Callable[[], object]) -> None:
    """Make the database ``name`` of a server anew, migrated; ``migrate`` makes the first one."""
    with _cursor(url) as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        cursor.execute(f"USE {name}")
        if not _kept_tables:
            migrate()
            _kept_tables.extend(_read(cursor))
            return
        cursor.execute("SET foreign_key_checks = 0")
        for table in _kept_tables:
            cursor.execute(table.made_by)
            if table.rows:
                marks = ", ".join(["%s"] * len(table.rows[0]))
                cursor.executemany(f"INSERT INTO `{table.name}` VALUES ({marks})", table.rows)


def drop_mariadb(url: str, name: str) -> None:
    """Forget a database."""
    with _cursor(url) as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")


def _read(cursor: Any) -> Iterator[Table]:
    cursor.execute("SHOW TABLES")
    for (name,) in cursor.fetchall():
        cursor.execute(f"SHOW CREATE TABLE `{name}`")
        made_by = cursor.fetchone()[1]
        cursor.execute(f"SELECT * FROM `{name}`")
        yield Table(name, made_by, cursor.fetchall())


@contextmanager
def _cursor(url: str) -> Iterator[Any]:
    import MySQLdb  # A machine without it tests everything else.

    parts = urlsplit(url)
    connection = MySQLdb.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username or "root",
        password=parts.password or "",
        charset="utf8mb4",
        autocommit=True,
    )
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
