"""Where do campaigns keep their rows? In this process's memory, on a database of their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory


@contextmanager
def in_memory() -> Iterator[None]:
    """Django is set up inside, on an empty database; whatever imports a model is imported there."""
    with TemporaryDirectory() as folder:
        os.environ |= {"OMS_DATA_DIR": folder, "DATABASE_URL": "sqlite://:memory:"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "oms_project.settings"
        import django  # Settings are read here, so the database has to be chosen before.

        django.setup()
        yield
