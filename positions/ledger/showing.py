"""How does a long check show where it is and what it found?"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from positions.ledger.findings import Finding, Seen
from positions.models import AccountLane

MOST_SHOWN = 200
BOOKINGS = "bookings"
_NARROWEST = 140


def lanes(account_id: int | None) -> dict[int, int]:
    """The accounts to look at, with how many bookings each has.

    Raises:
        LookupError: there is no such account.
    """
    rows = AccountLane.objects.order_by("account_id")
    if account_id is not None:
        rows = rows.filter(pk=account_id)
    found = dict(rows.values_list("account_id", "last_booking_no"))
    if account_id is not None and not found:
        raise LookupError(f"there is no account {account_id}")
    return found


class Shown:
    """Prints the first findings as they come and counts the rest; times the run."""

    def __init__(self, out: TextIO) -> None:
        self.count = 0
        self.bookings = 0
        self.console = Console(file=out, highlight=False, soft_wrap=True)
        if self.console.width < _NARROWEST:
            self.console = Console(file=out, highlight=False, width=_NARROWEST)
        self._began = time.monotonic()
        self._early_mb = 0

    def report(self, finding: Finding) -> None:
        """Name a difference."""
        self.count += 1
        if self.count <= MOST_SHOWN:
            self.console.print(
                f"account {finding.account_id}  {finding.row}  {finding.field}: "
                f"live {finding.live}, ledger {finding.rebuilt}",
                markup=False,
                soft_wrap=True,
            )

    @contextmanager
    def progress(self, total: int, of: str = BOOKINGS) -> Iterator[Seen]:
        """A bar on a terminal, nothing elsewhere."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        bar = Progress(
            *columns, console=self.console, disable=not self.console.is_terminal, transient=True
        )
        with bar:
            task = bar.add_task(of, total=total)

            def seen(count: int) -> None:
                if of == BOOKINGS:
                    self.bookings += count
                    if not self._early_mb and self.bookings * 10 >= total:
                        self._early_mb = _peak_mb()
                bar.advance(task, count)

            yield seen

    def table(self, title: str, columns: list[str], lines: list[list[str]]) -> None:
        """Print a table."""
        table = Table(*columns, title=title, title_justify="left")
        for line in lines:
            table.add_row(*line)
        self.console.print(table)

    def summary(self, accounts: int) -> None:
        """How much was looked at, how fast, with how much memory, and what came of it."""
        seconds = max(time.monotonic() - self._began, 0.001)
        if self.count > MOST_SHOWN:
            self.console.print(f"… and {self.count - MOST_SHOWN} more")
        self.console.print(
            f"{self.bookings} bookings of {accounts} accounts in {seconds:.1f} s "
            f"({self.bookings / seconds:.0f}/s), memory at most {self._early_mb} MB in the first "
            f"tenth and {_peak_mb()} MB in all, differences: {self.count}"
        )


def _peak_mb() -> int:
    """The most memory this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (1024 * 1024 if sys.platform == "darwin" else 1024)
