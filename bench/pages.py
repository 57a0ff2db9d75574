"""Does a page of a list cost more after a million deals than after ten thousand? And the sweep?

Two databases with the same kind of history, one a hundredfold longer, on MariaDB (on SQLite where
no server answers); a process each, ``bench.growth``, answers a client's requests. For every request
both take turns. Compared is the 95th percentile.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.measuring import Result, figure, percentile
from tests.e2e.conftest import missing_servers
from tests.e2e.product import MARIADB
from tests.templates import drop_mariadb, fill_mariadb

ROOT = Path(__file__).resolve().parents[1]
SMALL, LARGE = 10_000, 1_000_000
ROUNDS = 60
AT_MOST = 1.5


def run() -> list[Result]:
    """A line per request."""
    missing = missing_servers()
    if missing:
        print(f"pages: on SQLite, without {' and '.join(missing)}", file=sys.stderr)
    print(f"pages: writing {SMALL:,} and {LARGE:,} deals …", file=sys.stderr, flush=True)
    with ExitStack() as stack:
        small, large = (
            stack.enter_context(_answering(size, on_sqlite=bool(missing)))
            for size in (SMALL, LARGE)
        )
        return [_told_while_measured(_compared(name, small, large)) for name in small.names]


class Answering:
    """A process that has a history of one length and says how long an answer took."""

    def __init__(self, process: subprocess.Popen) -> None:
        self._process = process
        self.names: list[str] = json.loads(self._line())

    def ask(self, name: str) -> float:
        """Milliseconds of the request of this name."""
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The process that answers has ended.")
        return line


@contextmanager
def _answering(size: int, *, on_sqlite: bool) -> Iterator[Answering]:
    schema = f"oms_bench_pages_{size}"
    known = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    with tempfile.TemporaryDirectory() as folder:
        here = {"OMS_DATA_DIR": folder}
        if not on_sqlite:
            fill_mariadb(MARIADB, schema)
            here["DATABASE_URL"] = f"{MARIADB}/{schema}"
        command = [sys.executable, "-m", "bench.growth", str(size)]
        talking = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        try:
            with subprocess.Popen(command, cwd=ROOT, env=known | here, **talking) as process:
                try:
                    yield Answering(process)
                finally:
                    process.kill()
        finally:
            if not on_sqlite:
                drop_mariadb(MARIADB, schema)


def _compared(name: str, small: Answering, large: Answering) -> Result:
    small.ask(name), large.ask(name)
    pairs = [(small.ask(name), large.ask(name)) for _ in range(ROUNDS)]
    few, many = ([pair[place] for pair in pairs] for place in (0, 1))
    ratio = percentile(many, 95) / percentile(few, 95)
    return Result(
        goal=f"{name}, p95 of 1M ÷ 10k: ≤ {AT_MOST}",
        baseline=_told(few),
        ours=_told(many),
        ratio=round(ratio, 3),
        spread=f"p50 {percentile(many, 50) / percentile(few, 50):.2f}",
        reached=ratio <= AT_MOST,
    )


def _told_while_measured(result: Result) -> Result:
    print(f"{result.goal}: {result.ratio}, {result.spread}", file=sys.stderr, flush=True)
    return result


def _told(times: list[float]) -> str:
    return f"p50 {figure(percentile(times, 50), 'ms')}, p95 {figure(percentile(times, 95), 'ms')}"
