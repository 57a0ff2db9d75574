"""What all tests share: their database, a copy of the migrated one where a run of all tests keeps
one; and files of pages that are looked for when they are asked for.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection
from django.test import TransactionTestCase

from tests import templates

# What follows from the models alone; no test writes there.
KEPT = {"auth_permission", "django_content_type"}
FIXTURES = {"db", "transactional_db", "client", "admin_client"}  # Those that bring the database.


def pytest_configure() -> None:
    """Each new test client would list all files of pages, and be a hundred times slower to make."""
    settings.WHITENOISE_AUTOREFRESH = True
    TransactionTestCase._fixture_teardown = _empty_tables


def _empty_tables(_: TransactionTestCase) -> None:
    """After a test that commits. Django's own way makes the rows of `KEPT` anew, one by one."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    emptied = [table for table in tables if table not in KEPT]
    statements = connection.ops.sql_flush(no_style(), emptied)
    connection.ops.execute_sql_flush(statements)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The second database runs no test again that asks none."""
    parser.addoption(
        "--on-database", action="store_true", help="only tests that use a database or servers"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would be the same on any database."""
    if config.getoption("on_database"):
        left_out = [item for item in items if not _uses_servers(item)]
        items[:] = [item for item in items if _uses_servers(item)]
        config.hook.pytest_deselected(items=left_out)


def _uses_servers(item: pytest.Item) -> bool:
    marks = {mark.name for mark in item.iter_markers()}
    return bool(marks & {"django_db", "mariadb", "redis"} | FIXTURES & set(item.fixturenames))


@pytest.fixture(scope="session")
def django_db_keepdb(
    request: pytest.FixtureRequest, django_db_modify_db_settings: None
) -> Iterator[bool]:
    """Whether the migrated database is there already; put there first, if the run has a copy."""
    if not templates.are_shared():
        yield request.config.getvalue("reuse_db")
        return
    name = connection.creation._get_test_db_name()
    if connection.vendor == "sqlite":
        templates.fill_sqlite(Path(name))
        yield True
        return
    url, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    templates.fill_mariadb(url, name)
    yield True
    connection.close()
    templates.drop_mariadb(url, name)
