"""Does a list cost more after a million rows than after ten thousand? And the sweep?

Ten accounts of a generated ledger, on SQLite and, where it answers, on MariaDB; then their past is
repeated a hundredfold in place. Each read is what a list of the API asks of the database. Each
database is measured by a process of its own, ``bench.growth``.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.growth import LARGE, SMALL
from bench.measuring import Goal, Result, summary
from tests.e2e.conftest import missing_servers
from tests.e2e.product import MARIADB
from tests.templates import drop_mariadb, fill_mariadb

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = "oms_bench_pages"


def run() -> list[Result]:
    """A line per read and database."""
    with tempfile.TemporaryDirectory() as folder:
        results = _measured("SQLite", {"OMS_DATA_DIR": folder})
        if missing := missing_servers():
            print(f"pages: only on SQLite without {' and '.join(missing)}", file=sys.stderr)
            return results
        fill_mariadb(MARIADB, SCHEMA)
        try:
            here = {"OMS_DATA_DIR": folder, "DATABASE_URL": f"{MARIADB}/{SCHEMA}"}
            return results + _measured("MariaDB", here)
        finally:
            drop_mariadb(MARIADB, SCHEMA)


def _measured(database: str, env: dict[str, str]) -> list[Result]:
    print(f"pages on {database}: {SMALL:,} rows, then {LARGE:,}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "bench.growth"]
    known = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(command, cwd=ROOT, env=known | env, stdout=subprocess.PIPE, check=True)
    return [
        summary(Goal(f"{read} on {database}, 1M ÷ 10k rows: ≤ 1.5", "ms", at_most=1.5), pairs)
        for read, pairs in json.loads(done.stdout).items()
    ]
