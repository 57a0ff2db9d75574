"""Migrated databases and installed products, as copies: a test run needs dozens that cost seconds.

The first of each kind is made and kept, by this process and, where ``OMS_TEST_TEMPLATES`` names
a folder, for every other one of the same run (``tests/run_all.sh``).
"""

import fcntl
import os
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]

_kept: dict[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class Table:
    """A table after the migrations: how it is made, and the rows that they put in."""

    name: str
    made_by: str
    rows: tuple[tuple[Any, ...], ...]


def are_shared() -> bool:
    """Whether the processes of this run share their templates."""
    return bool(os.environ.get("OMS_TEST_TEMPLATES"))


def fill_sqlite(path: Path) -> None:
    """Put a migrated database there."""
    path.write_bytes(_template("sqlite", _migrated_sqlite))


def fill_mariadb(url: str, name: str) -> None:
    """Make the database ``name`` of a server anew, migrated. ``url`` has no path."""
    _restore(url, name, pickle.loads(_template("mariadb", lambda: _migrated_mariadb(url))))


def fill_installed(kind: str, install: Callable[[Path], None], folder: Path) -> None:
    """Put there what ``install`` once left in a folder of its own; ``kind`` names it."""
    with tarfile.open(fileobj=BytesIO(_template(kind, lambda: _packed(install)))) as packed:
        # Our own; what stands in it is believed. Python knows filters since 3.11.4 only.
        trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
        packed.extractall(folder, **trusted)


def keep_mariadb(url: str, name: str, path: Path) -> None:
    """Write down a database, for `restore_mariadb`."""
    with _cursor(url) as cursor:
        cursor.execute(f"USE {name}")
        path.write_bytes(pickle.dumps(list(_tables(cursor))))


def restore_mariadb(url: str, name: str, path: Path) -> None:
    """Make a database anew as it was written down."""
    _restore(url, name, pickle.loads(path.read_bytes()))


def _packed(install: Callable[[Path], None]) -> bytes:
    packed = BytesIO()
    with TemporaryDirectory() as folder, tarfile.open(fileobj=packed, mode="w") as tar:
        install(Path(folder))
        tar.add(folder, arcname=".")
    return packed.getvalue()


def _restore(url: str, name: str, tables: list[Table]) -> None:
    with _cursor(url) as cursor:
        _make_empty(cursor, name)
        cursor.execute("SET foreign_key_checks = 0")
        for table in tables:
            cursor.execute(table.made_by)
            if table.rows:
                marks = ", ".join(["%s"] * len(table.rows[0]))
                cursor.executemany(f"INSERT INTO `{table.name}` VALUES ({marks})", table.rows)


def drop_mariadb(url: str, name: str) -> None:
    """Forget a database."""
    with _cursor(url) as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")


def _template(kind: str, make: Callable[[], bytes]) -> bytes:
    if kind not in _kept:
        _kept[kind] = _shared(kind, make) if are_shared() else make()
    return _kept[kind]


def _shared(kind: str, make: Callable[[], bytes]) -> bytes:
    """The run's copy; whoever is first makes it, and the others wait."""
    folder = Path(os.environ["OMS_TEST_TEMPLATES"])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}-{_of_these_migrations()}"
    with (folder / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            path.write_bytes(make())
        return path.read_bytes()


def _of_these_migrations() -> str:
    """So that a folder which outlives a change of theirs gives no old copy."""
    files = sorted(ROOT.glob("*/migrations/0*.py"))
    return md5(b"".join(file.read_bytes() for file in files), usedforsecurity=False).hexdigest()


def _migrated_sqlite() -> bytes:
    with TemporaryDirectory() as folder:
        _migrate(folder)
        return (Path(folder) / "oms.sqlite3").read_bytes()


def _migrated_mariadb(url: str) -> bytes:
    name = f"oms_template_{os.getpid()}"
    with _cursor(url) as cursor, TemporaryDirectory() as folder:
        _make_empty(cursor, name)
        try:
            _migrate(folder, DATABASE_URL=f"{url}/{name}")
            return pickle.dumps(list(_tables(cursor)))
        finally:
            cursor.execute(f"DROP DATABASE {name}")


def _migrate(folder: str, **settings: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
    env.pop("DATABASE_URL", None)
    command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    env |= {"OMS_DATA_DIR": folder} | settings
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _make_empty(cursor: Any, name: str) -> None:
    cursor.execute(f"DROP DATABASE IF EXISTS {name}")
    cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    cursor.execute(f"USE {name}")


def _tables(cursor: Any) -> Iterator[Table]:
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
