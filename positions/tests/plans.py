"""What does the database say of how it reads? For tests that pin plans, not times."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from django.test.utils import CaptureQueriesContext

_SQLITE_STEP = re.compile(r"(SEARCH|SCAN) (\S+)(?: USING (?:COVERING )?(?:INDEX (\S+)|(INTEGER)))?")


@dataclass(frozen=True, slots=True)
class Step:
    """One table read: by which index (empty: all of it), "PRIMARY" for the key."""

    table: str
    index: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of all queries that a piece of work sent about one table."""

    steps: tuple[Step, ...]
    sorts: bool

    @property
    def indexes(self) -> set[str]:
        """What the rows were found by; rows fetched by their key are left out."""
        return {step.index for step in self.steps} - {"PRIMARY"}


def learn(*read: type[models.Model]) -> None:
    """Tell MariaDB how its rows are spread, as it learns by itself in time; SQLite never does.

    That commits, so whoever asks needs ``transactional_db``.
    """
    if connection.vendor == "sqlite":
        return
    with connection.cursor() as cursor:
        for model in read:
            cursor.execute(f"ANALYZE TABLE {model._meta.db_table}")


def plan_of(model: type[models.Model], work: Callable[[], Any]) -> Plan:
    """How ``work`` reads the table of ``model``; other tables are not looked at."""
    table = model._meta.db_table
    with CaptureQueriesContext(connection) as captured:
        work()
    asked = [row["sql"] for row in captured if row["sql"].startswith(("SELECT", "(SELECT"))]
    explain = _explained_by_sqlite if connection.vendor == "sqlite" else _explained_by_mariadb
    plans = [explain(sql, table) for sql in asked if re.search(rf"\b{table}\b", sql)]
    assert plans, f"nothing was read from {table}"
    steps = [step for plan in plans for step in plan.steps]
    return Plan(tuple(steps), any(plan.sorts for plan in plans))


def _explained_by_sqlite(sql: str, table: str) -> Plan:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        lines = [(parent, line) for _, parent, _, line in cursor.fetchall()]
    found = [(parent, match) for parent, line in lines if (match := _SQLITE_STEP.match(line))]
    read = {parent: match for parent, match in found if match[2] == table}
    steps = [
        Step(table, match[3] or ("PRIMARY" if match[4] else ""))
        for _, match in found
        if match[2] == table
    ]
    sorted_in = {parent for parent, line in lines if "TEMP B-TREE FOR ORDER BY" in line}
    return Plan(tuple(steps), bool(sorted_in & {*read}))


def _explained_by_mariadb(sql: str, table: str) -> Plan:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN FORMAT=JSON {sql}")
        told = json.loads(cursor.fetchone()[0])
    steps: list[Step] = []
    sorts: list[str] = []
    _walk(told, table, steps, sorts)
    return Plan(tuple(steps), bool(sorts))


def _walk(told: Any, table: str, steps: list[Step], sorts: list[str]) -> None:
    """Collect the reads of ``table`` and the sorts of rows of it from MariaDB's tree."""
    if isinstance(told, list):
        for each in told:
            _walk(each, table, steps, sorts)
    if not isinstance(told, dict):
        return
    if told.get("table_name") == table:
        steps.append(Step(table, told.get("key", "")))
    for name, inner in told.items():
        if name == "filesort" and f'"{table}"' in json.dumps(inner):
            sorts.append(name)
        _walk(inner, table, steps, sorts)
