"""Is every execution there, unchanged, and in its place?"""

from positions.ledger.executions import Executed, digest
from positions.ledger.findings import Finding, Report
from positions.ledger.stream import Counters


class Chain:
    """Follows the hash chain of one account's executions as they pass by."""

    def __init__(self, account_id: int, report: Report) -> None:
        self._account_id = account_id
        self._report = report
        self._number = 0
        self._hash = ""

    def follow(self, execution: Executed) -> None:
        """Check the next execution: its number, its own hash, and the one before it."""
        number = execution.number
        if number != self._number + 1:
            self._say(self._missing(self._number + 1, number - 1), "row", "missing", "a row")
        elif execution.previous_hash != self._hash:
            self._say(f"execution {number}", "previous_hash", execution.previous_hash, self._hash)
        found = digest(execution)
        if found != execution.hash:
            self._say(f"execution {number}", "hash", execution.hash, found)
        self._number, self._hash = number, execution.hash

    def end(self, lane: Counters) -> None:
        """Check that nothing is missing at the end: the lane knows count and head."""
        if self._number < lane.executions:
            self._say(self._missing(self._number + 1, lane.executions), "row", "missing", "a row")
        elif self._hash != lane.head:
            self._say(f"execution {self._number}", "hash", self._hash, lane.head)

    def _missing(self, first: int, last: int) -> str:
        return f"execution {first}" if first == last else f"executions {first} to {last}"

    def _say(self, row: str, field: str, live: str, rebuilt: str) -> None:
        self._report(Finding(self._account_id, row, field, live, rebuilt))
